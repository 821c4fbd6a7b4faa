"""Reads sums of the statistics as of one moment: the rollups, and what of the outbox is not in them yet. SQL only."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from app.database import Fetch, Reader, Row, Sql
from app.repositories.outbox_statements import SELECT_OUTBOX
from app.repositories.rollup_reads import (
    COUNT_NEW_MEMBERS,
    SELECT_CALLS,
    SELECT_CATEGORIES,
    SELECT_DISTINCT,
    SELECT_LATENCIES,
    SELECT_MAX_HITS,
    SELECT_MINUTE_CALLS,
    SELECT_MINUTES,
    SELECT_OTHER_TOP_USERS,
    SELECT_RECENT,
    SELECT_REQUESTS,
    SELECT_TIMES,
    SELECT_USERS,
)
from app.repositories.rollup_repository import RollupState, fetch_state
from app.repositories.rollup_sums import ALL_DAYS, RollupSums, Sums, merge, rows_json, within
from app.utils.days import DaySpan

_TIMEOUT_SECONDS = 30.0
_LAST_DAY = "9999-12-31"
_LAST_SECOND = "9999-12-31 23:59:59"
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Table:
    """A rollup table: what selects its days, how many columns its key has, and what is to be added to it."""

    select: Sql
    key_width: int
    waiting: Callable[[Fetch, RollupSums], Awaitable[Sums]]


def _table(select: Sql, key_width: int, waiting: Callable[[RollupSums], Sums]) -> Table:
    """Return a table whose rows are sums of the outbox's rows, whatever is in it."""

    async def read(_: Fetch, pending: RollupSums) -> Sums:
        return waiting(pending)

    return Table(select, key_width, read)


async def _count_new_members(fetch: Fetch, pending: RollupSums) -> Sums:
    """Return by day and kind how many more members there are with these sums than without them."""
    if not pending.members:
        return {}
    return merge({}, await fetch(COUNT_NEW_MEMBERS, {"rows": rows_json(pending.members)}), 2)


REQUESTS = _table(SELECT_REQUESTS, 2, lambda pending: pending.requests)
CATEGORIES = _table(SELECT_CATEGORIES, 2, lambda pending: pending.categories)
LATENCIES = _table(SELECT_LATENCIES, 3, lambda pending: pending.latencies)
CALLS = _table(SELECT_CALLS, 5, lambda pending: pending.calls)
RECENT = _table(SELECT_RECENT, 2, lambda pending: pending.recent)
MINUTES = _table(SELECT_MINUTES, 3, lambda pending: pending.minutes)
MINUTE_CALLS = _table(SELECT_MINUTE_CALLS, 1, lambda pending: pending.minute_calls)
DISTINCT = Table(SELECT_DISTINCT, 2, _count_new_members)


