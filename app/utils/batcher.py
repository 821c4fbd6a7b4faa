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
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many items wait for their batch to begin."""
        return len(self._waiting)

    async def submit(self, item: Item, *, always: bool = False) -> Result:
        """Return the item's result once its batch is done.

        Raises `Overloaded` at once where too many items wait, unless the item is `always` taken; and what `work`
        raises, to each caller of the batch an exception of its own.
        """
        if not always and len(self._waiting) >= self._max_waiting:
            raise Overloaded(detail="too many wait for a batch")
        return await self._enqueue(item)

    async def submit_all(self, items: Sequence[Item]) -> list[Result | Exception]:
        """Return the result of each item, or what it failed with, without a task for each.

        Raises `Overloaded` at once where there is no room for all of them in the first half of the queue: the rest is
        left to those that come alone, or one caller with many items would keep all others out.
        """
        if len(self._waiting) + len(items) > self._max_waiting // 2:
            raise Overloaded(detail="too many wait for a batch")
        waiting = [self._enqueue(item) for item in items]
        outcomes: list[Result | Exception] = []
        try:
            for result in waiting:
                try:
                    outcomes.append(await result)
                except Exception as error:
                    outcomes.append(error)
        finally:
            for result in waiting:
                result.cancel()  # where the caller leaves: those that are done stay as they are
        return outcomes

    def _enqueue(self, item: Item) -> "asyncio.Future[Result]":
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, result))
        if self._task is None:
            # The task begins after all that is ready to run now, so that items of one moment share its first batch. Its
            # context is empty: what it logs belongs to no request.
            self._task = asyncio.get_running_loop().create_task(self._run(), context=Context())
        return result

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
        batch = [self._waiting.popleft() for _ in range(min(self._max_batch, len(self._waiting)))]
        try:
            results = await self._work([item for item, _ in batch])
            for (_, waiter), result in zip(batch, results, strict=True):
                if waiter.done():  # its caller has left
                    continue
                if isinstance(result, Exception):
                    waiter.set_exception(result)
                else:
                    waiter.set_result(result)
        except Exception as error:
            for _, waiter in batch:
                if not waiter.done():
                    waiter.set_exception(own_copy(error))
