"""When old rows are deleted, and when rather not."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from app.errors import DatabaseUnavailable
from app.services.upkeep.retention import Retention, slice_by_slice

KEEP = timedelta(days=90)


@dataclass
class FakeRows:
    """A table of so many old rows, and the gap behind them."""

    old: int
    gap: timedelta | None = timedelta(0)
    slices: list[int] = field(default_factory=list)
    away: bool = False
    before_slice: Callable[[], None] = lambda: None

    async def delete_slice(self, age: timedelta, *, slice_rows: int) -> int:
        assert age == KEEP
        self.before_slice()
        if self.away:
            raise DatabaseUnavailable
        deleted = min(self.old, slice_rows)
        self.old -= deleted
        self.slices.append(deleted)
        return deleted

    async def measure_gap(self, age: timedelta) -> timedelta | None:
        assert age == KEEP
        return self.gap


@dataclass
class FakeLeases:
    """Leases by name."""

    owners: dict[str, str] = field(default_factory=dict)

    async def claim(self, name: str, owner: str, seconds: int) -> bool:
        return self.owners.setdefault(name, owner) == owner

    async def release(self, names: Sequence[str], owner: str) -> None:
        for name in names:
            if self.owners.get(name) == owner:
                del self.owners[name]


async def do_not_wait(seconds: float) -> None:
    pass


def make_retention(rows: FakeRows, leases: FakeLeases) -> Retention:
    hour = timedelta(hours=1)
    return Retention(
        "request log", slice_by_slice(rows.delete_slice), KEEP, hour, leases, rows.measure_gap, sleep=do_not_wait
    )


async def test_old_rows_go_in_slices() -> None:
    rows = FakeRows(old=1250)

    assert await make_retention(rows, FakeLeases()).delete_expired() == 1250
    assert rows.slices == [500, 500, 250]


@pytest.mark.parametrize("gap", [None, timedelta(0), KEEP])
async def test_rows_go_when_time_has_passed_evenly(gap: timedelta | None) -> None:
    assert await make_retention(FakeRows(old=3, gap=gap), FakeLeases()).delete_expired() == 3


async def test_rows_stay_when_the_time_behind_them_is_longer_than_they_are_kept() -> None:
    rows = FakeRows(old=3, gap=KEEP + timedelta(seconds=1))

    assert await make_retention(rows, FakeLeases()).delete_expired() == 0
    assert rows.slices == []


async def test_nothing_is_deleted_while_another_process_does() -> None:
    rows, leases = FakeRows(old=3), FakeLeases({"retention:request log": "another"})

    assert await make_retention(rows, leases).delete_expired() == 0
    assert rows.slices == []


async def test_who_was_too_slow_leaves_the_rest_to_whoever_took_over() -> None:
    rows, leases = FakeRows(old=5000), FakeLeases()
    rows.before_slice = lambda: leases.owners.update({"retention:request log": "another"})

    assert await make_retention(rows, leases).delete_expired() == 500
    assert leases.owners == {"retention:request log": "another"}


@pytest.mark.parametrize("gap", [timedelta(0), 2 * KEEP])
async def test_the_next_process_may_delete_afterwards(gap: timedelta) -> None:
    leases = FakeLeases()

    await make_retention(FakeRows(old=3, gap=gap), leases).delete_expired()

    assert leases.owners == {}


async def test_the_next_process_may_delete_after_a_failure() -> None:
    rows, leases = FakeRows(old=3, away=True), FakeLeases()

    with pytest.raises(DatabaseUnavailable):
        await make_retention(rows, leases).delete_expired()
    assert leases.owners == {}


async def test_four_fifths_of_the_time_nothing_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    now, rests = [0.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    rows = FakeRows(old=1250, before_slice=lambda: now.__setitem__(0, now[0] + 0.1))

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    await replace(make_retention(rows, FakeLeases()), sleep=rest).delete_expired()

    assert rests == [pytest.approx(0.4)] * 3


@pytest.mark.parametrize(("backlog", "pauses"), [([50], 0), ([51, 900, 50], 2), ([900] * 200, 120)])
async def test_no_more_is_deleted_while_the_statistics_are_behind_but_not_for_ever(
    backlog: list[int], pauses: int
) -> None:
    rests = []

    async def measure() -> int:
        return backlog.pop(0) if backlog else 0

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    rows = FakeRows(old=600)
    await replace(make_retention(rows, FakeLeases()), sleep=rest, measure_backlog=measure).delete_expired()

    assert rests.count(0.5) == pauses
    assert rows.slices == [500, 100]
