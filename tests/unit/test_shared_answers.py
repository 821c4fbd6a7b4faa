"""Redis in front of the database: quicker where it can be, and never the truth."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from app.errors import DatabaseUnavailable
from app.models.correction import CacheChange
from app.models.domain import KnownAnswer
from app.observe.metrics import Metrics
from app.services.cache.errors import RedisAway
from app.services.cache.known_changes import KnownChanges
from app.services.cache.lookups import BatchedLookups, Fetch
from app.services.cache.shared import MOST_WAITING, SharedAnswers
from tests.factories import make_classification, make_known
from tests.fakes import FakeTable

A, B = "a" * 64, "b" * 64
WRONG, RIGHT = make_known(A), make_known(A, classification=make_classification(description=None))
OTHER = make_known(B)


@dataclass
class FakeStore:
    """Redis: what is written is there at once."""

    values: dict[str, bytes] = field(default_factory=dict)
    is_away: bool = False
    fails: bool = False
    asked: int = 0
    written: int = 0

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        self.asked += 1
        self._check()
        return [self.values.get(key) for key in keys]

    async def set_many(self, values: Mapping[str, bytes], ttl_seconds: int) -> None:
        self._check()
        self.written += len(values)
        self.values.update(values)

    def _check(self) -> None:
        if self.is_away or self.fails:
            raise RedisAway("as told")


class Now:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Process:
    """One process: what it knows of changes, and its look-ups in a Redis and a table that it shares with others."""

    store: FakeStore
    table: FakeTable
    now: Now = field(default_factory=Now)
    metrics: Metrics = field(default_factory=Metrics)
    known: KnownChanges = field(init=False)
    answers: SharedAnswers = field(init=False)

    def __post_init__(self) -> None:
        self.known = KnownChanges(self.now)
        self.known.begin(0, [])
        self.known.note_look(0)
        self.answers = SharedAnswers(self.store, self.known, prefix="p:", ttl_seconds=60, metrics=self.metrics)

    async def look_up(self, *names: str, fetch: Fetch | None = None) -> list[KnownAnswer | None]:
        found = await self.answers.in_front_of(fetch or self.table.fetch_many)(names)
        await self.written()
        return [found.get(name) for name in names]

    async def written(self) -> None:
        """Wait until what was read is in Redis."""
        while self.answers._writing is not None:
            await asyncio.sleep(0)

    def hear_of(self, number: int, image_hash: str = A) -> None:
        self.known.add(number, [CacheChange(number, image_hash, deleted=False, mark=number)])

    def count(self, result: str) -> float:
        return self.metrics.redis_lookups.tallies[(result,)]


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def table() -> FakeTable:
    return FakeTable({A: WRONG, B: OTHER})


@pytest.fixture
def process(store: FakeStore, table: FakeTable) -> Process:
    return Process(store, table)


async def test_what_one_process_has_read_another_finds_without_the_database(
    process: Process, store: FakeStore, table: FakeTable
) -> None:
    assert await process.look_up(A, B) == [WRONG, OTHER]

    another = Process(store, table)
    assert await another.look_up(A, B) == [WRONG, OTHER]
    assert (table.asked, another.count("hit")) == ([[A, B]], 2)


async def test_a_miss_is_not_kept_and_asked_of_the_database_alone(process: Process, table: FakeTable) -> None:
    await process.look_up(A)
    assert await process.look_up(A, "c" * 64) == [WRONG, None]
    table.answers["c" * 64] = OTHER

    assert await process.look_up("c" * 64) == [OTHER]
    assert table.asked == [[A], ["c" * 64], ["c" * 64]]
    assert (process.count("miss"), process.count("hit")) == (3, 1)


async def test_an_answer_read_before_a_correction_and_written_after_it_does_not_come_back(
    process: Process, store: FakeStore, table: FakeTable
) -> None:
    read, go_on = asyncio.Event(), asyncio.Event()

    async def slow(names: Sequence[str]) -> Mapping[str, KnownAnswer]:
        found = await table.fetch_many(names)
        read.set()
        await go_on.wait()
        return found

    looking = asyncio.create_task(process.look_up(A, fetch=slow))
    await read.wait()
    table.answers[A] = RIGHT
    process.hear_of(1)
    go_on.set()
    assert await looking == [WRONG]
    assert len(store.values) == 1

    assert await process.look_up(A) == [RIGHT]
    assert process.count("outdated") == 1
    assert await process.look_up(A) == [RIGHT]
    assert process.count("hit") == 1


async def test_who_has_not_heard_of_a_correction_yet_spoils_nothing_for_who_has(
    process: Process, store: FakeStore, table: FakeTable
) -> None:
    late = Process(store, table)
    await late.look_up(A)
    table.answers[A] = RIGHT
    process.hear_of(1)

    assert await process.look_up(A) == [RIGHT]  # what it writes has a stamp that the other cannot judge
    assert await late.look_up(A) == [RIGHT]
    assert await process.look_up(A) == [RIGHT]


async def test_a_redis_that_comes_back_with_old_content_brings_no_old_answer_back(
    process: Process, store: FakeStore, table: FakeTable
) -> None:
    await process.look_up(A, B)
    old = dict(store.values)
    table.answers[A] = RIGHT
    process.hear_of(1)
    await process.look_up(A)

    store.values = old

    assert await process.look_up(A, B) == [RIGHT, OTHER]
    assert table.asked[-1] == [A]


async def test_foreign_and_damaged_values_are_misses(process: Process, store: FakeStore) -> None:
    await process.look_up(A, B)
    store.values = dict(zip(store.values, [b"not an answer", b'["1"]'], strict=True))

    assert await process.look_up(A, B) == [WRONG, OTHER]
    assert process.count("damaged") == 2
    assert await process.look_up(A, B) == [WRONG, OTHER]
    assert process.count("hit") == 2


@pytest.mark.parametrize("how", ["is_away", "fails"])
async def test_without_redis_the_database_is_asked(
    how: str, process: Process, store: FakeStore, table: FakeTable
) -> None:
    setattr(store, how, True)

    assert await process.look_up(A, "c" * 64) == [WRONG, None]
    assert (process.count("bypassed"), store.asked) == (2, int(how == "fails"))


async def test_while_the_database_is_away_what_redis_has_is_answered_and_the_rest_is_not_known(
    process: Process, table: FakeTable
) -> None:
    await process.look_up(A)
    table.away = True
    lookups = BatchedLookups(process.answers.in_front_of(table.fetch_many), metrics=process.metrics)

    known, unknown = await lookups.find_all([A, B])

    assert known == WRONG
    assert isinstance(unknown, DatabaseUnavailable)


async def test_who_has_not_looked_for_changes_lately_asks_the_database_first(
    process: Process, table: FakeTable
) -> None:
    await process.look_up(A)
    table.answers[A] = RIGHT
    process.now.seconds = 2.5

    assert await process.look_up(A) == [RIGHT]

    table.away = True
    lookups = BatchedLookups(process.answers.in_front_of(table.fetch_many), metrics=process.metrics)
    assert await lookups.find(A) == WRONG  # as from memory: older, and better than none
    with pytest.raises(DatabaseUnavailable):
        await lookups.find(B)


async def test_what_waits_to_be_written_is_bounded_and_nobody_waits_for_it(store: FakeStore) -> None:
    names = [f"{number:064x}" for number in range(MOST_WAITING + 100)]
    process = Process(store, FakeTable({name: make_known(name) for name in names}))

    found = await process.answers.in_front_of(process.table.fetch_many)(names)

    assert (len(found), store.written) == (MOST_WAITING + 100, 0)
    await process.written()
    assert store.written == MOST_WAITING


async def test_what_could_not_be_written_is_let_go_and_written_by_the_next(process: Process, store: FakeStore) -> None:
    store.fails = True
    await process.look_up(A)
    store.fails = False
    await process.written()
    assert store.written == 0

    await process.look_up(A)

    assert store.written == 1
