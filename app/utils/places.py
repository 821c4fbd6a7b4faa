"""A bounded number of places: so many run at the same time, and no more wait than may."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.errors import Overloaded, ServiceError


class Places:
    """Lets `running` callers run and `waiting` callers wait. The next one fails at once.

    With None for `waiting` all may wait: for callers whose wait is bounded by time.
    """

    def __init__(self, running: int, waiting: int | None, refusal: type[ServiceError] = Overloaded) -> None:
        """`refusal` is what a caller gets for whom there is no place."""
        self.running = running
        self._limit = None if waiting is None else running + waiting
        self._refusal = refusal
        self._free = asyncio.Semaphore(running)
        self._present = 0

    @property
    def in_use(self) -> int:
        """How many run."""
        return min(self._present, self.running)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return max(0, self._present - self.running)

    @property
    def is_full(self) -> bool:
        """Whether the next one would have to wait."""
        return self._present >= self.running

    @asynccontextmanager
    async def take(self, until: float | None = None) -> AsyncIterator[None]:
        """Hold a place for the time of the block.

        Raises `refusal` at once where all places are taken, and at the moment `until` (on the event loop's clock) where
        none has become free.
        """
        if self._limit is not None and self._present >= self._limit:
            raise self._refusal(detail="all places are taken")
        self._present += 1
        try:
            await self._acquire(until)
            try:
                yield
            finally:
                self._free.release()
        finally:
            self._present -= 1

    async def _acquire(self, until: float | None) -> None:
        if until is None:
            await self._free.acquire()
            return
        try:
            async with asyncio.timeout_at(until):
                await self._free.acquire()
        except TimeoutError:
            raise self._refusal(detail="waited too long for a place") from None
