"""The rollups of the statistics: takes what transactions left in the outbox, and adds it to the sums. SQL only."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from app.database import (
    ConstraintError,
    Database,
    Fetch,
    Params,
    Row,
    Statement,
    StatementTooLarge,
    ValueRejected,
    from_sql_time,
)
from app.errors import ServiceError, StatisticsNotBuilt
from app.repositories.outbox_statements import SELECT_OUTBOX_FIRST, SELECT_OUTBOX_LENGTH, SELECT_OUTBOX_PIECE
from app.repositories.rollup_reads import (
    DELETE_EMPTY_DAYS,
    DELETE_EMPTY_USERS,
    DELETE_OUTBOX,
    MARK_INCOMPLETE,
    SELECT_STATE,
)
from app.repositories.rollup_statements import (
    ADD_CALL,
    ADD_CATEGORY,
    ADD_LATENCY,
    ADD_MEMBER,
    ADD_MINUTE,
    ADD_MINUTE_CALL,
    ADD_RECENT,
    ADD_REQUEST,
    ADD_USER,
    ADVANCE_VERSION,
    COUNT_MEMBERS_THAT_CAME,
    COUNT_MEMBERS_THAT_WENT,
    COUNT_MEMBERS_TO_COME,
    DELETE_EMPTY_MEMBERS,
    DELETE_NO_LONGER_RECENT,
    DELETE_OLD_MINUTE_CALLS,
    DELETE_OLD_MINUTES,
)
from app.repositories.rollup_sums import Key, RollupSums, Sums, rows_json

_TIMEOUT_SECONDS = 30.0
_PIECE_ROWS = 64
_PIECE_CHARACTERS = 300_000
"""A piece holds the event loop for some 10 ms, and its locks for as long as a batch of records."""


@dataclass(frozen=True, slots=True)
class RollupState:
    """What the sums are of."""

    version: int
    timezone: str
    """Where their days begin at midnight; empty while nothing is in them."""

    built_at: datetime | None
    """Since when they are complete; None: they are not."""

    images: int
    cache_hits: int
    has_minutes: bool
    """Whether minutes are counted: not where a process of an older version has changed the sums last."""

    minutes_since: datetime | None
    """From when on all is in the minutes; None: from the beginning."""

    def check(self, zone: ZoneInfo | None = None) -> None:
        """Return if the sums can be told, by the days of `zone` if that matters. Raises `StatisticsNotBuilt`."""
        if self.built_at is None:
            raise StatisticsNotBuilt(detail="the rollups do not hold what is on record")
        if zone is not None and self.timezone not in ("", zone.key):
            raise StatisticsNotBuilt(detail=f"the rollups have the days of {self.timezone}, not of {zone.key}")


async def fetch_state(fetch: Fetch) -> RollupState:
    """Return what the sums are of."""
    rows = await fetch(SELECT_STATE, {})
    if not rows:
        return RollupState(0, "", None, 0, 0, False, None)
    ((version, timezone, built_at, images, cache_hits, minutes_version, minutes_since),) = rows
    built, since = (None if moment is None else from_sql_time(moment) for moment in (built_at, minutes_since))
    has_minutes = int(minutes_version) == int(version)
    return RollupState(int(version), timezone, built, int(images), int(cache_hits), has_minutes, since)


@dataclass(frozen=True, slots=True)
class AppliedPiece:
    """What became of a piece of the outbox."""

    rows: int
    """How many rows it had; 0: nothing was done."""

    rejected: str | None = None
    """Why its one row could not be added. It has been taken out, and the sums wait for a rebuild."""

    leaves_more: bool = False
    """Whether there was more in the outbox than it took, or may have been."""


@dataclass(frozen=True, slots=True)
class RollupRepository:
    """Applies the outbox. Every method raises `DatabaseUnavailable`."""

    database: Database

    async def fetch_state(self) -> RollupState:
        """Return what the sums are of."""
        return await fetch_state(self.database.fetch_all)

    async def is_waiting(self) -> bool:
        """Whether there is something in the outbox."""
        return bool(await self.database.fetch_all(SELECT_OUTBOX_FIRST, {}))

    async def measure_outbox(self) -> int:
        """Return how many rows are in the outbox, or a few more."""
        ((rows,),) = await self.database.fetch_all(SELECT_OUTBOX_LENGTH, {})
        return int(rows)

    async def apply_piece(self, zone: ZoneInfo) -> AppliedPiece:
        """Add a piece of the outbox to the sums and take it out, in one transaction.

        Days are those that the sums have already, and those of `zone` while there are none. What is in the outbox of a
        database whose sums are not built is in the tables that they will be built from: it is taken out alone.
        Of several that apply at once one does; the others do nothing. A piece that cannot be added is halved until the
        row is found that is to blame, so that this one stops none of the others.
        """
        state = await self.fetch_state()
        found = await self.database.fetch_all(SELECT_OUTBOX_PIECE, {"limit": _PIECE_ROWS})
        rows = _piece(found)
        while rows:
            try:
                applied = len(rows) if await self._apply(rows, state, zone) else 0
                return AppliedPiece(applied, leaves_more=len(rows) < len(found) or len(found) == _PIECE_ROWS)
            except (StatisticsNotBuilt, ValueRejected, StatementTooLarge) as error:
                if len(rows) == 1:
                    return await self._reject(rows[0], state, error)
            rows = rows[: len(rows) // 2]
        return AppliedPiece(0)

    async def _apply(self, rows: Sequence[Row], state: RollupState, zone: ZoneInfo) -> bool:
        """Whether these rows are in the sums now, and no more in the outbox."""
        sums = RollupSums()
        days = ZoneInfo(state.timezone) if state.timezone else zone
        if state.built_at is not None:
            sums.add_outbox(rows, days)
        return await self.add(sums, state.version, days, [row[0] for row in rows])

    async def _reject(self, row: Row, state: RollupState, error: ServiceError) -> AppliedPiece:
        """Take a row out without adding it, and let the sums wait for a rebuild, which needs no outbox."""
        mark = (MARK_INCOMPLETE, {"version": state.version})
        try:
            await self.database.commit([mark, (DELETE_OUTBOX, {"ids": json.dumps([row[0]])})])
        except ConstraintError:
            return AppliedPiece(0)
        return AppliedPiece(1, f"row {row[0]}: {error.detail}", leaves_more=True)

    async def add(self, sums: RollupSums, version: int, zone: ZoneInfo, outbox_ids: Sequence[int]) -> bool:
        """Add sums and take out the rows of the outbox that they are of. False: the sums are at another version.

        Raises `ValueRejected`, `StatementTooLarge` or `StatisticsNotBuilt` where the sums fit into no table.
        """
        state: Params = {
            "version": version,
            "timezone": zone.key,
            "images": sums.images,
            "cache_hits": sums.cache_hits,
        }
        statements: list[Statement] = [(ADVANCE_VERSION, state), *_additions(sums)]
        if outbox_ids:
            statements.append((DELETE_OUTBOX, {"ids": json.dumps(list(outbox_ids))}))
        try:
            await self.database.commit(statements)
        except ConstraintError:
            if (await self.fetch_state()).version == version:
                raise
            return False
        return True


def _additions(sums: RollupSums) -> list[Statement]:
    """Return the statements that add sums, each table's rows in the order of its key."""
    tables = (
        (ADD_REQUEST, sums.requests),
        (ADD_RECENT, sums.recent),
        (ADD_MINUTE, sums.minutes),
        (ADD_MINUTE_CALL, sums.minute_calls),
        (ADD_CATEGORY, sums.categories),
        (ADD_LATENCY, sums.latencies),
        (ADD_CALL, sums.calls),
        (ADD_USER, sums.users),
    )
    statements: list[Statement] = [(sql, {"rows": rows_json(rows)}) for sql, rows in tables if rows]
    if sums.recent:
        statements += [(DELETE_NO_LONGER_RECENT, {}), (DELETE_OLD_MINUTES, {})]
    if sums.minute_calls:
        statements.append((DELETE_OLD_MINUTE_CALLS, {}))
    return statements + _member_statements(sums) + _tidying(sums)


