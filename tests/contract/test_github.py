"""The forge's files say what is true: CI runs what developers run, with few rights, on the promised Pythons."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted(GITHUB.glob("workflows/*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
ECOSYSTEM_FILES = {
    "uv": "requirements.txt",
    "npm": "package-lock.json",
    "pub": "pubspec.yaml",
    "docker": "Dockerfile",
    "docker-compose": "docker-compose.yml",
    "github-actions": ".github/workflows",
}


def loaded(path: Path) -> Any:
    # GitHub's own reader takes `on` for a word, not for a truth.
    return yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)


def steps(workflow: Any) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job.get("steps", [])]


def test_ci_runs_what_developers_run() -> None:
    commands = [step["run"] for path in WORKFLOWS for step in steps(loaded(path)) if "run" in step]

    assert sorted(commands) == [
        ".ci/run",
        "make e2e",
        "make publish",
        "make publish-index",
        "make test-dart",
        "make test-slow",
    ]
    verbs = re.findall(r"make ([a-z0-9-]+)", " ".join([*commands, (ROOT / ".ci/run").read_text(encoding="utf-8")]))
    assert [verb for verb in verbs if f"\n{verb}: " not in MAKEFILE] == []


def test_the_nightly_run_names_the_browser_so_that_no_test_of_a_page_is_skipped() -> None:
    workflow = loaded(GITHUB / "workflows/nightly.yml")

    assert {"make test-slow", "make e2e"} <= {step.get("run") for step in steps(workflow)}
    assert workflow["env"] == {"CHROMIUM": "google-chrome"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_only_read_and_ends(path: Path) -> None:
    workflow = loaded(path)

    assert workflow["permissions"] == {"contents": "read"}
    assert "group" in workflow["concurrency"]
    for job in workflow["jobs"].values():
        assert "uses" in job or int(job["timeout-minutes"]) <= 180
    checkouts = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout@")]
    assert {step["with"]["persist-credentials"] for step in checkouts} == {"false"}


def test_only_what_publishes_an_image_may_write_and_only_packages() -> None:
    jobs = {f"{path.stem}.{name}": job for path in WORKFLOWS for name, job in loaded(path)["jobs"].items()}

    allowed = {name: job["permissions"] for name, job in jobs.items() if "permissions" in job}

    assert set(allowed) == {"publish.image", "publish.index"}
    assert [rights for rights in allowed.values() if rights != {"contents": "read", "packages": "write"}] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_githubs_own_or_darts_and_of_a_named_major_version_or_of_one_commit(path: Path) -> None:
    used = [step["uses"] for step in steps(loaded(path)) if "uses" in step]

    assert used
    assert [name for name in used if not re.fullmatch(r"(actions|dart-lang)/[a-z-]+@(v\d+|[0-9a-f]{40})", name)] == []


def test_all_actions_on_the_way_to_a_published_image_are_of_one_commit() -> None:
    """A tag can be moved to other code, which would write what is published."""
    used = [
        step["uses"]
        for name in ("ci", "publish")
        for step in steps(loaded(GITHUB / f"workflows/{name}.yml"))
        if "uses" in step
    ]

    assert [name for name in used if not re.fullmatch(r"[a-z/-]+@[0-9a-f]{40}", name)] == []


def test_ci_runs_on_the_oldest_python_that_is_promised_and_on_the_newest_that_make_looks_for() -> None:
    (tried,) = loaded(GITHUB / "workflows/ci.yml")["jobs"].values()
    known = sorted(re.findall(r"python3\.(\d+)", MAKEFILE.split("break")[0]), key=int)

    assert tried["strategy"]["matrix"]["python"] == [f"3.{known[0]}", f"3.{known[-1]}"]


def test_what_is_watched_for_newer_versions_is_there() -> None:
    updates = loaded(GITHUB / "dependabot.yml")["updates"]
    files = [f"{update['directory'].strip('/')}/{ECOSYSTEM_FILES[update['package-ecosystem']]}" for update in updates]

    assert {update["package-ecosystem"] for update in updates} == set(ECOSYSTEM_FILES)
    assert [name for name in files if not (ROOT / name.lstrip("/")).exists()] == []


def test_each_form_asks_for_something_and_says_what_for() -> None:
    forms = [loaded(path) for path in GITHUB.glob("ISSUE_TEMPLATE/*.yml") if path.name != "config.yml"]

    assert len(forms) == 2
    for form in forms:
        assert form["name"]
        assert form["description"]
        assert any(field.get("validations", {}).get("required") == "true" for field in form["body"])


def test_the_files_that_people_are_sent_to_exist() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "SECURITY.md", *GITHUB.rglob("*.yml"))]
    named = {name for text in texts for name in re.findall(r"\b(?:docs/)?[\w-]+\.(?:md|py)\b|app/[\w/]+\.py", text)}

    assert "SECURITY.md" in named
    assert [name for name in named if not (ROOT / name).exists()] == []
