"""The latest changes of answers that this process knows of: by them a copy of an answer is told from an old one."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from app.models.correction import MANY, CacheChange

MOST_CHANGES = 1000
"""So many changes are known one by one; what was read before them counts as old."""

TRUST_SECONDS = 2.0
"""How long a look at the changes is good for: every process sees a change within this time."""


class Stamp(NamedTuple):
    """As of which change something was read: at least as new as this one."""

    number: int
    mark: int
    """The mark of that change. After a failover that has lost changes other ones get their numbers; 0 where there is
    none."""


class KnownChanges:
    """What an answer that was read as of a stamp says still holds where the process knows all changes since, and none
    of them is of this answer.

    So no copy has to be found and deleted when an answer changes, and it does not matter where a copy comes from: one
    that was written late, or that somebody had put aside, is known as old by its own stamp.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._seen_at = float("-inf")
        self._number: int | None = None
        self._known_since = 0
        self._marks: dict[int, int] = {}
        self._changed: dict[str, int] = {}  # the number of the last change of each answer

    @property
    def number(self) -> int | None:
        """The number of the last change that is known; None before the first look."""
        return self._number

    @property
    def stamp(self) -> Stamp | None:
        """The stamp for what is read from the database from now on; None while the last look is too long ago."""
        if self._number is None or self._monotonic() - self._seen_at > TRUST_SECONDS:
            return None
        return Stamp(self._number, self._marks.get(self._number, 0))

    def hold(self, stamp: Stamp, image_hash: str) -> bool:
        """Whether what was read of an answer as of this stamp is what it still says, as far as is known."""
        if self._number is None or not self._known_since <= stamp.number <= self._number:
            return False
        return self._marks.get(stamp.number, 0) == stamp.mark and self._changed.get(image_hash, 0) <= stamp.number

    def note_look(self, began_at: float) -> None:
        """Take down that a look which began then, by the monotonic clock, has found nothing but what is known."""
        self._seen_at = began_at

    def begin(self, number: int, changes: Sequence[CacheChange]) -> None:
        """Know the last changes up to `number`, and none from before: the first of them that there can be is
        `MOST_CHANGES` before it."""
        self._number, self._known_since = None, max(0, number - MOST_CHANGES)
        self._marks, self._changed = {}, {}
        self.add(number, changes)

    def add(self, number: int, changes: Sequence[CacheChange]) -> None:
        """Know these changes, too: all that follow on those that are known, up to `number`."""
        for change in changes:
            if change.image_hash == MANY:
                self._known_since = max(self._known_since, change.number)
            self._marks[change.number] = change.mark
            self._changed[change.image_hash] = change.number
        self._number, self._known_since = number, max(self._known_since, number - MOST_CHANGES)
        self._marks = {known: mark for known, mark in self._marks.items() if known >= self._known_since}
        self._changed = {key: known for key, known in self._changed.items() if known >= self._known_since}