def _member_statements(sums: RollupSums) -> list[Statement]:
    """Return the statements that add members, and count how many come and go by day and kind."""
    groups: dict[Key, Sums] = {}
    for key, amounts in sums.members.items():
        if amounts[0]:
            groups.setdefault(key[:2], {})[key] = amounts
    statements: list[Statement] = []
    for (day, kind), rows in sorted(groups.items()):
        whose: Params = {"day": day, "kind": kind, "rows": rows_json(rows), "number": len(rows)}
        statements += [(COUNT_MEMBERS_TO_COME, whose), (ADD_MEMBER, whose), (COUNT_MEMBERS_THAT_CAME, whose)]
        if less := {key: amounts for key, amounts in rows.items() if amounts[0] < 0}:
            statements += [(DELETE_EMPTY_MEMBERS, {"rows": rows_json(less)}), (COUNT_MEMBERS_THAT_WENT, whose)]
    return statements


def _tidying(sums: RollupSums) -> list[Statement]:
    """Return the statements that delete rows of which nothing may be left."""
    if not sums.shrunk_days:
        return []
    less = sorted(sums.shrunk_days)
    statements: list[Statement] = [(sql, {"first": less[0], "last": less[-1]}) for sql in DELETE_EMPTY_DAYS]
    if gone := {key: amounts for key, amounts in sums.users.items() if amounts[0] <= 0}:
        statements.append((DELETE_EMPTY_USERS, {"rows": rows_json(gone)}))
    return statements


def _piece(rows: Sequence[Row]) -> list[Row]:
    """Return the first of these rows, as many as are worth a transaction; one at least."""
    piece: list[Row] = []
    characters = 0
    for row in rows:
        characters += len(row[2]) + len(row[3])
        if piece and characters > _PIECE_CHARACTERS:
            break
        piece.append(row)
    return piece
