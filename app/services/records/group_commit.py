"""Group commit: what arrives while a commit is under way is written together by the next one."""

import secrets
from collections.abc import Sequence
from time import perf_counter

from app.errors import RecordPutAside
from app.models.domain import Failure, Outcome
from app.observe.metrics import Metrics
from app.repositories.record_batch import RecordBatch
from app.services.records.durable_writer import DurableWriter
from app.utils.batcher import MAX_WAITING, Batcher

_CLOSE_SECONDS = 10.0


class GroupCommit:
    """Makes outcomes durable, many of them in one transaction, one transaction at a time."""

    def __init__(self, writer: DurableWriter, *, metrics: Metrics, max_waiting: int = MAX_WAITING) -> None:
        self._writer = writer
        self._metrics = metrics
        self._batcher = Batcher(self._write, max_waiting=max_waiting)
        self._series = secrets.token_hex(16)
        self._batches = 0
        metrics.queues.watch(lambda: self._batcher.waiting, "records")

    async def record(self, outcome: Outcome | Failure) -> None:
        """Return when the outcome is durable. Raises `DatabaseUnavailable`, `DatabaseRejected`; at once `Overloaded`.

        An answer that was paid for is never turned away: how many of them there can be is bounded elsewhere.
        """
        await self._batcher.submit(outcome, always=not outcome.from_cache)

    async def record_all(self, outcomes: Sequence[Outcome]) -> list[Exception | None]:
        """Return when the outcomes are durable: what each of them failed with. They are hits, and paid for nothing.

        Raises `Overloaded` at once where there is no room for all of them.
        """
        return await self._batcher.submit_all(outcomes)

    async def close(self) -> None:
        """Write what waits, within a bounded time."""
        await self._batcher.close(_CLOSE_SECONDS)

    async def _write(self, outcomes: list[Outcome | Failure]) -> Sequence[RecordPutAside | None]:
        self._batches += 1
        self._metrics.commit_batch_size.observe(len(outcomes))
        started = perf_counter()
        try:
            rejected = await self._writer.write(RecordBatch.of(self._series, self._batches, outcomes))
        finally:
            self._metrics.commit_seconds.observe(perf_counter() - started)
        if rejected is None:
            return [None] * len(outcomes)
        return [_put_aside() if rejected.concerns(outcome) else None for outcome in outcomes]


def _put_aside() -> RecordPutAside:
    return RecordPutAside(detail="the record was put aside")
