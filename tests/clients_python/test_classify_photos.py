"""`classify-photos`, run as a process against the real service: a folder is paid for once, however often it is run."""

import csv
import io
import json
import os
import signal
from pathlib import Path

import pytest

from photo_classifier.cli.work import MAX_FAILURES_IN_A_ROW
from tests.factories import make_image
from tests.support.classify_photos import JOURNAL, begin, journal_of, run, signal_when
from tests.support.fake_model_server import FakeModels
from tests.support.picture_files import COM, with_segments
from tests.support.unreliable_front import BATCH, CHECK, UPLOAD, Fault, Front, refuses, says


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "photos"
    made.mkdir()
    return made


def fill(folder: Path, count: int) -> dict[str, bytes]:
    """Write photos of several formats into folders in folders, and return them by their paths."""
    photos = {}
    for number in range(count):
        image_format, ending = (("JPEG", "jpg"), ("JPEG", "JPG"), ("PNG", "png"), ("WEBP", "webp"))[number % 4]
        path = Path(f"{number % 3}", f"{number % 2}", f"photo {number}.{ending}")
        photos[str(path)] = make_image(image_format, (64, 48))
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(photos[str(path)])
    return photos


@pytest.mark.timeout(180)  # 80 photos are decoded and answered
def test_every_photo_is_paid_once_though_the_run_is_killed_twice(
    front: Front, folder: Path, fake_models: FakeModels
) -> None:
    photos = fill(folder, 80)

    for paid in (10, 40):
        killed = begin(front.url, folder, "--json")
        ended = signal_when(killed, lambda paid=paid: len(fake_models.calls) >= paid, signal.SIGKILL)  # type: ignore[misc]
        assert ended.code == -signal.SIGKILL
    last = run(front.url, folder, "--json")

    assert last.code == 0, last.err
    assert len(fake_models.calls) == len({call.jpeg for call in fake_models.calls}) == 80
    journal = journal_of(folder)
    assert set(journal) == set(photos)
    assert all(entry["answer"]["category"] for entry in journal.values())
    assert last.report()["answered"] == 80

    front.seen.clear()
    again = run(front.url, folder, "--json")
    assert again.code == 0
    assert front.seen == []
    assert again.report()["categories"] == last.report()["categories"]


def test_a_torn_last_line_is_mended(front: Front, folder: Path) -> None:
    fill(folder, 4)
    run(front.url, folder)
    journal = folder / JOURNAL
    whole = journal.read_bytes()
    lines = whole.splitlines(keepends=True)

    for torn in (b"".join(lines[:-1]) + lines[-1][:25], whole + b'{"path": "0/', lines[0][:9], b""):
        journal.write_bytes(torn)
        ended = run(front.url, folder, "--json")
        assert (ended.code, ended.report()["answered"]) == (0, 4)
        assert len(journal_of(folder)) == 4


