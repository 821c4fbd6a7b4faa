"""Single flight: callers of this process who ask for the same thing at the same time share one piece of work."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from app.errors import Overloaded
from app.observe.metrics import Metrics
from app.utils.own_error import own_copy

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Runs one piece of work a key at a time, in a task of its own: whoever leaves, the work goes on."""

    def __init__(self, *, metrics: Metrics, max_waiters: int = 1000) -> None:
        self._max_waiters = max_waiters
        self._metrics = metrics
        self._flights: dict[str, asyncio.Task[T]] = {}
        self._waiters: Counter[str] = Counter()

    async def run(self, key: str, work: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        """Return the result of `work`, or of the work on `key` that is under way, and whether it was ours.

        Raises what the work raises, to each caller an exception of its own; `Overloaded` at once where too many wait
        for the key already.
        """
        flight = self._flights.get(key)
        mine = flight is None
        if flight is None:
            flight = self._take_off(key, work)
        elif self._waiters[key] >= self._max_waiters:
            raise Overloaded(detail="too many callers wait for one photo")
        else:
            self._metrics.flight_joins.add()
        self._waiters[key] += 1
        try:
            return await asyncio.shield(flight), mine
        except Exception as error:
            raise own_copy(error) from error
        finally:
            self._leave(key)

    async def close(self, timeout_seconds: float) -> None:
        """Let what is under way end within the time; cancel what does not."""
        if not self._flights:
            return
        await asyncio.wait(self._flights.values(), timeout=timeout_seconds)
        while self._flights:  # one that waited for another leaves that behind
            late = list(self._flights.values())
            for flight in late:
                flight.cancel()
            await asyncio.wait(late)

    def _take_off(self, key: str, work: Callable[[], Awaitable[T]]) -> asyncio.Task[T]:
        async def fly() -> T:
            return await work()

        def land(flight: asyncio.Task[T]) -> None:
            del self._flights[key]
            if not flight.cancelled():
                flight.exception()  # seen, even where every caller has left

        flight = self._flights[key] = asyncio.create_task(fly())
        flight.add_done_callback(land)
        return flight

    def _leave(self, key: str) -> None:
        self._waiters[key] -= 1
        if not self._waiters[key]:
            del self._waiters[key]
