"""A time limit for others that does not count the time in which this process did not listen."""

import asyncio
from types import TracebackType

_LATE_SECONDS = 0.005
"""An event loop that comes to a timer so much after it was due had something else to do."""


class FairTimeout:
    """Lets the block take so long; None: as long as it likes. Raises `TimeoutError`, as `asyncio.timeout` does.

    Where the event loop itself was late, an answer may have come in time and be read only now: the block has the same
    time once more, and no more than that.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._limit = asyncio.timeout(None)
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> None:
        await self._limit.__aenter__()
        if self._seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._end_unless_late, self._seconds)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._limit.__aexit__(kind, error, trace)

    def _end_unless_late(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None and loop.time() - self._timer.when() > _LATE_SECONDS:
            self._timer = loop.call_later(seconds, self._end)
        else:
            self._end()

    def _end(self) -> None:
        self._limit.reschedule(asyncio.get_running_loop().time())
