"""Hears of the answers that operators have changed, whichever process they asked, and lets memory read them again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.errors import DatabaseUnavailable
from app.models.correction import MANY, CacheChange
from app.services.cache.memory import MemoryCache
from app.utils.keep_doing import keep_doing

LOOK_SECONDS = 1.0
MOST_CHANGES = 1000
"""Of more than so many at once, they are not named one by one."""

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
    listeners: list[Callable[[Mapping[str, int]], Awaitable[None]]] = field(default_factory=list)
    """Who is told the numbers at each look."""

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

    async def _look(self) -> None:
        numbers = await self.changes.fetch_numbers()
        await self._hear_of_answers(numbers.get(_TOPIC, 0))
        for listener in self.listeners:
            await listener(numbers)

    async def _hear_of_answers(self, number: int) -> None:
        if number == self._last:
            return
        if self._last is None and not len(self.memory):
            pass  # the first look, before anything is remembered
        elif self._last is None or number < self._last:  # the database was away so far; or is a copy from before
            self.memory.hear_of_many()
        else:
            changed = await self.changes.fetch_changes(self._last, MOST_CHANGES + 1)
            if len(changed) > MOST_CHANGES or any(change.image_hash == MANY for change in changed):
                self.memory.hear_of_many()
            else:
                # Of several changes of one answer the last one counts.
                self.memory.hear_of({change.image_hash: change.deleted for change in changed})
        self._last = number
