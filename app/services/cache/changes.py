"""Hears of the answers that operators have changed, whichever process they asked, and lets memory read them again."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.errors import DatabaseUnavailable
from app.models.correction import MANY, CacheChange
from app.services.cache.known_changes import MOST_CHANGES, KnownChanges
from app.services.cache.memory import MemoryCache
from app.utils.keep_doing import keep_doing

LOOK_SECONDS = 1.0
_TOPIC = "answers"


class Changes(Protocol):
    """The changes, in an order that all processes see alike. Both methods raise `DatabaseUnavailable`."""

    async def fetch_numbers(self) -> dict[str, int]:
        """Return the number of the last change of each topic."""
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

    _last: int | None = None
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
        numbers = await self.changes.fetch_numbers()
        number = numbers.get(_TOPIC, 0)
        if number != self._last:
            await self._hear_of_answers(number)
        if self.known is not None:
            self.known.note_look(began_at)
        for listener in self.listeners:
            await listener(numbers)

    async def _hear_of_answers(self, number: int) -> None:
        """Let those who know changes know these, and then memory, which takes nothing old from a copy any more."""
        if self._last is None or number < self._last:  # the first look; or a copy of the database from before
            await self._begin_to_know(number)
            if self._last is not None or len(self.memory):  # else nothing is remembered yet
                self.memory.hear_of_many()
        else:
            changed = await self.changes.fetch_changes(self._last, MOST_CHANGES + 1)
            if len(changed) > MOST_CHANGES:
                await self._begin_to_know(number)
            elif self.known is not None:
                self.known.add(number, changed)
            if len(changed) > MOST_CHANGES or any(change.image_hash == MANY for change in changed):
                self.memory.hear_of_many()
            else:
                # Of several changes of one answer the last one counts.
                self.memory.hear_of({change.image_hash: change.deleted for change in changed})
        self._last = number

    async def _begin_to_know(self, number: int) -> None:
        if self.known is not None:
            after = max(0, number - MOST_CHANGES - 1)
            self.known.begin(number, await self.changes.fetch_changes(after, MOST_CHANGES + 1))
