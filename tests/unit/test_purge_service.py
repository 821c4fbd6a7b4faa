"""A purge goes through all answers in slices, within a bounded time, and tells every process of it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from app.errors import DatabaseUnavailable
from app.models.correction import Operator, Purge, PurgeResult
from app.services.purge_service import PurgeService
from tests.fakes import as_any

ALICE = Operator("req_1", "alice", "192.0.2.7")
PURGE = Purge(model="gpt-5")


@dataclass
class FakeAnswers:
    """Answers by their ids; each one fits."""

    ids: list[int]
    deleted: list[int] = field(default_factory=list)
    earlier: list[int] = field(default_factory=list)
    slices: list[tuple[int, int]] = field(default_factory=list)
    fails_at: int | None = None

    async def count(self, purge: Purge) -> int:
        return len(self.ids)

    async def fetch_last_id(self) -> int:
        return max(self.ids, default=0)

    async def fetch_slice(self, purge: Purge, after: int, upto: int, limit: int) -> list[tuple[int, str]]:
        self.slices.append((after, upto))
        return [(one, str(one)) for one in self.ids if after < one <= upto][:limit]

    async def delete(
        self, image_hashes: list[str], purge: Purge, before: int, reason: str, operator: Operator, now: datetime
    ) -> None:
        if len(self.earlier) == self.fails_at:
            raise DatabaseUnavailable(detail="away, as told")
        self.earlier.append(before)
        self.deleted += map(int, image_hashes)


@dataclass
class FakeWatch:
    """Counts how often it is looked."""

    looks: int = 0

    async def look_with_others(self) -> None:
        self.looks += 1


def make_service(answers: FakeAnswers, most_seconds: float = 20) -> tuple[PurgeService, FakeWatch]:
    watch = FakeWatch()
    return PurgeService(answers, as_any(watch), lambda: datetime.now(UTC), most_seconds), watch


async def test_every_answer_goes_in_slices_that_say_how_many_went_before() -> None:
    answers = FakeAnswers([*range(1, 1201), 50_000, 90_001])
    service, watch = make_service(answers)

    assert await service.delete(PURGE, "why", ALICE) == PurgeResult(1202, 1202, complete=True)
    assert answers.deleted == answers.ids
    assert answers.earlier == [0, 500, 1000, 1200, 1201]
    assert all(upto - after <= 20_000 for after, upto in answers.slices)
    assert watch.looks == 1


async def test_what_takes_too_long_is_left_to_the_next_call() -> None:
    answers = FakeAnswers([1, 2, 3])
    service, watch = make_service(answers, most_seconds=0)

    assert await service.delete(PURGE, "why", ALICE) == PurgeResult(3, 0, complete=False)
    assert (answers.deleted, watch.looks) == ([], 0)


async def test_where_nothing_fits_nothing_is_told() -> None:
    service, watch = make_service(FakeAnswers([]))

    assert await service.delete(PURGE, "why", ALICE) == PurgeResult(0, 0, complete=True)
    assert watch.looks == 0


async def test_what_went_before_a_failure_is_told() -> None:
    service, watch = make_service(FakeAnswers(list(range(1, 1201)), fails_at=1))

    with pytest.raises(DatabaseUnavailable):
        await service.delete(PURGE, "why", ALICE)
    assert watch.looks == 1
