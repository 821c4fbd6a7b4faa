"""Replicas are read from in turn; one that is dead, silent or too far behind is left alone until it is well again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from app.database import Fetch, Params, Row, Sql
from app.drivers.replicas import Replica, Replicas, ReplicasFirst
from app.errors import DatabaseRejected, DatabaseUnavailable
from tests.fakes import as_any
from tests.support.waiting import until

T = TypeVar("T")

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)
READ = Sql.same("SELECT 1")


@dataclass
class FakeServer:
    """A server: the beat that has reached it, and whether it answers."""

    beat_ms: int | None = NOON_MS
    away: bool = False
    error: DatabaseRejected | None = None
    """What a write fails with."""

    reads: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def execute(self, sql: Sql, params: Params) -> int:
        self._check()
        if self.error is not None:
            self.begun.set()
            raise self.error
        return 1

    async def fetch_all(self, sql: Sql, params: Params, *, timeout_seconds: float | None = None) -> list[Row]:
        self._check()
        if "beat" in sql.mysql:
            return [] if self.beat_ms is None else [(self.beat_ms,)]
        self.reads += 1
        return [(1,)]

    async def read_snapshot(self, work: Callable[[Fetch], Awaitable[T]], *, timeout_seconds: float) -> T:
        self._check()
        self.reads += 1
        self.begun.set()
        try:
            async with asyncio.timeout(timeout_seconds):
                return await work(self.fetch_all)
        except TimeoutError as error:
            raise DatabaseUnavailable(detail="too late") from error

    def _check(self) -> None:
        if self.away:
            raise DatabaseUnavailable(detail="away")


@dataclass
class Servers:
    """A primary and two replicas."""

    primary: FakeServer = field(default_factory=FakeServer)
    one: FakeServer = field(default_factory=FakeServer)
    two: FakeServer = field(default_factory=FakeServer)

    def __post_init__(self) -> None:
        both = [Replica("one", as_any(self.one)), Replica("two", as_any(self.two))]
        self.replicas = Replicas(both, as_any(self.primary), 5)
        self.reader = ReplicasFirst(self.replicas, as_any(self.primary))

    async def look_twice(self) -> None:
        """What is found well twice is read from."""
        await self.replicas.look()
        await self.replicas.look()

    async def read(self) -> list[Row]:
        return await self.reader.fetch_all(READ, {})

    @property
    def reads(self) -> tuple[int, int, int]:
        return self.primary.reads, self.one.reads, self.two.reads


@pytest.fixture
async def servers() -> Servers:
    made = Servers()
    await made.look_twice()
    return made


async def test_replicas_take_turns(servers: Servers) -> None:
    for _ in range(4):
        await servers.read()

    assert servers.reads == (0, 2, 2)


async def test_before_two_looks_the_primary_is_read() -> None:
    servers = Servers()
    await servers.read()
    await servers.replicas.look()
    await servers.read()

    assert servers.reads == (2, 0, 0)


async def test_a_read_that_fails_goes_to_the_next_and_the_dead_one_is_asked_again_when_it_is_back(
    servers: Servers,
) -> None:
    servers.one.away = True
    for _ in range(4):
        assert await servers.read() == [(1,)]
    assert servers.reads == (0, 0, 4)

    servers.one.away = False
    await servers.read()
    assert servers.one.reads == 0
    await servers.look_twice()
    for _ in range(2):
        await servers.read()
    assert servers.one.reads == 1


async def test_where_all_are_dead_the_primary_is_read(servers: Servers) -> None:
    servers.one.away = servers.two.away = True
    await servers.read()

    assert servers.reads == (1, 0, 0)


@pytest.mark.parametrize("beat_ms", [NOON_MS - 5001, None], ids=["too far behind", "without a beat"])
async def test_one_that_is_too_far_behind_is_left_alone(beat_ms: int | None, servers: Servers) -> None:
    servers.one.beat_ms = beat_ms
    await servers.replicas.look()
    for _ in range(4):
        await servers.read()

    assert servers.reads == (0, 0, 4)


async def test_statistics_are_as_of_the_last_beat_that_all_who_are_read_have(servers: Servers) -> None:
    servers.one.beat_ms = NOON_MS - 3000
    await servers.replicas.look()
    now = NOON + timedelta(seconds=1)

    assert servers.replicas.as_of(now) == NOON - timedelta(seconds=3)

    servers.one.beat_ms = NOON_MS - 6000
    await servers.replicas.look()
    assert servers.replicas.as_of(now) == NOON

    servers.two.away = True
    await servers.replicas.look()
    assert servers.replicas.as_of(now) == now


async def test_one_that_comes_back_is_counted_in_as_of_before_it_is_read(servers: Servers) -> None:
    servers.one.away = True
    await servers.replicas.look()
    servers.one.away, servers.one.beat_ms = False, NOON_MS - 4000
    await servers.replicas.look()

    assert servers.replicas.as_of(NOON) == NOON - timedelta(seconds=4)
    for _ in range(2):
        await servers.read()
    assert servers.one.reads == 0
    await servers.replicas.look()
    for _ in range(2):
        await servers.read()
    assert servers.one.reads == 1


async def test_while_the_primary_is_away_replicas_are_read_all_the_same(servers: Servers) -> None:
    servers.primary.away = True
    await servers.replicas.look()

    assert await servers.read() == [(1,)]


async def test_a_long_read_of_a_server_that_falls_silent_is_done_elsewhere(servers: Servers) -> None:
    servers.two.away = True
    await servers.replicas.look()
    silent = asyncio.Event()

    async def work(fetch: Fetch) -> str:
        if not silent.is_set():
            await asyncio.Event().wait()
        return "done"

    reading = asyncio.create_task(servers.reader.read_snapshot(work, timeout_seconds=30))
    await servers.one.begun.wait()
    servers.one.away = True
    silent.set()
    await servers.replicas.look()

    assert await asyncio.wait_for(reading, 5) == "done"
    assert servers.reads == (1, 1, 0)


async def test_two_that_answer_too_late_take_the_time_of_one(servers: Servers) -> None:
    async def work(fetch: Fetch) -> str:
        if not servers.primary.reads:
            await asyncio.Event().wait()
        return "done"

    assert await servers.reader.read_snapshot(work, timeout_seconds=0.05) == "done"
    assert servers.reads == (1, 1, 0)


@pytest.mark.parametrize("reason", ["slow", "refused"])
async def test_a_statistic_that_replicas_fail_takes_no_look_up_from_them(
    reason: str, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.drivers.replicas._QUICK_SECONDS", 0.01)

    async def work(fetch: Fetch) -> str:
        if not servers.primary.reads:
            if reason == "refused":
                raise DatabaseUnavailable(detail="a right is missing")
            await asyncio.Event().wait()
        return "done"

    for _ in range(2):
        servers.primary.reads = 0
        assert await servers.reader.read_snapshot(work, timeout_seconds=0.05) == "done"
    before = servers.reads
    for _ in range(4):
        await servers.read()

    assert servers.reads == (before[0], before[1] + 2, before[2] + 2)


async def test_a_look_that_fails_unexpectedly_is_not_the_last_one(servers: Servers) -> None:
    servers.primary.error = DatabaseRejected(detail="of a kind that nobody thought of")
    looking = asyncio.create_task(servers.replicas.run_forever())
    await servers.primary.begun.wait()
    servers.primary.error, servers.one.beat_ms = None, NOON_MS - 6000
    await until(lambda: servers.replicas.replicas[0].lag_seconds == 6)

    looking.cancel()
    await asyncio.wait([looking])