@dataclass(frozen=True, slots=True)
class RollupReader:
    """Reads in one snapshot, so that a row of the outbox is counted once, wherever it is at the moment.

    Every method raises `DatabaseUnavailable`, `StatisticsNotBuilt`.
    """

    database: Reader

    async def sum_days(self, span: DaySpan | None, *tables: Table) -> list[Sums]:
        """Return the sums of each table over these days; None: over all days, whose members count once."""
        zone = span.zone if span else None
        first, last = (span.first.isoformat(), span.last.isoformat()) if span else (ALL_DAYS, _LAST_DAY)

        async def read(fetch: Fetch) -> list[Sums]:
            _, pending = await _fetch_pending(fetch, zone)
            return [await _sum(fetch, pending, table, first, last) for table in tables]

        return await self.database.read_snapshot(read, timeout_seconds=_TIMEOUT_SECONDS)

    async def sum_live(self, span: DaySpan, since: str) -> tuple[Sums, Sums, Sums]:
        """Return the sums of `REQUESTS` and `DISTINCT` over these days, and of `RECENT` from this moment on."""
        first, last = span.first.isoformat(), span.last.isoformat()

        async def read(fetch: Fetch) -> tuple[Sums, Sums, Sums]:
            _, pending = await _fetch_pending(fetch, span.zone)
            return (
                await _sum(fetch, pending, REQUESTS, first, last),
                await _sum(fetch, pending, DISTINCT, first, last),
                await _sum(fetch, pending, RECENT, since, _LAST_SECOND),
            )

        return await self.database.read_snapshot(read, timeout_seconds=_TIMEOUT_SECONDS)

    async def sum_minutes(self, first: str, last: str, zone: ZoneInfo) -> tuple[RollupState, Sums, Sums]:
        """Return the sums of `MINUTES` and `MINUTE_CALLS` from one minute to another, and what they are of."""

        async def read(fetch: Fetch) -> tuple[RollupState, Sums, Sums]:
            state, pending = await _fetch_pending(fetch, zone)
            return (
                state,
                await _sum(fetch, pending, MINUTES, first, last),
                await _sum(fetch, pending, MINUTE_CALLS, first, last),
            )

        return await self.database.read_snapshot(read, timeout_seconds=_TIMEOUT_SECONDS)

    async def sum_cache(self) -> tuple[int, int, int]:
        """Return how many images are cached, the sum of their hits, and the most hits of one."""

        async def read(fetch: Fetch) -> tuple[int, int, int]:
            state, pending = await _fetch_pending(fetch, None)
            ((most,),) = await fetch(SELECT_MAX_HITS, {})
            return state.images + pending.images, state.cache_hits + pending.cache_hits, int(most or 0)

        return await self.database.read_snapshot(read, timeout_seconds=_TIMEOUT_SECONDS)

    async def fetch_top_users(self, limit: int) -> list[Row]:
        """Return the users with the most requests: user, requests, cache hits, first and last request."""

        async def read(fetch: Fetch) -> list[Row]:
            _, pending = await _fetch_pending(fetch, None)
            users = json.dumps([user for (user,) in pending.users])
            changed = _merged_users(pending, await fetch(SELECT_USERS, {"users": users}))
            others = await fetch(SELECT_OTHER_TOP_USERS, {"users": users, "limit": limit})
            ranked = sorted([*changed, *others], key=lambda row: (-int(row[1]), _order_of(row[0])))
            return await _with_times(fetch, ranked[:limit])

        return await self.database.read_snapshot(read, timeout_seconds=_TIMEOUT_SECONDS)

    async def fetch_user(self, user_id: str) -> Row | None:
        """Return the sums of one user: user, requests, cache hits, first and last request; None without requests."""

        async def read(fetch: Fetch) -> Row | None:
            _, pending = await _fetch_pending(fetch, None)
            pending.users = {key: value for key, value in pending.users.items() if key == (user_id,)}
            known = await fetch(SELECT_USERS, {"users": json.dumps([user_id])})
            rows = await _with_times(fetch, _merged_users(pending, known))
            return rows[0] if rows else None

        return await self.database.read_snapshot(read, timeout_seconds=_TIMEOUT_SECONDS)


async def _sum(fetch: Fetch, pending: RollupSums, table: Table, first: str, last: str) -> Sums:
    """Return the sums of a table from the first part of the key to the last, with what is still to be added."""
    waiting = await table.waiting(fetch, pending)
    rows = await fetch(table.select, {"first": first, "last": last})
    return merge(within(waiting, first, last), rows, table.key_width)


async def _fetch_pending(fetch: Fetch, zone: ZoneInfo | None) -> tuple[RollupState, RollupSums]:
    """Return what the rollups are of, and what they lack. `zone` is that of the days, if days matter."""
    state = await fetch_state(fetch)
    state.check(zone)
    pending = RollupSums()
    pending.add_outbox(await fetch(SELECT_OUTBOX, {}), zone or _UTC)
    return state, pending


def _merged_users(pending: RollupSums, known: list[Row]) -> list[Row]:
    """Return the users whose sums change, as they will be; those who have requests then."""
    sums = merge({key: list(value) for key, value in pending.users.items()}, known, 1)
    return [(user, *values) for (user,), values in sums.items() if values[0] > 0]


async def _with_times(fetch: Fetch, rows: list[Row]) -> list[Row]:
    """Return the rows with the times of each user's first and last request."""
    if not rows:
        return []
    times = await fetch(SELECT_TIMES, {"users": json.dumps([row[0] for row in rows])})
    by_user = {user: (first, last) for user, first, last in times}
    return [(*row, *by_user[row[0]]) for row in rows]


def _order_of(user_id: str) -> bytes:
    """Return what users are compared by, as both databases do it: the code points."""
    return user_id.encode("utf-8")
