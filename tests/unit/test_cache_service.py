"""Memory first, then the database; and memory alone while the database is away."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.errors import DatabaseUnavailable
from app.models.domain import KnownAnswer
from app.models.identity import MatchedBy
from app.observe.metrics import Metrics
from app.services.cache.lookups import BatchedLookups, PartlyKnown
from app.services.cache.memory import MemoryCache
from app.services.cache_service import CacheService
from tests.factories import make_known
from tests.fakes import FakeTable

KNOWN = make_known("a" * 64)


class Now:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class NearMatches:
    """Whether near matches are served."""

    served = False

    async def serves(self) -> bool:
        return self.served


def make_cache(table: FakeTable, now: Now | None = None, near: NearMatches | None = None) -> CacheService:
    metrics = Metrics()
    memory = MemoryCache(10, 60, now or Now())
    serves_near = (near or NearMatches()).serves
    return CacheService(memory, BatchedLookups(table.fetch_many, metrics=metrics), serves_near, metrics)


async def test_what_was_found_once_is_answered_from_memory() -> None:
    table = FakeTable({"a": KNOWN})
    cache = make_cache(table)

    assert await cache.lookup(["a"]) == await cache.lookup(["a"]) == KNOWN
    assert table.asked == [["a"]]
    assert cache.metrics.cache_lookups.tallies[("memory", "hit")] == 1
    assert cache.metrics.cache_lookups.tallies[("database", "hit")] == 1


async def test_in_an_outage_longer_than_an_entry_is_fresh_memory_still_answers() -> None:
    table, now = FakeTable({"a": KNOWN}), Now()
    cache = make_cache(table, now)
    await cache.lookup(["a"])

    table.away, now.seconds = True, 10_000

    assert await cache.lookup(["a"]) == KNOWN
    assert cache.metrics.cache_lookups.tallies[("memory", "stale")] == 1
    with pytest.raises(DatabaseUnavailable):
        await cache.lookup(["b"])


async def test_an_answer_that_an_operator_has_deleted_is_forgotten_once_it_is_not_fresh() -> None:
    table, now = FakeTable({"a": KNOWN}), Now()
    cache = make_cache(table, now)
    await cache.lookup(["a"])

    del table.answers["a"]
    now.seconds = 61
    assert await cache.lookup(["a"]) is None

    table.away = True
    with pytest.raises(DatabaseUnavailable):
        await cache.lookup(["a"])


async def test_a_photo_counts_as_one_lookup_however_many_names_of_it_are_looked_up() -> None:
    cache = make_cache(FakeTable({"c1:a": KNOWN}))

    await cache.lookup(["a"])
    await cache.lookup(["c1:other"], is_first=False)
    await cache.lookup(["c1:a"], is_first=False)

    assert cache.metrics.cache_lookups.tallies == {
        ("memory", "hit"): 0,
        ("memory", "miss"): 1,
        ("database", "hit"): 1,
        ("database", "miss"): 1,
    }


async def test_looking_again_is_not_counted() -> None:
    cache = make_cache(FakeTable())
    before = dict(cache.metrics.cache_lookups.tallies)

    await cache.lookup_uncounted(["a"])

    assert cache.metrics.cache_lookups.tallies == before


async def test_a_photo_that_several_ask_for_at_once_is_looked_up_once() -> None:
    table = FakeTable({"a": KNOWN})
    lookups = BatchedLookups(table.fetch_many, metrics=Metrics())

    found = await asyncio.gather(*(lookups.find(name) for name in "abaa"))

    assert table.asked == [["a", "b"]]
    assert [answer is not None for answer in found] == [True, False, True, True]


async def test_of_several_names_the_surest_that_is_known_answers() -> None:
    by_bytes, by_content = make_known(), make_known(matched_by=MatchedBy.CONTENT)
    table = FakeTable({"a": by_bytes, "c1:a": by_content})
    cache = make_cache(table)

    assert await cache.lookup(["a", "c1:a"]) == by_bytes
    assert await cache.lookup(["b", "c1:a"]) == by_content
    assert table.asked == [["a", "c1:a"]]  # the other name was in memory by then


async def test_a_near_match_on_record_answers_only_while_near_matches_are_served() -> None:
    near = NearMatches()
    cache = make_cache(FakeTable({"a": make_known(matched_by=MatchedBy.NEAR)}), near=near)

    assert await cache.lookup(["a"]) is None
    near.served = True
    assert await cache.lookup(["a"]) is not None
    near.served = False
    assert await cache.lookup(["a"]) is None
    assert await cache.lookup_uncounted(["a"]) is None


async def test_a_near_match_is_not_remembered_so_that_it_never_hides_an_answer_of_the_photos_own() -> None:
    near = NearMatches()
    near.served = True
    table = FakeTable({"a": make_known(matched_by=MatchedBy.NEAR)})
    cache = make_cache(table, near=near)
    await cache.lookup(["a"])
    cache.remember("a", make_known(matched_by=MatchedBy.NEAR))

    own = table.answers["a"] = make_known("a")

    assert await cache.lookup(["a"]) == own


@pytest.mark.parametrize("served", [False, True])
async def test_an_answer_that_waits_in_the_spool_counts_before_a_near_match_on_record(served: bool) -> None:
    near, now = NearMatches(), Now()
    near.served = served
    table = FakeTable({"a": make_known(matched_by=MatchedBy.NEAR)})
    cache = replace(make_cache(table, now, near), spools=lambda: True)
    cache.remember("a", KNOWN)
    now.seconds = 10_000

    assert [await cache.lookup(["a"]) for _ in range(2)] == [KNOWN, KNOWN]
    assert await replace(cache, spools=lambda: False).lookup(["a"]) != KNOWN


async def test_in_an_outage_memory_answers_by_any_name_but_not_by_a_near_match_that_is_not_served() -> None:
    near, now = NearMatches(), Now()
    table = FakeTable({"a": make_known(matched_by=MatchedBy.NEAR), "c1:a": KNOWN})
    cache = make_cache(table, now, near)
    await cache.lookup(["a", "c1:a"])

    table.away, now.seconds = True, 10_000

    assert await cache.lookup(["b", "a", "c1:a"]) == KNOWN
    with pytest.raises(DatabaseUnavailable):
        await cache.lookup(["a"])


async def test_in_an_outage_a_photo_is_answered_by_the_names_of_it_that_redis_has() -> None:
    async def from_redis(names: Sequence[str]) -> dict[str, KnownAnswer]:
        raise PartlyKnown({"c1:a": KNOWN, "c1:b": KNOWN}, DatabaseUnavailable(detail="away"))

    cache = replace(make_cache(FakeTable()), lookups=BatchedLookups(from_redis, metrics=Metrics()))

    assert await cache.lookup(["a", "c1:a"]) == KNOWN
    known, unknown = await cache.lookup_all([["b", "c1:b"], ["c", "c1:c"]])
    assert known == KNOWN
    assert isinstance(unknown, DatabaseUnavailable)
    with pytest.raises(DatabaseUnavailable):
        await cache.lookup(["c", "c1:c"])
