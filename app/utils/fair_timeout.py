"""A time limit for others that does not count the time in which this process did not listen."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_LATE_SECONDS = 0.005
"""An event loop that comes to a timer so much after it was due had something else to do."""


@asynccontextmanager
async def fair_timeout(seconds: float | None) -> AsyncIterator[None]:
    """Let the block take so long; None: as long as it likes. Raises `TimeoutError`.

    Where the event loop itself was late, an answer may have come in time and be read only now: the block has the same
    time once more, and no more than that.
    """
    async with asyncio.timeout(None) as limit:
        if seconds is None:
            yield
            return
        timer = _Timer(limit, seconds)
        try:
            yield
        finally:
            timer.cancel()


class _Timer:
    """Ends a block after its time, or after twice its time if the first end came late."""

    def __init__(self, limit: asyncio.Timeout, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._handle = self._loop.call_later(seconds, self._end_unless_late)

    def cancel(self) -> None:
        self._handle.cancel()

    def _end_unless_late(self) -> None:
        if self._loop.time() - self._handle.when() > _LATE_SECONDS:
            self._handle = self._loop.call_later(self._seconds, self._end)
        else:
            self._end()

    def _end(self) -> None:
        self._limit.reschedule(self._loop.time())
