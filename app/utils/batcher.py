"""Batching: what arrives while a batch is under way is worked on together by the next one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from app.errors import Overloaded
from app.utils.own_error import own_copy

Item = TypeVar("Item")
Result = TypeVar("Result")

_Waiting = tuple[Sequence[Item], "asyncio.Future[Sequence[Result | Exception]]"]
"""The items of a caller, and what becomes of them."""

MAX_BATCH = 512
MAX_WAITING = 4096


class Batcher(Generic[Item, Result]):
    """Works on items in batches. No delay is added when idle; when busy, many items share one batch.

    One batch at a time. With two under way batches were smaller and the whole was slower, and a hit could overtake the
    result that it hits.
    """

    def __init__(
        self,
        work: Callable[[list[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        max_batch: int = MAX_BATCH,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        """`work` returns one result for each item, in order; an exception in its place fails that item alone."""
        self._work = work
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._waiting: deque[_Waiting[Item, Result]] = deque()
        self._items = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many items wait for their batch to begin."""
        return self._items

    async def submit(self, item: Item, *, always: bool = False) -> Result:
        """Return the item's result once its batch is done.

        Raises `Overloaded` at once where too many items wait, unless the item is `always` taken; and what `work`
        raises, to each caller of the batch an exception of its own.
        """
        if not always and self._items >= self._max_waiting:
            raise Overloaded(detail="too many wait for a batch")
        (result,) = await self._enqueue([item])
        if isinstance(result, Exception):
            raise result
        return result

    async def submit_all(self, items: Sequence[Item]) -> list[Result | Exception]:
        """Return the result of each item, or what it failed with. They share one future: one for each took 1.5 us more.

        Raises `Overloaded` at once where there is no room for all of them in the first half of the queue: the rest is
        left to those that come alone, or one caller with many items would keep all others out.
        """
        if self._items + len(items) > self._max_waiting // 2:
            raise Overloaded(detail="too many wait for a batch")
        starts = range(0, len(items), self._max_batch)
        portions = [items[start : start + self._max_batch] for start in starts]
        waiting = [self._enqueue(portion) for portion in portions]
        outcomes: list[Result | Exception] = []
        try:
            for portion, results in zip(portions, waiting, strict=True):
                try:
                    outcomes += await results
                except Exception as error:
                    outcomes += [error] * len(portion)
        finally:
            for results in waiting:
                results.cancel()  # where the caller leaves: those that are done stay as they are
        return outcomes

    def _enqueue(self, items: Sequence[Item]) -> "asyncio.Future[Sequence[Result | Exception]]":
        results: asyncio.Future[Sequence[Result | Exception]] = asyncio.get_running_loop().create_future()
        self._waiting.append((items, results))
        self._items += len(items)
        if self._task is None:
            # The task begins after all that is ready to run now, so that items of one moment share its first batch. Its
            # context is empty: what it logs belongs to no request.
            self._task = asyncio.get_running_loop().create_task(self._run(), context=Context())
        return results

    def _take_batch(self) -> tuple[list["_Waiting[Item, Result]"], list[Item]]:
        """Take as many of those that wait as fit into a batch, none of them apart."""
        batch: list[_Waiting[Item, Result]] = []
        items: list[Item] = []
        while self._waiting and len(items) + len(self._waiting[0][0]) <= self._max_batch:
            batch.append(self._waiting.popleft())
            items += batch[-1][0]
        self._items -= len(items)
        return batch, items

    async def close(self, timeout_seconds: float) -> None:
        """Work on what waits, within a bounded time."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=timeout_seconds)

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._next_batch()
        finally:
            self._task = None

    async def _next_batch(self) -> None:
        batch, items = self._take_batch()
        try:
            results = await self._work(items)
            if len(results) != len(items):
                raise ValueError(f"{len(results)} results for {len(items)} items")
            start = 0
            for portion, waiter in batch:
                end = start + len(portion)
                if not waiter.done():  # else its caller has left
                    waiter.set_result(results[start:end])
                start = end
        except Exception as error:
            for _, waiter in batch:
                if not waiter.done():
                    waiter.set_exception(own_copy(error))
