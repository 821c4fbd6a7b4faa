"""The journal of `classify-photos`: whatever happens to its disk, every line in it is whole."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from photo_classifier.cli.folder import File
from photo_classifier.cli.journal import Entry, Journal, JournalError
from photo_classifier.photo import Names


def entry(path: str) -> Entry:
    return Entry(File(path, 1, 2), Names("0" * 64))


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """Let writes end at this size, in the middle of a line, as a full disk does."""
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, kept[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)


def test_after_a_disk_was_full_in_the_middle_of_a_line_the_next_line_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal.open(path) as journal:
        journal.write(entry("before.jpg"))
        with no_file_above(path.stat().st_size + 20), pytest.raises(JournalError, match="too large"):
            journal.write(entry("torn.jpg"))
        journal.write(entry("after.jpg"))

    with Journal.open(path) as again:
        assert again.skipped_lines == 0
        assert again.entry(entry("before.jpg").file) == entry("before.jpg")
        assert again.entry(entry("torn.jpg").file) is None
        assert again.entry(entry("after.jpg").file) == entry("after.jpg")
