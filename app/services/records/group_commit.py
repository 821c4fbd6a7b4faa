"""Group commit: what arrives while a commit is under way is written together by the next one."""

import asyncio
import secrets
from collections import deque
from time import perf_counter

from app.errors import Overloaded
from app.models.domain import Failure, Outcome
from app.observe.metrics import Metrics
from app.repositories.record_batch import RecordBatch
from app.services.records.durable_writer import DurableWriter

_MAX_BATCH = 512
_CLOSE_SECONDS = 10.0

Waiting = tuple[Outcome | Failure, asyncio.Future[None]]


class GroupCommit:
    """Makes outcomes durable. No delay is added when idle; when busy, many outcomes share a transaction.

    One transaction at a time: with more of them batches would be smaller and the whole slower, and a hit could overtake
    the result that it hits.
    """

    def __init__(self, ledger: DurableWriter, *, max_waiting: int = 4096, metrics: Metrics) -> None:
        self._ledger = ledger
        self._metrics = metrics
        self._max_waiting = max_waiting
        self._waiting: deque[Waiting] = deque()
        self._writer = secrets.token_hex(16)
        self._batches = 0
        self._task: asyncio.Task[None] | None = None
        metrics.queues.watch(lambda: self.waiting, "records")

    @property
    def waiting(self) -> int:
        """How many records wait for their transaction to begin."""
        return len(self._waiting)

    async def record(self, outcome: Outcome | Failure) -> None:
        """Return when the outcome is durable. Raises `DatabaseUnavailable`, or at once `Overloaded`.

        An answer that was paid for is never turned away: how many of them there can be is bounded elsewhere.
        """
        if outcome.from_cache and len(self._waiting) >= self._max_waiting:
            raise Overloaded(detail="too many records wait to be written")
        durable = asyncio.get_running_loop().create_future()
        self._waiting.append((outcome, durable))
        if self._task is None:
            # It begins after all that is ready to run now: requests of one moment share its first batch.
            self._task = asyncio.create_task(self._run())
        await durable

    async def close(self) -> None:
        """Write what waits, within a bounded time."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=_CLOSE_SECONDS)

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._write_next()
        finally:
            self._task = None

    async def _write_next(self) -> None:
        waiting = [self._waiting.popleft() for _ in range(min(_MAX_BATCH, len(self._waiting)))]
        self._batches += 1
        self._metrics.commit_batch_size.observe(len(waiting))
        started = perf_counter()
        batch = RecordBatch.of(self._writer, self._batches, [outcome for outcome, _ in waiting])
        try:
            await self._ledger.write(batch)
        except Exception as error:
            for durable in _still_there(waiting):
                durable.set_exception(error)
        else:
            for durable in _still_there(waiting):
                durable.set_result(None)
        finally:
            self._metrics.commit_seconds.observe(perf_counter() - started)


def _still_there(waiting: list[Waiting]) -> list[asyncio.Future[None]]:
    return [durable for _, durable in waiting if not durable.done()]  # else its caller has left
