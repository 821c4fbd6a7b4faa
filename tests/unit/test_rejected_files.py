"""The files of rejected records: private, bounded, and gone when records are."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.observe.metrics import Metrics
from app.retention_rules import build_retention
from app.services.records.rejected_files import RejectedFiles
from app.storage import open_storage
from tests.conftest import make_settings
from tests.support.full_disk import no_file_longer_than

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_lines_are_kept_in_a_file_a_day_and_counted(tmp_path: Path, clock: Clock, metrics: Metrics) -> None:
    files = RejectedFiles(tmp_path, metrics, clock)

    files.add(b"one", 1)
    files.add(b"two", 2)
    clock.now += timedelta(days=1)
    files.add(b"three", 3)

    assert names(tmp_path) == ["rejected-2026-03-04.jsonl", "rejected-2026-03-05.jsonl"]
    assert (tmp_path / "rejected-2026-03-04.jsonl").read_bytes() == b"one\ntwo\n"
    assert metrics.rejected_records.tallies == {("put_aside",): 6, ("lost",): 0}


def test_all_files_together_are_bounded_and_what_is_lost_is_counted(
    tmp_path: Path, clock: Clock, metrics: Metrics
) -> None:
    files = RejectedFiles(tmp_path, metrics, clock, max_bytes=100)

    for _ in range(3):
        clock.now += timedelta(days=1)
        files.add(b"x" * 40, 5)

    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 100
    assert metrics.rejected_records.tallies == {("put_aside",): 10, ("lost",): 5}


def test_a_disk_that_takes_nothing_is_told_and_harms_nobody(tmp_path: Path, clock: Clock, metrics: Metrics) -> None:
    files = RejectedFiles(tmp_path / "no" / "such" / "folder", metrics, clock)

    files.add(b"x", 1)

    assert metrics.rejected_records.tallies == {("put_aside",): 0, ("lost",): 1}


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, clock: Clock, metrics: Metrics) -> None:
    files = RejectedFiles(tmp_path, metrics, clock)
    files.add(b"before", 1)

    with no_file_longer_than(len(b"before\n") + 3):
        files.add(b"does not fit on the disk", 2)
    files.add(b"after", 1)

    (path,) = tmp_path.iterdir()
    assert path.read_bytes() == b"before\nafter\n"
    assert metrics.rejected_records.tallies == {("put_aside",): 2, ("lost",): 2}


def test_a_file_that_another_process_has_just_deleted_loses_no_record(
    tmp_path: Path, clock: Clock, metrics: Metrics
) -> None:
    # Listed, and gone when it is looked at.
    (tmp_path / "rejected-2026-03-01.jsonl").symlink_to(tmp_path / "gone")

    RejectedFiles(tmp_path, metrics, clock).add(b"x", 1)

    assert metrics.rejected_records.tallies == {("put_aside",): 1, ("lost",): 0}


async def test_files_go_before_any_of_their_records_is_older_than_it_may_be(
    tmp_path: Path, clock: Clock, metrics: Metrics
) -> None:
    files = RejectedFiles(tmp_path, metrics, clock)
    files.add(b"x", 1)
    (tmp_path / "rejected.jsonl").write_bytes(b"of an earlier version, written just now\n")
    (tmp_path / "other.spool").touch()

    clock.now = datetime(2026, 3, 5, tzinfo=UTC)
    assert await files.delete_older(timedelta(days=1), slice_rows=10) == 0
    clock.now = datetime(2026, 3, 5, 0, 1, tzinfo=UTC)
    assert await files.delete_older(timedelta(days=1), slice_rows=10) == 1

    assert names(tmp_path) == ["other.spool", "rejected.jsonl"]
    clock.now = datetime.now(UTC) + timedelta(days=3)
    assert await files.delete_older(timedelta(days=1), slice_rows=10) == 1


def test_nobody_else_may_read_them(tmp_path: Path, clock: Clock, metrics: Metrics) -> None:
    RejectedFiles(tmp_path, metrics, clock).add(b"x", 1)

    assert [path.stat().st_mode & 0o077 for path in tmp_path.iterdir()] == [0]


@pytest.mark.parametrize(("days", "kept"), [(30, False), (0, True)])
async def test_the_service_keeps_them_as_long_as_the_request_log(
    days: int, kept: bool, tmp_path: Path, clock: Clock, metrics: Metrics
) -> None:
    settings = make_settings(sqlite_path=tmp_path / "c.db", log_retention_days=days)
    old = tmp_path / "rejected-2020-01-01.jsonl"
    old.touch()
    async with open_storage(settings) as storage:
        for rule in build_retention(settings, storage, RejectedFiles(tmp_path, metrics, clock)):
            await rule.delete_expired()

    assert old.exists() is kept