def test_a_file_that_is_no_journal_is_left_alone(front: Front, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("my notes")

    ended = run(front.url, folder, "--journal", other)

    assert ended.code == 2
    assert "is not a journal" in ended.err
    assert other.read_text() == "my notes"


def test_two_runs_at_once_are_not_allowed_to_share_a_journal(front: Front, folder: Path) -> None:
    fill(folder, 1)
    front.always = {UPLOAD: Fault(hangs=True)}
    first = begin(front.url, folder)

    second: list[str] = []

    def is_uploading() -> bool:
        if UPLOAD in front.paths():
            second.append(run(front.url, folder).err)
            return True
        return False

    signal_when(first, is_uploading, signal.SIGKILL)
    assert "another run is using it" in second[0]


def test_what_was_hashed_is_not_read_again_and_what_was_changed_is(
    front: Front, folder: Path, fake_models: FakeModels
) -> None:
    photos = fill(folder, 3)
    paths = sorted(photos)
    run(front.url, folder)
    kept = os.stat(folder / paths[0])
    (folder / paths[0]).write_bytes(bytes(len(photos[paths[0]])))  # not looked at: size and time are the journal's
    os.utime(folder / paths[0], ns=(kept.st_atime_ns, kept.st_mtime_ns))
    (folder / paths[1]).write_bytes(make_image())

    ended = run(front.url, folder, "--json")

    assert (ended.code, ended.report()["answered"], ended.report()["paid"]) == (0, 3, 1)
    assert len(fake_models.calls) == 4


def test_copies_and_renamed_photos_are_uploaded_once(front: Front, folder: Path, fake_models: FakeModels) -> None:
    photo = make_image()
    (folder / "a.jpg").write_bytes(photo)
    (folder / "b.jpg").write_bytes(photo)
    (folder / "captioned.jpg").write_bytes(with_segments(photo, (COM, b"a caption")))
    first = run(front.url, folder, "--json")
    assert (first.report()["answered"], first.report()["uploaded"]) == (3, 1)
    assert [row["matched_by"] for row in first.report()["results"]] == [None, "bytes", "content"]
    front.seen.clear()
    (folder / "a.jpg").rename(folder / "renamed.jpg")

    second = run(front.url, folder, "--json")

    assert second.report()["answered"] == 3
    assert front.seen == []
    assert len(fake_models.calls) == 1


def test_a_photo_that_changes_while_the_run_is_at_work_is_left_for_the_next(front: Front, folder: Path) -> None:
    fill(folder, 1)
    (path,) = folder.rglob("*.jpg")
    front.on_request = lambda _: path.write_bytes(b"no picture")  # while it is asked for

    first = run(front.url, folder)

    assert first.code == 1
    assert "changed: The file was changed" in first.err
    assert UPLOAD not in front.paths()
    path.write_bytes(make_image())
    front.on_request = lambda _: None
    assert run(front.url, folder).code == 0


def test_a_photo_that_could_not_be_asked_for_is_asked_for_again_before_it_is_uploaded(
    front: Front, folder: Path
) -> None:
    """The service may know it, and have had its database away for a moment."""
    fill(folder, 1)
    failed = {"success": False, "error": {"code": "database_unavailable", "message": "away"}}
    front.script = {BATCH: [says(200, {"success": True, "results": [{"index": 0, "id": "0", **failed}]})]}

    assert run(front.url, folder).code == 0
    assert front.paths() == [BATCH, CHECK, UPLOAD]


def test_a_dry_run_tells_photos_bytes_and_money_and_uploads_nothing(
    front: Front, folder: Path, fake_models: FakeModels
) -> None:
    photos = fill(folder, 6)

    dry = run(front.url, folder, "--dry-run", "--json", "--cost-per-photo", "0.5")

    assert dry.code == 0
    expected = {"to_upload": 6, "to_upload_bytes": sum(map(len, photos.values())), "cost": 3.0, "uploaded": 0}
    assert dry.report() | expected == dry.report()
    assert UPLOAD not in front.paths()
    assert fake_models.calls == []


def test_an_interrupt_finishes_what_is_under_way(front: Front, folder: Path, fake_models: FakeModels) -> None:
    fill(folder, 60)

    ended = signal_when(begin(front.url, folder, "--json"), lambda: len(fake_models.calls) >= 5, signal.SIGINT)

    assert ended.code == 1
    assert "finishing what is under way" in ended.err
    answered = {path for path, entry in journal_of(folder).items() if "answer" in entry}
    assert len(answered) == len(fake_models.calls) < 60
    assert {row["path"] for row in ended.report()["results"] if row["error"] is None} == answered
    assert run(front.url, folder).code == 0
    assert len(fake_models.calls) == 60


def test_failures_are_told_last_with_their_reasons_and_do_not_stop_the_others(front: Front, folder: Path) -> None:
    fill(folder, 4)
    (folder / "zero.jpg").write_bytes(b"")
    (folder / "text.jpg").write_bytes(b"no picture")

    ended = run(front.url, folder)

    assert ended.code == 1
    assert b"4 of 6 photos have an answer" in ended.out
    assert "no answer: text.jpg: unsupported_format" in ended.err
    assert "no answer: zero.jpg: unreadable: The file is empty." in ended.err

    front.seen.clear()
    again = run(front.url, folder)
    assert "no answer: text.jpg: unsupported_format" in again.err  # known, and not sent again
    assert front.seen == []
    run(front.url, folder, "--retry-failed")
    assert UPLOAD in front.paths()


def test_a_wrong_key_ends_the_run_at_once(front: Front, folder: Path) -> None:
    fill(folder, 20)
    front.always = {path: refuses(401, "unauthorized") for path in (BATCH, CHECK, UPLOAD)}

    ended = run(front.url, folder)

    assert ended.code == 2
    assert "ended early: unauthorized" in ended.err
    assert len(front.seen) == 1


def test_a_spent_budget_ends_the_run_and_the_next_goes_on(front: Front, folder: Path, fake_models: FakeModels) -> None:
    fill(folder, 12)
    front.always = {UPLOAD: refuses(503, "budget_exhausted", **{"retry-after": "3600"})}
    ended = run(front.url, folder, "--concurrency", "1", "--json")
    assert ended.code == 2
    assert ended.report()["ended_early"].startswith("budget_exhausted")
    assert front.paths().count(UPLOAD) == 1

    front.always = {}
    assert run(front.url, folder).code == 0
    assert len(fake_models.calls) == 12


def test_a_model_that_answers_nothing_is_not_asked_about_the_whole_folder(front: Front, folder: Path) -> None:
    fill(folder, 12)
    front.always = {UPLOAD: refuses(502, "model_bad_answer")}

    ended = run(front.url, folder, "--concurrency", "1", "--json")

    assert (ended.code, ended.report()["answered"]) == (2, 0)
    assert ended.report()["ended_early"].startswith("model_bad_answer")
    assert front.paths().count(UPLOAD) == MAX_FAILURES_IN_A_ROW


def test_a_moment_in_which_a_whole_batch_cannot_be_looked_up_does_not_end_the_run(front: Front, folder: Path) -> None:
    count = 2 * MAX_FAILURES_IN_A_ROW
    fill(folder, count)
    failed = {"success": False, "error": {"code": "database_unavailable", "message": "away"}}
    results = [{"index": number, "id": str(number), **failed} for number in range(count)]
    front.script = {BATCH: [says(200, {"success": True, "results": results})]}

    ended = run(front.url, folder, "--json")

    assert (ended.code, ended.report()["answered"]) == (0, count)
    assert front.paths().count(CHECK) == count


def test_failures_are_in_a_row_only_where_no_photo_between_them_gets_an_answer(front: Front, folder: Path) -> None:
    some = [refuses(502, "model_bad_answer")] * (MAX_FAILURES_IN_A_ROW - 1)
    front.script = {UPLOAD: [*some, refuses(400, "invalid_image"), *some]}
    fill(folder, len(front.script[UPLOAD]) + 1)

    ended = run(front.url, folder, "--concurrency", "1", "--json")

    assert (ended.code, ended.report()["ended_early"], ended.report()["answered"]) == (1, None, 1)


def test_a_server_that_is_not_there_is_one_sentence(folder: Path, unused_tcp_port: int) -> None:
    fill(folder, 2)

    ended = run(f"http://127.0.0.1:{unused_tcp_port}", folder, "--patience", "1")

    assert ended.code == 2
    assert "ended early" in ended.err
    assert len(journal_of(folder)) == 2  # their hashes


def test_names_may_be_anything(front: Front, folder: Path) -> None:
    names = [
        b"new\nline.jpg",
        b"\xff\xfe.jpg",
        "照片 😀.JPG".encode(),
        b'quote",comma.jpg',
        b"--json.jpg",
        b"[red].jpg",
    ]
    for name in names:
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(make_image())
    paths = {os.fsdecode(name) for name in names}

    assert run(front.url, folder, "--cost-per-photo", "1").code == 0
    rows = [json.loads(line) for line in run(front.url, folder, "--jsonl").out.decode().splitlines()]
    assert {row["path"] for row in rows} == paths
    table = csv.DictReader(io.StringIO(run(front.url, folder, "--csv").out.decode("utf-8", "surrogateescape")))
    assert {row["path"] for row in table} == paths
    assert set(journal_of(folder)) == paths


def test_a_name_cannot_play_with_the_terminal(front: Front, folder: Path) -> None:
    (folder / "\x1b[2Jx\u202e.jpg").write_bytes(b"no picture")

    assert "\\x1b[2Jx\\u202e.jpg" in run(front.url, folder).err


def test_hidden_ignored_and_other_files_are_passed_over_and_links_lead_in_no_circle(front: Front, folder: Path) -> None:
    for path in ("a.JPG", ".hidden.jpg", ".cache/b.jpg", "trash/c.jpg", "d.tmp.jpg", "notes.txt", "e.png"):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(make_image())
    (folder / "circle").symlink_to(folder)

    def paths(*options: str) -> set[str]:
        rows = run(front.url, folder, "--dry-run", "--jsonl", *options).out.splitlines()
        return {json.loads(row)["path"] for row in rows}

    assert paths("--ignore", "trash", "--ignore", "*.tmp.*") == {"a.JPG", "e.png"}
    assert paths("--hidden", "--ext", "jpg") == {"a.JPG", ".hidden.jpg", ".cache/b.jpg", "trash/c.jpg", "d.tmp.jpg"}


def test_photos_are_moved_by_category_and_back_and_nothing_is_overwritten(front: Front, folder: Path) -> None:
    photos = fill(folder, 8)
    (folder / "text.jpg").write_bytes(b"no picture")
    sorted_folder = folder / "sorted"
    categories = {row["path"]: row["category"] for row in run(front.url, folder, "--json").report()["results"]}
    in_the_way = sorted_folder / categories["0/0/photo 0.jpg"] / "photo 0.jpg"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_bytes(b"another's")

    moved = run(front.url, folder, "--move-to", sorted_folder)

    assert moved.code == 1  # text.jpg has no answer
    assert "8 moved" in moved.err
    assert in_the_way.read_bytes() == b"another's"
    assert in_the_way.with_name("photo 0 (2).jpg").read_bytes() == photos["0/0/photo 0.jpg"]
    assert [path for path in photos if (folder / path).exists()] == []
    assert (folder / "text.jpg").exists()

    undone = run(front.url, folder, "--undo", sorted_folder / "classify-photos-undo.jsonl")
    assert undone.code == 0
    assert {path: (folder / path).read_bytes() for path in photos} == photos
    front.seen.clear()
    assert run(front.url, folder, "--ignore", "sorted", "--json").report()["answered"] == 8
    assert front.seen == []


def test_a_journal_of_somebody_else_moves_nothing_out_of_the_folder(front: Front, folder: Path, tmp_path: Path) -> None:
    fill(folder, 1)
    (photo,) = run(front.url, folder, "--json").report()["results"]
    category = photo["category"]
    journal = folder / JOURNAL
    journal.write_bytes(journal.read_bytes().replace(json.dumps(category).encode(), b'"../../elsewhere"'))

    moved = run(front.url, folder, "--move-to", folder / "sorted")

    assert "1 damaged lines" in moved.err
    assert (folder / "sorted" / category / "photo 0.jpg").exists()
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_was_changed_since_it_was_answered_is_not_moved(front: Front, folder: Path, tmp_path: Path) -> None:
    (folder / "link.jpg").symlink_to(tmp_path / "photo.jpg")
    (tmp_path / "photo.jpg").write_bytes(make_image())

    ended = run(front.url, folder, "--move-to", folder / "sorted")

    assert ended.code == 1
    assert "not moved: link.jpg: is a link" in ended.err


def test_photos_in_a_folder_that_is_only_linked_are_classified_and_not_moved(
    front: Front, folder: Path, tmp_path: Path
) -> None:
    """Whoever sorts a folder does not ask for another one, which it leads to, to be emptied."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "theirs.jpg").write_bytes(make_image())
    (folder / "linked").symlink_to(elsewhere)
    (folder / "mine.jpg").write_bytes(make_image())

    ended = run(front.url, folder, "--move-to", folder / "sorted", "--json")

    assert (ended.code, ended.report()["answered"]) == (1, 2)
    assert "not moved: linked/theirs.jpg: is outside of the folder, behind a link" in ended.err
    assert (elsewhere / "theirs.jpg").exists()
    assert not (folder / "mine.jpg").exists()


@pytest.mark.parametrize("options", [["--json", "--csv"], ["--concurrency", "0"], ["--url", "photos.example"]])
def test_a_wrong_command_line_is_two(options: list[str], folder: Path) -> None:
    assert run("http://127.0.0.1:1", folder, *options).code == 2


def test_a_folder_that_is_not_there_is_two(tmp_path: Path) -> None:
    ended = run("http://127.0.0.1:1", tmp_path / "missing")

    assert ended.code == 2
    assert "No such file" in ended.err
