"""A process hears of what operators have changed, in whatever process, and reads it again."""

import asyncio
from dataclasses import dataclass, field

import pytest

from app.errors import DatabaseUnavailable
from app.models.correction import MANY, CacheChange
from app.models.domain import KnownAnswer
from app.observe.metrics import Metrics
from app.services.cache.changes import ChangeWatch
from app.services.cache.known_changes import MOST_CHANGES
from app.services.cache.lookups import BatchedLookups
from app.services.cache.memory import MemoryCache
from app.services.cache_service import CacheService
from tests.factories import make_classification, make_known
from tests.fakes import FakeTable

WRONG = make_known("a" * 64)
RIGHT = make_known("a" * 64, classification=make_classification(description=None))
OTHER = make_known("b" * 64)


class Now:
    seconds = 0.0

    def __call__(self) -> float:
        self.seconds += 0.001
        return self.seconds


@dataclass
class FakeChanges:
    """The table of changes."""

    rows: list[CacheChange] = field(default_factory=list)
    away: bool = False
    reads: int = 0
    made: int = 0

    def add(self, image_hash: str, *, deleted: bool = False) -> None:
        self.made += 1
        self.rows.append(CacheChange(len(self.rows) + 1, image_hash, deleted, mark=self.made))

    async def fetch_numbers(self) -> tuple[dict[str, int], int]:
        if self.away:
            raise DatabaseUnavailable(detail="away, as told")
        return ({"answers": len(self.rows)}, self.rows[-1].mark) if self.rows else ({}, 0)

    async def fetch_changes(self, after: int, limit: int) -> list[CacheChange]:
        self.reads += 1
        return self.rows[after : after + limit]


def make_memory() -> MemoryCache:
    return MemoryCache(10, 60, Now(), doubt_seconds=30)


@pytest.fixture
def changes() -> FakeChanges:
    return FakeChanges()


@pytest.fixture
def memory() -> MemoryCache:
    return make_memory()


@pytest.fixture
async def watch(changes: FakeChanges, memory: MemoryCache) -> ChangeWatch:
    """A watch that has looked once, in a process that remembers one answer by two names, and another."""
    made = ChangeWatch(changes, memory)
    await made.look()
    for name, known in (("a", WRONG), ("c1:a", WRONG), ("b", OTHER)):
        memory.put(name, known)
    return made


def fresh(memory: MemoryCache) -> list[str]:
    return [name for name in ("a", "c1:a", "b") if memory.get(name) is not None]


async def test_a_changed_answer_is_read_again_by_whichever_name_and_no_other_is(
    watch: ChangeWatch, changes: FakeChanges, memory: MemoryCache
) -> None:
    changes.add("a" * 64)
    await watch.look()

    assert fresh(memory) == ["b"]
    assert memory.get_stale("c1:a") == WRONG  # better than none, should the database go away


async def test_a_deleted_answer_is_forgotten_even_for_an_outage(
    watch: ChangeWatch, changes: FakeChanges, memory: MemoryCache
) -> None:
    changes.add("a" * 64)
    changes.add("a" * 64, deleted=True)
    await watch.look()

    assert [memory.get_stale(name) for name in ("a", "c1:a")] == [None, None]
    assert fresh(memory) == ["b"]


async def test_where_nothing_has_changed_one_number_is_read(watch: ChangeWatch, changes: FakeChanges) -> None:
    for _ in range(3):
        await watch.look()

    assert changes.reads == 0


@pytest.mark.parametrize("many", ["named", "unnamed"])
async def test_of_many_changes_all_answers_are_read_again(
    many: str, watch: ChangeWatch, changes: FakeChanges, memory: MemoryCache
) -> None:
    for _ in range(MOST_CHANGES + 1 if many == "named" else 1):
        changes.add("f" * 64 if many == "named" else MANY)
    await watch.look()

    assert fresh(memory) == []
    memory.put("b", OTHER)
    assert fresh(memory) == ["b"]


async def test_what_changed_during_an_outage_is_heard_of_after_it(
    watch: ChangeWatch, changes: FakeChanges, memory: MemoryCache
) -> None:
    changes.away = True
    changes.add("a" * 64)
    await watch.look()
    assert fresh(memory) == ["a", "c1:a", "b"]

    changes.away = False
    await watch.look()
    assert fresh(memory) == ["b"]


async def test_a_copy_of_the_database_from_before_is_no_reason_to_hear_nothing(
    watch: ChangeWatch, changes: FakeChanges, memory: MemoryCache
) -> None:
    changes.add("f" * 64)
    changes.add("f" * 64)
    await watch.look()
    del changes.rows[1:]
    await watch.look()

    assert fresh(memory) == []


@pytest.mark.parametrize("more", [0, 1])
async def test_a_primary_that_a_change_had_not_reached_and_that_gives_its_number_to_another_is_heard_of(
    more: int, watch: ChangeWatch, changes: FakeChanges, memory: MemoryCache
) -> None:
    changes.add("f" * 64)
    changes.add("e" * 64)
    await watch.look()
    del changes.rows[1:]
    changes.add("a" * 64)
    for _ in range(more):
        changes.add("d" * 64)
    await watch.look()

    assert fresh(memory) == []


async def test_who_remembers_something_before_the_first_look_reads_it_again(
    changes: FakeChanges, memory: MemoryCache
) -> None:
    memory.put("a", WRONG)
    await ChangeWatch(changes, memory).look()

    assert fresh(memory) == []


async def test_what_was_read_before_a_change_and_arrives_after_it_is_not_remembered(
    watch: ChangeWatch, changes: FakeChanges, memory: MemoryCache
) -> None:
    read, heard = asyncio.Event(), asyncio.Event()
    table = FakeTable({"a": WRONG})

    async def slow(names: list[str]) -> dict[str, KnownAnswer]:
        found = dict(await table.fetch_many(names))
        read.set()
        await heard.wait()
        return found

    metrics = Metrics()

    async def serves_no_near() -> bool:
        return False

    memory.forget("a")
    cache = CacheService(memory, BatchedLookups(slow, metrics=metrics), serves_no_near, metrics)  # type: ignore[arg-type]
    looking = asyncio.create_task(cache.lookup(["a"]))
    await read.wait()
    changes.add("a" * 64)
    await watch.look()
    heard.set()

    assert await looking == WRONG
    table.answers["a"] = RIGHT
    assert await cache.lookup(["a"]) == RIGHT


@pytest.mark.parametrize("doubtful", ["a change", "an outage"])
async def test_what_a_process_has_just_written_counts_less_than_the_database_after(
    doubtful: str, watch: ChangeWatch, changes: FakeChanges, memory: MemoryCache
) -> None:
    """It may have been asked of a model before the change, or without seeing what the database has."""
    changes.add("f" * 64)
    changes.away = doubtful == "an outage"
    await watch.look()

    memory.put("a", WRONG, read=False)
    assert (memory.get("a"), memory.get_stale("a")) == (None, WRONG)

    memory._monotonic.seconds += 30  # type: ignore[attr-defined]
    memory.put("a", WRONG, read=False)
    assert memory.get("a") == WRONG
