"""The spool's file: whole lines or none, and an owner at a time."""

import errno
import fcntl
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from app.services.records.spool_file import DamagedLine, SpoolFile, content_of
from tests.support.audit_events import listening
from tests.support.full_disk import no_file_longer_than


def read_all(file: SpoolFile) -> list[bytes]:
    lines: list[bytes] = []
    offset = 0
    while True:
        more, offset = file.read(offset)
        if not more:
            return lines
        lines += [content_of(line) for line in more]


def test_lines_come_back_in_order(tmp_path: Path) -> None:
    file = SpoolFile.create(tmp_path / "made" / "here")

    for number in range(100):
        file.append(b"line %d" % number)

    assert read_all(file) == [b"line %d" % number for number in range(100)]


def test_lines_of_any_length_come_back_whole(tmp_path: Path) -> None:
    file = SpoolFile.create(tmp_path)
    lines = [b"a" * length for length in (1, 300_000, 5, 2_000_000, 7)]

    for line in lines:
        file.append(line)

    assert read_all(file) == lines


def test_what_is_read_at_once_is_small_enough_for_one_short_transaction(tmp_path: Path) -> None:
    file = SpoolFile.create(tmp_path)
    for _ in range(80):
        file.append(b"a" * 50_000)

    sizes, offset = [], 0
    while offset < file.size:
        lines, offset = file.read(offset)
        sizes.append(sum(map(len, lines)))

    assert sum(sizes) >= 80 * 50_000
    assert max(sizes) <= 1024 * 1024


def test_a_torn_end_is_no_line(tmp_path: Path) -> None:
    file = SpoolFile.create(tmp_path)
    file.append(b"whole")
    with file.path.open("ab") as other:
        other.write(b"00000000 half of a li")

    assert read_all(file) == [b"whole"]


def test_a_line_that_was_changed_is_noticed(tmp_path: Path) -> None:
    file = SpoolFile.create(tmp_path)
    file.append(b"number 1")
    file.path.write_bytes(file.path.read_bytes().replace(b"1\n", b"2\n"))

    with pytest.raises(DamagedLine):
        read_all(file)


def test_a_full_disk_leaves_no_half_line(tmp_path: Path) -> None:
    file = SpoolFile.create(tmp_path)
    file.append(b"before")

    with no_file_longer_than(file.size + 10), pytest.raises(OSError, match="File too large"):
        file.append(b"does not fit on the disk")
    assert file.path.stat().st_size == file.size
    file.append(b"after")

    assert read_all(file) == [b"before", b"after"]


def test_a_probe_finds_out_whether_the_disk_takes_so_much_and_leaves_nothing(tmp_path: Path) -> None:
    file = SpoolFile.create(tmp_path)
    file.append(b"before")

    with no_file_longer_than(2 * file.size):
        file.probe(len(b"before"))
        with pytest.raises(OSError, match="File too large"):
            file.probe(len(b"before") + 1)

    assert file.path.stat().st_size == file.size
    assert read_all(file) == [b"before"]


def test_the_file_of_a_living_owner_is_not_adopted(tmp_path: Path) -> None:
    mine = SpoolFile.create(tmp_path)
    mine.append(b"x")

    assert list(SpoolFile.adopt_orphans(tmp_path)) == []


def test_the_file_of_a_dead_owner_is_adopted_once(tmp_path: Path) -> None:
    dead = SpoolFile.create(tmp_path)
    dead.append(b"left behind")
    dead.close(remove=False)

    (adopted,) = SpoolFile.adopt_orphans(tmp_path)

    assert read_all(adopted) == [b"left behind"]
    assert list(SpoolFile.adopt_orphans(tmp_path)) == []
    adopted.close(remove=True)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_nobodys_orphan_while_it_is_being_made(tmp_path: Path) -> None:
    steps: list[str] = []
    adopted: list[Path] = []
    looking = False

    def look_for_orphans(step: str, _: object) -> None:
        nonlocal looking
        if not looking:
            looking = True
            steps.append(step)
            adopted.extend(orphan.path for orphan in SpoolFile.adopt_orphans(tmp_path))
            looking = False

    with listening(look_for_orphans):
        SpoolFile.create(tmp_path)
        look_for_orphans("made", None)

    assert {"open", "fcntl.flock", "os.rename", "made"} <= set(steps)
    assert adopted == []


def test_a_file_that_another_finishes_with_just_before_we_lock_it_is_not_adopted(tmp_path: Path) -> None:
    SpoolFile.create(tmp_path).close(remove=False)
    (orphan,) = tmp_path.iterdir()

    def finish(step: str, _: object) -> None:
        if step == "fcntl.flock":
            orphan.unlink()

    with listening(finish):
        assert list(SpoolFile.adopt_orphans(tmp_path)) == []


def test_where_no_lock_can_be_had_no_descriptor_is_left_open(tmp_path: Path) -> None:
    SpoolFile.create(tmp_path).close(remove=False)

    def have_no_locks(step: str, _: object) -> None:
        if step == "fcntl.flock":
            raise OSError(errno.ENOLCK, "No locks available")

    before = len(os.listdir("/proc/self/fd"))
    with listening(have_no_locks):
        assert list(SpoolFile.adopt_orphans(tmp_path)) == []
        with pytest.raises(OSError, match="No locks"):
            SpoolFile.create(tmp_path)

    assert len(os.listdir("/proc/self/fd")) == before
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_left_of_a_process_that_died_making_its_file_is_removed(tmp_path: Path) -> None:
    left, being_made, locked = (tmp_path / f"{name}.new" for name in ("left", "being-made", "locked"))
    for path in (left, being_made, locked):
        path.touch()
    for path in (left, locked):
        os.utime(path, (0, 0))

    with locked.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert list(SpoolFile.adopt_orphans(tmp_path)) == []

    assert sorted(tmp_path.iterdir()) == [being_made, locked]


def test_a_line_is_on_the_disk_when_it_has_been_appended(tmp_path: Path) -> None:
    file = SpoolFile.create(tmp_path)
    calls: list[str] = []

    def note(_: object, event: str, function: Any) -> None:
        if event == "c_call":
            calls.append(function.__name__)

    sys.setprofile(note)
    try:
        file.append(b"line")
    finally:
        sys.setprofile(None)

    assert [name for name in calls if name in ("write", "fdatasync", "fsync")] == ["write", "fdatasync"]


def test_nobody_else_may_read_the_file(tmp_path: Path) -> None:
    assert SpoolFile.create(tmp_path).path.stat().st_mode & 0o077 == 0


def test_nothing_is_written_to_another_file_that_got_the_number_of_one_that_was_closed(tmp_path: Path) -> None:
    file = SpoolFile.create(tmp_path / "spool")
    file.close(remove=True)

    # The operating system gives out the lowest number that is free.
    with (tmp_path / "other").open("wb"), pytest.raises(OSError, match="descriptor"):
        file.append(b"late")

    assert (tmp_path / "other").read_bytes() == b""
