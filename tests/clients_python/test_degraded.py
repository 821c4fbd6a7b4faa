"""`classify-photos` and answers that no paid model gave: a makeshift is asked for again, and neither costs anything."""

from pathlib import Path
from typing import Any

import pytest

from tests.factories import make_image
from tests.support.classify_photos import run
from tests.support.unreliable_front import UPLOAD, Fault, Front, says


def answers(**more: Any) -> Fault:
    """Answer as the service does to an upload."""
    data = {"category": "pets", "confidence": 0.4, "description": None}
    return says(200, {"success": True, "data": data, "from_cache": False, "request_id": "req_1", **more})


MAKESHIFT = answers(degraded=True, model_used="local-network")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "photos"
    made.mkdir()
    photo = make_image()
    (made / "a.jpg").write_bytes(photo)
    (made / "copy.jpg").write_bytes(photo)
    return made


def test_a_makeshift_is_told_as_such_and_neither_moved_nor_counted(front: Front, folder: Path) -> None:
    front.always = {UPLOAD: MAKESHIFT}

    ended = run(front.url, folder, "--move-to", folder / "sorted", "--json")

    report = ended.report()
    assert (ended.code, report["answered"], report["failed"], report["paid"]) == (1, 0, 2, 0)
    told = [(row["category"], row["degraded"], row["error"]) for row in report["results"]]
    assert told == [("pets", True, "degraded")] * 2
    assert (folder / "a.jpg").exists()


def test_a_makeshift_is_asked_for_again_in_the_next_run(front: Front, folder: Path) -> None:
    front.script = {UPLOAD: [MAKESHIFT]}
    run(front.url, folder)
    front.seen.clear()

    again = run(front.url, folder, "--json")

    report = again.report()
    assert (again.code, report["answered"], report["uploaded"], report["paid"]) == (0, 2, 1, 1)
    assert [row["degraded"] for row in report["results"]] == [False, False]
    assert front.paths().count(UPLOAD) == 1
    assert run(front.url, folder).code == 0
    assert front.paths().count(UPLOAD) == 1


def test_what_the_services_own_network_answers_is_kept_and_not_paid(front: Front, folder: Path) -> None:
    front.always = {UPLOAD: answers(model_used="local-network")}

    ended = run(front.url, folder, "--json", "--cost-per-photo", "1")

    assert (ended.code, ended.report()["uploaded"]) == (0, 1)
    assert (ended.report()["paid"], ended.report()["cost"]) == (0, 0)
