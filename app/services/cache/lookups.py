"""Batched lookups: those that arrive while one is under way leave together as one statement."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import perf_counter
from typing import Protocol

from app.errors import DatabaseUnavailable
from app.models.domain import KnownAnswer
from app.observe.metrics import Metrics
from app.utils.batcher import MAX_WAITING, Batcher
from app.utils.own_error import own_copy


class PartlyKnown(Exception):
    """The database was away, and another place knew some of the names: what it knew, and the database's error."""

    def __init__(self, found: Mapping[str, KnownAnswer], error: DatabaseUnavailable) -> None:
        self.found = found
        self.error = error
        super().__init__(error)


class Lookups(Protocol):
    """What the database knows of photos."""

    async def find(self, name: str) -> KnownAnswer | None:
        """Return the answer that the database has for a name, or None. Raises `Overloaded`, `DatabaseUnavailable`."""
        ...

    async def find_all(self, names: Sequence[str]) -> list[KnownAnswer | Exception | None]:
        """Return what the database has for each name, or why that is not known. Raises `Overloaded`."""
        ...


Fetch = Callable[[Sequence[str]], Awaitable[Mapping[str, KnownAnswer]]]
"""Returns what is known by names. Raises `DatabaseUnavailable`, `PartlyKnown`."""


class BatchedLookups:
    """Looks photos up by their names. One that several ask for at once is looked up once."""

    def __init__(self, fetch: Fetch, *, metrics: Metrics, max_waiting: int = MAX_WAITING) -> None:
        self._fetch = fetch
        self._metrics = metrics
        self._batcher = Batcher(self._look_up, max_waiting=max_waiting)
        metrics.queues.watch(lambda: self._batcher.waiting, "lookups")

    async def find(self, name: str) -> KnownAnswer | None:
        """Return the answer that the database has for a name, or None.

        Raises `Overloaded` at once, or `DatabaseUnavailable`.
        """
        return await self._batcher.submit(name)

    async def find_all(self, names: Sequence[str]) -> list[KnownAnswer | Exception | None]:
        """Return what the database has for each name, or why that is not known. Raises `Overloaded` at once."""
        return await self._batcher.submit_all(names)

    async def _look_up(self, names: list[str]) -> Sequence[KnownAnswer | Exception | None]:
        distinct = list(dict.fromkeys(names))
        self._metrics.lookup_batch_size.observe(len(distinct))
        started = perf_counter()
        try:
            found = await self._fetch(distinct)
        except PartlyKnown as partly:
            return [partly.found.get(name) or own_copy(partly.error) for name in names]
        finally:
            self._metrics.lookup_seconds.observe(perf_counter() - started)
        return [found.get(name) for name in names]
