"""`python -m app.cli quality` tells how often the models in effect are right on labelled photos."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SAMPLES
from tests.factories import make_image
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.service_process import environment


def run_quality(folder: Path, *options: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "quality", str(folder / "photos"), *options],
        cwd=folder,
        env=environment(folder, **settings),
        capture_output=True,
        text=True,
        timeout=60,
    )


def put(folder: Path, category: str, name: str, image: bytes) -> None:
    (folder / "photos" / category).mkdir(parents=True, exist_ok=True)
    (folder / "photos" / category / name).write_bytes(image)


@pytest.fixture
def vendor(fake_models: FakeModels) -> dict[str, Any]:
    return {
        "llm_provider": "openai",
        "llm_api_key": "k",
        "llm_base_url": f"{fake_models.base_url}/v1",
        "llm_max_concurrency": 1,
    }


def answers(*categories: str) -> list[Behaviour]:
    """Return what a model says to one photo after the other."""
    return [
        Behaviour(text=json.dumps({"category": name, "confidence": 0.9, "description": "x"})) for name in categories
    ]


def test_right_and_wrong_are_counted_by_category_size_and_model(
    vendor: dict[str, Any], fake_models: FakeModels, tmp_path: Path
) -> None:
    for name in ("1.jpg", "2.jpg", "3.jpg"):
        put(tmp_path, "foods", name, make_image())
    put(tmp_path, "pets", "1.jpg", make_image(size=(1200, 1000)))
    fake_models.script = answers("foods", "pets", "pets", "pets")

    run = run_quality(tmp_path, "--yes", "--json", **vendor)

    assert (run.returncode, run.stderr) == (0, "")
    told = json.loads(run.stdout)
    overall = told["overall"]
    assert (overall["photos"], overall["right"], overall["others"]) == (4, 2, {"pets": 2})
    assert overall["low"] < 0.5 < overall["high"]
    assert [(row["of"], row["photos"], row["right"]) for row in told["by_category"]] == [
        ("pets", 1, 1),
        ("foods", 3, 1),
    ]
    assert [(row["of"], row["photos"], row["right"]) for row in told["by_size"]] == [
        ("below 1 megapixel", 3, 1),
        ("1 to 8 megapixels", 1, 1),
    ]
    assert [(row["of"], row["photos"]) for row in told["by_model"]] == [("gpt-6-luna", 4)]
    assert told["cost"] == "0.04"
    assert not list(tmp_path.glob("classifier.db*"))  # nothing is recorded


def test_a_photo_without_an_answer_is_named_and_counts_as_neither(
    vendor: dict[str, Any], fake_models: FakeModels, tmp_path: Path
) -> None:
    put(tmp_path, "foods", "broken.jpg", b"this is no image")
    put(tmp_path, "foods", "refused.jpg", make_image())
    put(tmp_path, "foods", "sound.jpg", make_image())
    fake_models.script = [Behaviour(finish="refusal"), *answers("foods")]

    run = run_quality(tmp_path, "--yes", "--json", **vendor)

    assert run.returncode == 3
    told = json.loads(run.stdout)
    assert (told["overall"]["photos"], told["overall"]["right"]) == (1, 1)
    assert [Path(path).name for path, _ in told["failures"]] == ["broken.jpg", "refused.jpg"]


def test_the_embedded_network_is_measured_without_a_question(tmp_path: Path) -> None:
    put(tmp_path, "pets", "cat.png", (SAMPLES / "cat.png").read_bytes())

    run = run_quality(tmp_path)

    assert run.returncode == 0
    assert "local-network" in run.stdout
    assert "1 (100%)" in run.stdout


def test_nothing_is_asked_before_somebody_agrees(
    vendor: dict[str, Any], fake_models: FakeModels, tmp_path: Path
) -> None:
    put(tmp_path, "foods", "1.jpg", make_image())

    run = run_quality(tmp_path, **vendor)

    assert run.returncode == 1
    assert "1 questions to gpt-6-luna, some 0.01" in run.stderr
    assert fake_models.calls == []


def test_of_each_category_only_so_many_are_asked(
    vendor: dict[str, Any], fake_models: FakeModels, tmp_path: Path
) -> None:
    for number in range(3):
        put(tmp_path, "foods", f"{number}.jpg", make_image())
        put(tmp_path, "pets", f"{number}.jpg", make_image())

    run_quality(tmp_path, "--yes", "--limit", "2", **vendor)

    assert len(fake_models.calls) == 4


@pytest.mark.parametrize(("inner", "said"), [("dogs", "dogs: no category"), ("", "has no photos"), (None, "no folder")])
def test_a_folder_that_is_not_one_of_categories_is_named(inner: str | None, said: str, tmp_path: Path) -> None:
    if inner is not None:
        (tmp_path / "photos" / inner).mkdir(parents=True)

    run = run_quality(tmp_path, "--yes")

    assert run.returncode == 1
    assert said in run.stderr
    assert run.stderr.count("\n") == 1
