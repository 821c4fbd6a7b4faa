"""The work on a folder: hash what is not in the journal, ask for what has no answer, upload what is not known.

Each step writes what it learned into the journal before the next begins, so that any of it may be the last.
"""

import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from photo_classifier.answer import Answer
from photo_classifier.cli.bars import Advance
from photo_classifier.cli.folder import File, Found
from photo_classifier.cli.journal import Entry, Failure, Journal, key_of
from photo_classifier.client import Classifier
from photo_classifier.core.flow import MAX_BATCH
from photo_classifier.core.wire import Lane
from photo_classifier.errors import (
    ClassifierError,
    ConnectionFailed,
    InvalidPhoto,
    KeyRefused,
    LimitReached,
    ModelFailed,
    ModelRefused,
    NotOffered,
    PhotoTooLarge,
    PhotoUnreadable,
    ServiceFailed,
    ServiceUnavailable,
    UnexpectedAnswer,
)
from photo_classifier.photo import MAX_PHOTO_BYTES, Names, Photo
from photo_classifier.threads import in_threads

MAX_FAILURES_IN_A_ROW = 8
"""Of a service or a model without an answer, after all tries of each photo: then the rest is left for another run."""

CHANGED = Failure("changed", "The file was changed while the run was at work: run it again.")

_ALL_ALIKE = (KeyRefused, LimitReached, NotOffered, UnexpectedAnswer)
"""What one photo meets, all others would."""
_LASTING = (InvalidPhoto, PhotoTooLarge, ModelRefused)

Bar = Callable[[str, int, int], AbstractContextManager[Advance]]
"""Shows a bar for a step, of so many photos and bytes."""


@dataclass(slots=True)
class Result:
    """What became of a folder's photos."""

    entries: dict[str, Entry] = field(default_factory=dict)
    """By path, of all that were hashed."""
    failures: dict[str, Failure] = field(default_factory=dict)
    to_upload: list[Entry] = field(default_factory=list)
    """One for each photo that nobody has had classified."""
    fresh: dict[str, Answer] = field(default_factory=dict)
    """By path, the answers that this run got for an upload."""
    halted: str | None = None
    """Why the run ended early, if it did."""


