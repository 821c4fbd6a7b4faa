"""Replicas of the primary, for reads that may be some seconds old. They may be behind, silent or dead: that is looked
at every second, and those that are any of it are left alone.

How far one is behind is told by a beat: a moment of the primary's clock that is written there every second
(`change_counter`) and reaches replicas as any other row does, whatever kind of replication brings it. Neither our clock
nor theirs counts, and no rights are needed beside those that there are.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, cycle, repeat
from typing import TypeVar

from loguru import logger

from app.database import Database, Fetch, Params, Row, Sql
from app.errors import DatabaseUnavailable
from app.utils.keep_doing import keep_doing

LOOK_SECONDS = 1.0
_QUICK_SECONDS = 3.0
"""What a read may take that names no limit. One that may take longer is a statistic."""

_LOOK_LIMIT_SECONDS = 1.0

# Of many processes one writes it. A clock that was set back, or that of another primary, counts at once.
_BEAT = Sql.same("""
INSERT INTO change_counter (topic, number) VALUES ('beat', ROUND(UNIX_TIMESTAMP(NOW(3)) * 1000))
ON DUPLICATE KEY UPDATE number = IF(
  ABS(CAST(change_counter.number AS SIGNED) - ROUND(UNIX_TIMESTAMP(NOW(3)) * 1000)) < 900,
  change_counter.number, ROUND(UNIX_TIMESTAMP(NOW(3)) * 1000)
)
""")

_SELECT_BEAT = Sql.same("SELECT number FROM change_counter WHERE topic = 'beat'")

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class Replica:
    """One server, and what was seen of it last."""

    name: str
    database: Database
    is_well: bool = False
    """Whether it has answered the last look, and is not too far behind."""

    is_usable: bool = False
    """Whether it is read from: from the second look on that finds it well, so that no reader who has just asked as of
    when statistics are gets older ones."""

    beat_ms: int = 0
    """The last beat that has reached it: what the primary had committed by then it has, too."""

    lag_seconds: float = 0
    silent: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while it answers nothing."""


class Replicas:
    """Reads from replicas in turn, from the next where one fails, and never from one that is too far behind.

    Both reads raise `DatabaseUnavailable` where there is none to read from, or one has used up the time of a read: the
    limits of all of them would add up.
    """

    def __init__(self, replicas: Sequence[Replica], primary: Database, max_lag_seconds: float) -> None:
        self.replicas = replicas
        self._primary = primary
        self._max_lag_seconds = max_lag_seconds
        self._turns = cycle(replicas)
        self._primary_beat_ms = 0

    def as_of(self, now: datetime) -> datetime:
        """Return a moment before which nothing is missing in what is read from now on."""
        beats = (datetime.fromtimestamp(one.beat_ms / 1000, UTC) for one in self.replicas if one.is_well)
        return min([now, *beats])

    async def fetch_all(self, sql: Sql, params: Params, *, timeout_seconds: float | None = None) -> list[Row]:
        """Return all rows of a read."""
        limit = timeout_seconds or _QUICK_SECONDS
        return await self._read(lambda one: one.fetch_all(sql, params, timeout_seconds=limit), limit)

    async def read_snapshot(self, work: Callable[[Fetch], Awaitable[T]], *, timeout_seconds: float) -> T:
        """Return what `work` makes of several reads of one server that all see the same moment."""
        return await self._read(lambda one: one.read_snapshot(work, timeout_seconds=timeout_seconds), timeout_seconds)

    async def run_forever(self) -> None:
        """Look at all of them, and again every second."""
        pauses = chain([0.0], repeat(LOOK_SECONDS))
        await keep_doing(self.look, lambda: next(pauses), "looking at the replicas")

    async def look(self) -> None:
        """Write a beat, and see which replicas can be read from."""
        try:
            await self._primary.execute(_BEAT, {})
            self._primary_beat_ms = await _fetch_beat(self._primary)
        except DatabaseUnavailable:
            pass  # the last one counts: nothing has been written since that is known of
        await asyncio.gather(*map(self._look_at, self.replicas))

    async def close(self) -> None:
        """Let go of all connections."""
        await asyncio.gather(*(replica.database.close() for replica in self.replicas))

    async def _look_at(self, replica: Replica) -> None:
        try:
            replica.beat_ms = await _fetch_beat(replica.database)
        except DatabaseUnavailable as error:
            replica.silent.set()
            self._leave_alone(replica, error.detail)
            return
        replica.silent.clear()
        was_well = replica.is_well
        replica.lag_seconds = max(0, self._primary_beat_ms - replica.beat_ms) / 1000
        if replica.lag_seconds > self._max_lag_seconds:
            self._leave_alone(replica, f"it is {replica.lag_seconds:.0f} s behind")
            return
        replica.is_well = bool(self._primary_beat_ms)
        if was_well and not replica.is_usable:
            replica.is_usable = True
            logger.info("reading from a replica", replica=replica.name)

    async def _read(self, read: Callable[[Database], Awaitable[T]], limit_seconds: float) -> T:
        loop = asyncio.get_running_loop()
        end = loop.time() + limit_seconds
        for _ in self.replicas:
            replica = next(self._turns)
            if not replica.is_usable:
                continue
            try:
                return await _unless_silent(replica, read(replica.database))
            except DatabaseUnavailable as error:
                if limit_seconds <= _QUICK_SECONDS:
                    self._leave_alone(replica, error.detail)
                else:  # it may be slow by itself, or has waited for other statistics: look-ups need not suffer for it
                    logger.warning("a statistic was not had of a replica", replica=replica.name, reason=error.detail)
                if loop.time() >= end:
                    raise
        raise DatabaseUnavailable(detail="there is no replica to read from")

    def _leave_alone(self, replica: Replica, reason: str | None) -> None:
        """Read nothing from it until it is found well by looks."""
        replica.is_well = False
        if replica.is_usable:
            replica.is_usable = False
            logger.warning("leaving a replica alone", replica=replica.name, reason=reason)


@dataclass(frozen=True, slots=True)
class ReplicasFirst:
    """`Reader` of replicas, and of the primary where there is none to read from."""

    replicas: Replicas
    primary: Database

    async def fetch_all(self, sql: Sql, params: Params, *, timeout_seconds: float | None = None) -> list[Row]:
        try:
            return await self.replicas.fetch_all(sql, params, timeout_seconds=timeout_seconds)
        except DatabaseUnavailable:
            return await self.primary.fetch_all(sql, params, timeout_seconds=timeout_seconds)

    async def read_snapshot(self, work: Callable[[Fetch], Awaitable[T]], *, timeout_seconds: float) -> T:
        try:
            return await self.replicas.read_snapshot(work, timeout_seconds=timeout_seconds)
        except DatabaseUnavailable:
            return await self.primary.read_snapshot(work, timeout_seconds=timeout_seconds)


async def _fetch_beat(database: Database) -> int:
    rows = await database.fetch_all(_SELECT_BEAT, {}, timeout_seconds=_LOOK_LIMIT_SECONDS)
    if not rows:
        raise DatabaseUnavailable(detail="it has no beat of the primary's")
    return int(rows[0][0])


async def _unless_silent(replica: Replica, read: Awaitable[T]) -> T:
    """Wait for a read, but not for one of a server that falls silent meanwhile: a statistic may take half a minute.

    Raises `DatabaseUnavailable`.
    """
    reading = asyncio.ensure_future(read)
    silence = asyncio.ensure_future(replica.silent.wait())
    try:
        await asyncio.wait([reading, silence], return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            raise DatabaseUnavailable(detail="it fell silent")
        return await reading
    finally:
        silence.cancel()
        reading.cancel()
