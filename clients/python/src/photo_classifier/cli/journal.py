"""What is known of each file, a line of JSON each: so that a run goes on where the last one ended, however it ended.

The last line about a path counts. A line is written at once and whole; a torn last one, as `kill -9` or a full disk
leaves it, is cut off when the journal is opened.
"""

import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from photo_classifier.answer import Answer
from photo_classifier.cli.folder import File
from photo_classifier.photo import Names

try:
    import fcntl
except ImportError:  # Windows: two runs at once are then not noticed
    fcntl = None  # type: ignore[assignment]

VERSION_LINE = {"classify-photos": 1}


class JournalError(Exception):
    """The journal cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a photo has no answer."""

    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a file."""

    file: File
    names: Names
    answer: Answer | None = None
    failure: Failure | None = None
    """Only of a kind that would be the same again: a damaged file, a refusal."""

    @property
    def is_answered(self) -> bool:
        """Whether there is nothing more to ask. A degraded answer is a makeshift: no model could be asked."""
        return self.answer is not None and not self.answer.degraded


class Journal:
    """A journal that is open, by this run alone. Any thread may write."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._writing = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._answered: dict[str, Entry] = {}
        self._end = 0
        self.skipped_lines = 0
        """Lines that are damaged: their files are hashed again."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a journal, or begin one. Raises `JournalError`."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError as error:
            raise JournalError(f"{path}: {error.strerror}") from error
        journal = cls(path, descriptor)
        try:
            journal._lock()
            journal._read()
        except BaseException:
            os.close(descriptor)
            raise
        return journal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def entry(self, file: File) -> Entry | None:
        """Return what is known of a file as it is now; None where it is another than the journal's."""
        entry = self._entries.get(file.path)
        return entry if entry is not None and entry.file == file else None

    def answered(self, names: Names) -> Entry | None:
        """Return a file of this photo that has an answer, under whatever path."""
        return self._answered.get(key_of(names))

    def write(self, entry: Entry) -> None:
        """Add a line. Raises `JournalError`."""
        with self._writing:
            self._append(_line_of(entry))
            self._take(entry)

    def _append(self, value: dict[str, Any]) -> None:
        line = json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"  # odd names as \udcff
        try:
            written = 0
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
        except OSError as error:
            self._cut_off()  # a disk is full in the middle of a line
            raise JournalError(f"{self._path}: {error.strerror}") from error
        self._end += len(line)

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise JournalError(f"{self._path}: another run is using it") from error

    def _read(self) -> None:
        with os.fdopen(os.dup(self._descriptor), "rb") as file:
            text = file.read()
        self._end = text.rfind(b"\n") + 1
        lines = text[: self._end].splitlines()
        if lines and _json_of(lines[0]) != VERSION_LINE:
            raise JournalError(f"{self._path}: is not a journal of this version of classify-photos")
        if not lines and text and not b'{"classify-photos":1}\n'.startswith(text):
            raise JournalError(f"{self._path}: is not a journal of classify-photos")
        for line in lines[1:]:
            try:
                self._take(_entry_of(_json_of(line)))
            except (KeyError, TypeError, ValueError):
                self.skipped_lines += 1
        self._cut_off()
        if not lines:
            self._append(VERSION_LINE)

    def _cut_off(self) -> None:
        """Take away what is behind the last whole line, and write there next."""
        os.ftruncate(self._descriptor, self._end)
        os.lseek(self._descriptor, self._end, os.SEEK_SET)

    def _take(self, entry: Entry) -> None:
        self._entries[entry.file.path] = entry
        if entry.is_answered:
            self._answered[key_of(entry.names)] = entry


def key_of(names: Names) -> str:
    """Return what two files of one photo have in common: they are prepared to equal pixels."""
    return names.content_hash or names.image_hash


def _json_of(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _line_of(entry: Entry) -> dict[str, Any]:
    line = {**asdict(entry.file), **asdict(entry.names)}
    if entry.answer is not None:
        line["answer"] = asdict(entry.answer)
    if entry.failure is not None:
        line["failure"] = asdict(entry.failure)
    return line


def _entry_of(line: dict[str, Any]) -> Entry:
    answer, failure = line.get("answer"), line.get("failure")
    return Entry(
        File(line["path"], line["size"], line["mtime_ns"]),
        Names(line["image_hash"], line["content_hash"]),
        None if answer is None else Answer(**answer),
        None if failure is None else Failure(**failure),
    )
