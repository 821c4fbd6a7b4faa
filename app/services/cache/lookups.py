"""Batched lookups: those that arrive while one is under way leave together as one statement."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import perf_counter

from app.models.domain import Classification
from app.observe.metrics import Metrics
from app.utils.batcher import MAX_WAITING, Batcher

Fetch = Callable[[Sequence[str]], Awaitable[Mapping[str, Classification]]]


class BatchedLookups:
    """Looks photos up by hash. A photo that several ask for at once is looked up once."""

    def __init__(self, fetch: Fetch, *, metrics: Metrics, max_waiting: int = MAX_WAITING) -> None:
        self._fetch = fetch
        self._metrics = metrics
        self._batcher = Batcher(self._look_up, max_waiting=max_waiting)
        metrics.queues.watch(lambda: self._batcher.waiting, "lookups")

    async def find(self, image_hash: str) -> Classification | None:
        """Return what the database knows of a photo, or None. Raises `Overloaded` at once, or `DatabaseUnavailable`."""
        return await self._batcher.submit(image_hash)

    async def _look_up(self, image_hashes: list[str]) -> list[Classification | None]:
        distinct = list(dict.fromkeys(image_hashes))
        self._metrics.lookup_batch_size.observe(len(distinct))
        started = perf_counter()
        try:
            found = await self._fetch(distinct)
        finally:
            self._metrics.lookup_seconds.observe(perf_counter() - started)
        return [found.get(image_hash) for image_hash in image_hashes]
