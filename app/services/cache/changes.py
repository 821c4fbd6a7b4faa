"""Hears of the answers that operators have changed, whichever process they asked, and lets memory read them again."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.errors import DatabaseUnavailable
from app.models.correction import MANY, CacheChange
from app.services.cache.known_changes import MOST_CHANGES, KnownChanges, Stamp
from app.services.cache.memory import MemoryCache
from app.utils.keep_doing import keep_doing

LOOK_SECONDS = 1.0
_TOPIC = "answers"


class Changes(Protocol):
    """The changes, in an order that all processes see alike. Both methods raise `DatabaseUnavailable`."""

    async def fetch_numbers(self) -> tuple[Mapping[str, int], int]:
        """Return the number of the last change of each topic; and the mark of that of answers, 0 without one."""
        ...

    async def fetch_changes(self, after: int, limit: int) -> Sequence[CacheChange]:
        """Return the changes of answers behind this number."""
        ...


@dataclass(slots=True)
class ChangeWatch:
    """Looks for changes once a second: one row is read, and more only where there are some."""

    changes: Changes
    memory: MemoryCache
    known: KnownChanges | None = None
    """Where copies of answers are told from old ones by what has changed; None where there are none."""

    listeners: list[Callable[[Mapping[str, int]], Awaitable[None]]] = field(default_factory=list)
    """Who is told the numbers at each look."""

    tell_others: Callable[[], Awaitable[None]] | None = None
    """Lets other processes look at once, where there is a way to."""

    _last: Stamp | None = None
    """Of the last change of answers that was heard of."""

    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run_forever(self) -> None:
        """Look again and again."""
        await keep_doing(self.look, lambda: LOOK_SECONDS, "looking for changed answers")

    async def look(self) -> None:
        """Let memory hear of what has changed since the last look. While the database is away that waits."""
        async with self._lock:
            try:
                await self._look()
            except DatabaseUnavailable:
                self.memory.doubt()

    async def look_with_others(self) -> None:
        """Look after a change that this process has just made, and let the others do so."""
        await self.look()
        if self.tell_others is not None:
            await self.tell_others()

    async def _look(self) -> None:
        began_at = time.monotonic()
        numbers, mark = await self.changes.fetch_numbers()
        newest = Stamp(numbers.get(_TOPIC, 0), mark)
        if newest != self._last:
            await self._hear_of_answers(newest)
            self._last = newest
        if self.known is not None:
            self.known.note_look(began_at)
        for listener in self.listeners:
            await listener(numbers)

    async def _hear_of_answers(self, newest: Stamp) -> None:
        """Let those who know changes know these, and then memory, which takes nothing old from a copy any more."""
        changed = None if self._last is None else await self._fetch_since(self._last, newest)
        if changed is None:
            await self._begin_to_know(newest.number)
            if self._last is not None or len(self.memory):  # else nothing is remembered yet
                self.memory.hear_of_many()
            return
        if self.known is not None:
            self.known.add(newest.number, changed)
        if any(change.image_hash == MANY for change in changed):
            self.memory.hear_of_many()
        else:
            # Of several changes of one answer the last one counts.
            self.memory.hear_of({change.image_hash: change.deleted for change in changed})

    async def _fetch_since(self, last: Stamp, newest: Stamp) -> Sequence[CacheChange] | None:
        """Return the changes behind the last one that was heard of; None where they are too many, or do not follow on
        it: the database is a copy from before, or a primary that it had not reached, with another one by its number."""
        if newest.number <= last.number:
            return None
        found = await self.changes.fetch_changes(max(0, last.number - 1), MOST_CHANGES + 2)
        if last.number:
            if not found or Stamp(found[0].number, found[0].mark) != last:
                return None
            found = found[1:]
        return None if len(found) > MOST_CHANGES else found

    async def _begin_to_know(self, number: int) -> None:
        if self.known is not None:
            after = max(0, number - MOST_CHANGES - 1)
            self.known.begin(number, await self.changes.fetch_changes(after, MOST_CHANGES + 1))
