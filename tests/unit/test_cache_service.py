"""Memory first, then the database; and memory alone while the database is away."""

import asyncio

import pytest

from app.errors import DatabaseUnavailable
from app.observe.metrics import Metrics
from app.services.cache.lookups import BatchedLookups
from app.services.cache.memory import MemoryCache
from app.services.cache_service import CacheService
from tests.factories import make_classification
from tests.fakes import FakeTable


class Now:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def make_cache(table: FakeTable, now: Now | None = None) -> CacheService:
    metrics = Metrics()
    memory = MemoryCache(10, 60, now or Now())
    return CacheService(memory, BatchedLookups(table.fetch_many, metrics=metrics), metrics)


async def test_what_was_found_once_is_answered_from_memory() -> None:
    table = FakeTable({"a": make_classification()})
    cache = make_cache(table)

    assert await cache.lookup("a") == await cache.lookup("a") == make_classification()
    assert table.asked == [["a"]]
    assert cache.metrics.cache_lookups.tallies[("memory", "hit")] == 1
    assert cache.metrics.cache_lookups.tallies[("database", "hit")] == 1


async def test_in_an_outage_longer_than_an_entry_is_fresh_memory_still_answers() -> None:
    table, now = FakeTable({"a": make_classification()}), Now()
    cache = make_cache(table, now)
    await cache.lookup("a")

    table.away, now.seconds = True, 10_000

    assert await cache.lookup("a") == make_classification()
    assert cache.metrics.cache_lookups.tallies[("memory", "stale")] == 1
    with pytest.raises(DatabaseUnavailable):
        await cache.lookup("b")


async def test_an_answer_that_an_operator_has_deleted_is_forgotten_once_it_is_not_fresh() -> None:
    table, now = FakeTable({"a": make_classification()}), Now()
    cache = make_cache(table, now)
    await cache.lookup("a")

    del table.answers["a"]
    now.seconds = 61
    assert await cache.lookup("a") is None

    table.away = True
    with pytest.raises(DatabaseUnavailable):
        await cache.lookup("a")


async def test_looking_again_is_not_counted() -> None:
    cache = make_cache(FakeTable())
    before = dict(cache.metrics.cache_lookups.tallies)

    await cache.lookup_uncounted("a")

    assert cache.metrics.cache_lookups.tallies == before


async def test_a_photo_that_several_ask_for_at_once_is_looked_up_once() -> None:
    table = FakeTable({"a": make_classification()})
    lookups = BatchedLookups(table.fetch_many, metrics=Metrics())

    found = await asyncio.gather(*(lookups.find(name) for name in "abaa"))

    assert table.asked == [["a", "b"]]
    assert [answer is not None for answer in found] == [True, False, True, True]
