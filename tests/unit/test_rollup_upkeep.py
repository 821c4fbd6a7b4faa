"""When what waits is added to the statistics, and by whom."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import pytest
from loguru import logger

from app.errors import DatabaseUnavailable, RebuildDisturbed, StatisticsNotBuilt
from app.observe.metrics import Metrics
from app.repositories.rollup_repository import AppliedPiece
from app.services.upkeep.rebuild import Rebuild
from app.services.upkeep.rollups import LEASE, RollupUpkeep

UTC = ZoneInfo("UTC")


@dataclass
class FakeState:
    built: bool

    def check(self, zone: ZoneInfo | None = None) -> None:
        if not self.built:
            raise StatisticsNotBuilt


@dataclass
class FakeRollups:
    """An outbox of so many pieces."""

    pieces: int
    built: bool = True
    rejected: str | None = None
    arriving: int = 0
    """How many come while one is added."""

    before_piece: Callable[[], None] = lambda: None

    async def fetch_state(self) -> FakeState:
        return FakeState(self.built)

    async def is_waiting(self) -> bool:
        return self.pieces > 0

    async def measure_outbox(self) -> int:
        return self.pieces * 64

    async def apply_piece(self, zone: ZoneInfo) -> AppliedPiece:
        self.before_piece()
        self.pieces -= 1
        more = self.pieces > 0
        self.pieces += self.arriving
        return AppliedPiece(64 if self.rejected is None else 1, self.rejected, more)

    async def build(self, zone: ZoneInfo, progress: object) -> int:
        assert callable(progress)
        await progress(1, 2)
        return 2


@dataclass
class FakeLeases:
    owners: dict[str, str] = field(default_factory=dict)

    async def claim(self, name: str, owner: str, seconds: int) -> bool:
        return self.owners.setdefault(name, owner) == owner

    async def is_held(self, names: Sequence[str]) -> bool:
        return any(name in self.owners for name in names)

    async def release(self, names: Sequence[str], owner: str) -> None:
        for name in names:
            if self.owners.get(name) == owner:
                del self.owners[name]


async def test_all_that_waits_is_added_piece_by_piece() -> None:
    rollups = FakeRollups(pieces=3)

    assert await RollupUpkeep(rollups, FakeLeases(), UTC, Metrics()).apply_waiting() == 3 * 64
    assert rollups.pieces == 0


async def test_what_comes_while_something_is_added_is_left_for_the_next_time() -> None:
    rollups = FakeRollups(pieces=1, arriving=1)
    upkeep = RollupUpkeep(rollups, FakeLeases(), UTC, Metrics())

    assert await upkeep.apply_waiting() == 64
    assert await upkeep.apply_waiting() == 64


async def test_nobody_claims_anything_while_nothing_waits() -> None:
    leases = FakeLeases()

    assert await RollupUpkeep(FakeRollups(pieces=0), leases, UTC, Metrics()).apply_waiting() == 0
    assert leases.owners == {}


async def test_one_process_adds_and_the_others_leave_it_to_that() -> None:
    rollups, leases = FakeRollups(pieces=1), FakeLeases()
    first, second = RollupUpkeep(rollups, leases, UTC, Metrics()), RollupUpkeep(rollups, leases, UTC, Metrics())

    assert await first.apply_waiting() == 64
    rollups.pieces = 1

    assert await second.apply_waiting() == 0
    assert await first.apply_waiting() == 64


@pytest.mark.parametrize(("built", "lines"), [(True, 0), (False, 1)])
async def test_statistics_that_wait_for_a_rebuild_are_one_line_at_the_start(built: bool, lines: int) -> None:
    said: list[object] = []
    sink = logger.add(said.append, filter=lambda record: "rebuild" in record["message"])

    await RollupUpkeep(FakeRollups(0, built), FakeLeases(), UTC, Metrics()).report()

    logger.remove(sink)
    assert len(said) == lines


async def test_a_rebuild_holds_the_lease_and_gives_it_up() -> None:
    leases, told = FakeLeases(), []

    rows = await Rebuild(FakeRollups(0), leases, UTC).run(lambda *done: told.append(done), wait_seconds=1)

    assert (rows, told, leases.owners) == (2, [(1, 2)], {})


async def test_a_rebuild_waits_only_so_long_for_another_process() -> None:
    with pytest.raises(RebuildDisturbed):
        await Rebuild(FakeRollups(0), FakeLeases({LEASE: "another"}), UTC).run(lambda *_: None, wait_seconds=0.01)


async def test_what_cannot_be_added_now_is_added_later() -> None:
    rollups = FakeRollups(pieces=2)

    def fail() -> None:
        rollups.before_piece = lambda: None
        raise DatabaseUnavailable

    rollups.before_piece = fail
    upkeep = RollupUpkeep(rollups, FakeLeases(), UTC, Metrics())
    with pytest.raises(DatabaseUnavailable):
        await upkeep.apply_waiting()
    assert upkeep.pause_seconds >= 10  # each failure is a line of the log

    assert await upkeep.apply_waiting() == 2 * 64


async def test_a_change_that_cannot_be_added_is_one_line_of_the_log_and_one_in_the_metrics() -> None:
    said: list[object] = []
    sink = logger.add(said.append, filter=lambda record: "rebuild" in record["message"])
    metrics = Metrics()

    await RollupUpkeep(FakeRollups(pieces=1, rejected="row 5"), FakeLeases(), UTC, metrics).apply_waiting()

    logger.remove(sink)
    assert len(said) == 1
    assert metrics.outbox_rejected.tallies == {(): 1}


async def test_every_process_knows_how_much_waits_whoever_adds_it() -> None:
    rollups, leases = FakeRollups(pieces=3), FakeLeases({LEASE: "another"})
    upkeep = RollupUpkeep(rollups, leases, UTC, Metrics())

    assert await upkeep.apply_waiting() == 0

    assert upkeep.waiting == 3 * 64
