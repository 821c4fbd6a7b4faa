"""Hurry: who will not wait as long as a deferred question may take lets its asker know, in whatever process."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from app.errors import DatabaseUnavailable
from app.services.one_call.lease import Leases

_LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Hurry:
    """Who waits for which question. Other processes say it by a mark in the table of leases."""

    leases: Leases
    look_seconds: float = _LOOK_SECONDS
    _waiting: Counter[str] = field(default_factory=Counter)
    _watched: dict[str, asyncio.Event] = field(default_factory=dict)

    @contextmanager
    def wait(self, question: str) -> Iterator[None]:
        """Let be known in this process for the time of the block that somebody waits for this question."""
        self._waiting[question] += 1
        if question in self._watched:
            self._watched[question].set()
        try:
            yield
        finally:
            self._waiting[question] -= 1
            if not self._waiting[question]:
                del self._waiting[question]

    @asynccontextmanager
    async def watch(self, question: str) -> AsyncIterator[asyncio.Event]:
        """Yield what is set as soon as somebody waits for this question, in any process."""
        event = self._watched[question] = asyncio.Event()
        if question in self._waiting:
            event.set()
        looking = asyncio.create_task(self._look(question, event))
        try:
            yield event
        finally:
            del self._watched[question]
            looking.cancel()
            await asyncio.wait([looking])

    async def _look(self, question: str, event: asyncio.Event) -> None:
        while not event.is_set():
            await asyncio.sleep(self.look_seconds)
            try:
                if await self.leases.is_held([mark_of(question)]):
                    event.set()
            except DatabaseUnavailable:
                continue  # then nobody can tell


def mark_of(question: str) -> str:
    """Return the name of the mark by which another process says that somebody waits."""
    return f"hurry:{question}"
