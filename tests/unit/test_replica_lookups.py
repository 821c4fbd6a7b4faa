"""A replica that has seen all changes of answers may say what is known of a photo. What it misses the primary says."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from app.errors import DatabaseUnavailable
from app.models.correction import CacheChange
from app.models.domain import KnownAnswer
from app.observe.metrics import Metrics
from app.services.cache.known_changes import KnownChanges
from app.services.cache.lookups import BatchedLookups, Fetch
from app.services.cache.replica_lookups import ReplicaLookups
from app.services.cache.tiers import in_front_of
from tests.factories import make_classification, make_known
from tests.fakes import FakeTable

A, B = "a" * 64, "b" * 64
WRONG, RIGHT = make_known(A), make_known(A, classification=make_classification(description=None))


class Now:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class FakeReplica(FakeTable):
    """The table on a replica, as of the last change that has reached it."""

    number: int = 0

    async def fetch_as_of(self, names: Sequence[str]) -> tuple[int, dict[str, KnownAnswer]]:
        return self.number, dict(await self.fetch_many(names))


@dataclass
class Lookups:
    primary: FakeTable
    replica: FakeReplica
    now: Now = field(default_factory=Now)
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self.known = KnownChanges(self.now)
        self.known.begin(0, [])
        self.known.note_look(0)
        read = ReplicaLookups(self.replica, self.known, self.metrics).read
        self.fetch: Fetch = in_front_of(self.primary.fetch_many, self.known, read)

    def count(self, result: str) -> float:
        return self.metrics.replica_lookups.tallies[(result,)]


@pytest.fixture
def lookups() -> Lookups:
    return Lookups(FakeTable({A: WRONG}), FakeReplica({A: WRONG}))


async def test_what_a_replica_knows_is_not_asked_of_the_primary_and_what_it_misses_is(lookups: Lookups) -> None:
    lookups.primary.answers[B] = make_known(B)

    assert dict(await lookups.fetch([A, B])) == lookups.primary.answers
    assert lookups.primary.asked == [[B]]
    assert (lookups.count("hit"), lookups.count("miss")) == (1, 1)


async def test_a_replica_that_has_not_seen_a_change_brings_no_old_answer_back(lookups: Lookups) -> None:
    lookups.primary.answers[A] = RIGHT
    lookups.known.add(1, [CacheChange(1, A, deleted=False)])

    assert await lookups.fetch([A]) == {A: RIGHT}
    assert lookups.count("behind") == 1

    lookups.replica.answers[A], lookups.replica.number = RIGHT, 1
    assert await lookups.fetch([A]) == {A: RIGHT}
    assert lookups.count("hit") == 1


async def test_without_a_replica_the_primary_is_asked(lookups: Lookups) -> None:
    lookups.replica.away = True

    assert await lookups.fetch([A]) == {A: WRONG}
    assert lookups.count("bypassed") == 1


async def test_while_the_primary_is_away_what_a_replica_knows_is_answered(lookups: Lookups) -> None:
    lookups.primary.away = True
    lookups.now.seconds = 60

    known, unknown = await BatchedLookups(lookups.fetch, metrics=lookups.metrics).find_all([A, B])

    assert known == WRONG
    assert isinstance(unknown, DatabaseUnavailable)


async def test_who_has_not_looked_for_changes_lately_asks_the_primary_first(lookups: Lookups) -> None:
    lookups.primary.answers[A] = RIGHT
    lookups.now.seconds = 2.5

    assert await lookups.fetch([A]) == {A: RIGHT}
    assert lookups.replica.asked == []