@dataclass(slots=True)
class Work:
    """One run over one folder."""

    folder: Path
    client: Classifier
    journal: Journal
    bar: Bar
    stop: threading.Event
    """Set: finish what is under way, and begin nothing more."""
    concurrency: int
    lane: Lane | None
    retries_failed: bool
    result: Result = field(init=False, default_factory=Result)
    _groups: defaultdict[str, list[Entry]] = field(init=False, default_factory=lambda: defaultdict(list))
    """The files of each photo that is asked for: copies are asked for once."""
    _unasked: set[str] = field(init=False, default_factory=set)
    """Photos for which the question by hash failed: to be asked for again, since they may be known."""
    _failures_in_a_row: int = field(init=False, default=0)
    _counting: threading.Lock = field(init=False, default_factory=threading.Lock)

    def hash(self, found: Found) -> None:
        """Name all files. Raises `JournalError`."""
        for path, reason in found.unreadable.items():
            self.result.failures[path] = Failure("unreadable", reason)
        new = []
        for file in found.files:
            entry = self.journal.entry(file)
            if entry is None:
                new.append(file)
            else:
                self.result.entries[file.path] = entry
        with self.bar("hashing", len(new), sum(file.size for file in new)) as advance:
            threads = min(8, os.cpu_count() or 1)
            in_threads(new, lambda file: self._hash_one(file, advance), threads, is_stopped=self._is_stopped)

    def ask(self) -> None:
        """Ask for all that have no answer, 200 at a time, and note what has to be uploaded. Raises `JournalError`."""
        groups = self._groups
        for entry in self._without_answer():
            known = self.journal.answered(entry.names)
            if known is not None and known.answer is not None:
                self._answer_copies([entry], known.names, known.answer)
            else:
                groups[key_of(entry.names)].append(entry)
        waiting = list(groups.values())
        total = sum(group[0].file.size for group in waiting)
        with self.bar("asking", len(waiting), total) as advance:
            for start in range(0, len(waiting), MAX_BATCH):
                if self._is_stopped():
                    return
                self._ask_some(waiting[start : start + MAX_BATCH], advance)

    def upload(self) -> None:
        """Upload what nobody has had classified. Raises `JournalError`."""
        entries = self.result.to_upload
        with self.bar("uploading", len(entries), sum(entry.file.size for entry in entries)) as advance:
            in_threads(
                entries,
                lambda entry: self._upload_one(entry, advance),
                self.concurrency,
                is_stopped=self._is_stopped,
            )

    def _is_stopped(self) -> bool:
        return self.stop.is_set() or self.result.halted is not None

    def _without_answer(self) -> Iterable[Entry]:
        """Yield them by their paths: threads hash in any order, and the first of some copies is sent."""
        for _, entry in sorted(self.result.entries.items()):
            if entry.failure is not None and not self.retries_failed:
                self.result.failures[entry.file.path] = entry.failure
            elif not entry.is_answered:
                yield replace(entry, failure=None)

    def _hash_one(self, file: File, advance: Advance) -> None:
        try:
            seen, photo = self._read(file.path)
            self._note(Entry(seen, photo.names))
        except PhotoUnreadable as error:
            self.result.failures[file.path] = Failure("unreadable", error.message)
        advance(file.size)

    def _read(self, path: str) -> tuple[File, Photo]:
        """Return a photo and what its file was when it was read. Raises `PhotoUnreadable`."""
        full = self.folder / path
        try:
            status = os.stat(full)
        except OSError as error:
            raise PhotoUnreadable(error.strerror or type(error).__name__) from error
        if status.st_size > MAX_PHOTO_BYTES:
            raise PhotoUnreadable(f"The file is larger than {MAX_PHOTO_BYTES} bytes.")
        return File.seen(path, status), Photo.of(full)

    def _ask_some(self, groups: list[list[Entry]], advance: Advance) -> None:
        try:
            found = self.client.check_many([group[0].names for group in groups], concurrency=self.concurrency)
        except ClassifierError as error:
            self.result.halted = str(error)
            return
        for group, known in zip(groups, found, strict=True):
            if isinstance(known, Answer):
                self._answer(group, known)
            elif isinstance(known, _ALL_ALIKE):
                self.result.halted = str(known)
            else:
                self.result.to_upload.append(group[0])
                if known is not None:  # an error of this photo, not tried again yet: its own question will be
                    self._unasked.add(key_of(group[0].names))
            advance(group[0].file.size)

    def _upload_one(self, entry: Entry, advance: Advance) -> None:
        """Upload a photo, and answer all files of it."""
        path = entry.file.path
        try:
            seen, photo = self._read(path)
            if photo.names == entry.names:
                is_missed = key_of(entry.names) not in self._unasked
                answer = self.client.classify(photo, lane=self.lane, is_missed=is_missed)
                self._is_down()
                self.result.fresh[path] = answer
                self._answer([replace(entry, file=seen)], answer)
                copies = [copy for copy in self._groups[key_of(entry.names)] if copy.file.path != path]
                self._answer_copies(copies, entry.names, answer)
            else:
                self._note(Entry(seen, photo.names))
                self.result.failures[path] = CHANGED
        except PhotoUnreadable as error:
            self.result.failures[path] = Failure("unreadable", error.message)
        except ClassifierError as error:
            self._fail(entry, error)
        advance(entry.file.size)

    def _answer(self, entries: list[Entry], answer: Answer) -> None:
        for entry in entries:
            self._note(replace(entry, answer=answer, failure=None))

    def _answer_copies(self, copies: list[Entry], names: Names, answer: Answer) -> None:
        """Answer files that are the photo of these names."""
        for copy in copies:
            how = "bytes" if copy.names.image_hash == names.image_hash else "content"
            self._answer([copy], replace(answer, from_cache=True, uploaded_bytes=0, matched_by=how))

    def _fail(self, entry: Entry, error: ClassifierError) -> None:
        failure = Failure(error.code, error.message)
        for copy in self._groups[key_of(entry.names)]:
            self.result.failures[copy.file.path] = failure
            if isinstance(error, _LASTING):
                self._note(replace(copy, failure=failure))
        if isinstance(error, _ALL_ALIKE) or self._is_down(error):
            self.result.halted = str(error)

    def _is_down(self, error: ClassifierError | None = None) -> bool:
        """Count what became of a photo. Return whether so many in a row have got no answer of the service or of its
        model, which may bill each. A refusal of a photo is an answer, too, and begins the count anew."""
        is_unanswered = isinstance(error, ConnectionFailed | ServiceUnavailable | ServiceFailed | ModelFailed)
        with self._counting:
            self._failures_in_a_row = self._failures_in_a_row + 1 if is_unanswered else 0
            return self._failures_in_a_row >= MAX_FAILURES_IN_A_ROW

    def _note(self, entry: Entry) -> None:
        self.journal.write(entry)
        self.result.entries[entry.file.path] = entry
