"""An image is published after all checks, for two processors, and not before a container of it has answered."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.version import VERSION
from tests.contract.test_github import GITHUB, ROOT, loaded

DOCKER = """#!/bin/sh
echo "$*" >>"$CALLS"
cat >/dev/null
"""


@pytest.fixture
def jobs() -> dict[str, Any]:
    found: dict[str, Any] = loaded(GITHUB / "workflows/publish.yml")["jobs"]
    return found


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--old-file", ".venv/.installed-dev", "IMAGE=registry.test/Owner/classifier", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, input="", capture_output=True, text=True, timeout=120
    )


def with_docker(folder: Path) -> dict[str, str]:
    """Return an environment in which `docker` does nothing and says that all is well."""
    program = folder / "docker"
    program.write_text(DOCKER)
    program.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "CALLS": str(folder / "calls"), "REGISTRY_PASSWORD": "secret"}


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines() if (folder / "calls").exists() else []


def test_images_are_built_after_all_checks_and_named_after_all_images(jobs: dict[str, Any]) -> None:
    assert jobs["check"]["uses"] == "./.github/workflows/ci.yml"
    assert "workflow_call" in loaded(GITHUB / "workflows/ci.yml")["on"]
    assert jobs["image"]["needs"] == "check"
    assert jobs["index"]["needs"] == "image"
    assert [step["run"] for step in jobs["image"]["steps"] if "run" in step] == ["make publish"]
    assert [step["run"] for step in jobs["index"]["steps"] if "run" in step] == ["make publish-index"]


def test_the_index_names_an_image_of_each_processor_that_one_is_built_on(jobs: dict[str, Any]) -> None:
    planned = make("--dry-run", "publish-index", f"TAG=v{VERSION}").stdout

    names = [f'"registry.test/owner/classifier:{VERSION}-{processor}"' for processor in ("amd64", "arm64")]
    assert f'imagetools create --tag "registry.test/owner/classifier:{VERSION}" {" ".join(names)}\n' in planned
    runners = jobs["image"]["strategy"]["matrix"]["runner"]
    assert ["arm" in runner for runner in runners] == [False, True]


def test_what_is_pushed_is_what_was_tested_and_says_what_it_is_made_of() -> None:
    planned = make("--dry-run", "publish", f"TAG=v{VERSION}").stdout.splitlines()
    first, second = (line for line in planned if line.startswith("docker buildx build"))
    (test,) = (line for line in planned if "tests/e2e/test_image.py" in line)

    assert planned.index(first) < planned.index(test) < planned.index(second)
    assert first.replace(" --load .", "") == second.replace(" --push --provenance=mode=max --sbom=true .", "")
    assert first.split('"')[1] == test.split('"')[1]


def test_an_image_that_does_not_answer_is_not_pushed(tmp_path: Path) -> None:
    done = make("publish", f"TAG=v{VERSION}", **with_docker(tmp_path))

    assert done.returncode != 0
    assert any("--load" in call for call in calls(tmp_path))
    assert any(call.startswith("run ") for call in calls(tmp_path))
    assert not any("--push" in call or call.startswith("login") for call in calls(tmp_path))


def test_a_tag_that_is_not_the_services_version_is_not_published(tmp_path: Path) -> None:
    done = make("publish", "TAG=v0.0.7", **with_docker(tmp_path))

    assert "TAG is v0.0.7" in done.stdout
    assert calls(tmp_path) == []
