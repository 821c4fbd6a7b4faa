"""Builds the rollups of the statistics anew from what is on record, while others write. SQL only."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from app.database import ConstraintError, Database, Fetch, Sql
from app.errors import RebuildDisturbed
from app.repositories.outbox_statements import SELECT_CALLS_AFTER, SELECT_IMAGES_AFTER, SELECT_RECORDS_AFTER
from app.repositories.rollup_reads import (
    BEGIN_REBUILD,
    CLEAR_TABLES,
    DELETE_OUTBOX,
    END_REBUILD,
    INSERT_STATE,
)
from app.repositories.rollup_repository import RollupRepository, fetch_state
from app.repositories.rollup_sums import RollupSums
from app.utils.days import Calendar

_SLICE_ROWS = 1000
_CLEARED_ROWS = 2000
"""Few enough that a transaction ends within the time of one, also on a machine that has much else to do."""
_TIMEOUT_SECONDS = 24 * 3600.0

_COUNT_ROWS = Sql.same("""
SELECT /*+ MAX_EXECUTION_TIME(600000) */
  (SELECT COUNT(*) FROM request_log) + (SELECT COUNT(*) FROM model_call)
  + (SELECT COUNT(*) FROM image_classification_cache)
""")
_SELECT_OUTBOX_IDS = Sql.same("SELECT id FROM stats_outbox")

Progress = Callable[[int, int], Awaitable[None]]
"""Is told how many rows of how many have been counted."""


@dataclass(frozen=True, slots=True)
class RollupBuilder:
    """Counts all rows that one snapshot shows, and takes out of the outbox what the same snapshot shows there.

    What others write meanwhile stays in the outbox. Who applies it must be kept from it: a build that finds that the
    sums were changed by another ends with `RebuildDisturbed`, and the sums stay marked as incomplete.
    """

    database: Database

    async def build(self, zone: ZoneInfo, progress: Progress) -> int:
        """Build the rollups with the days of `zone`; return how many rows were counted.

        Raises `DatabaseUnavailable`, `RebuildDisturbed`; it may be run again then, from its beginning.
        """
        version = await self._clear(zone)

        async def count(fetch: Fetch) -> int:
            state = await fetch_state(fetch)
            if state.version != version:
                raise RebuildDisturbed
            outbox_ids = [row[0] for row in await fetch(_SELECT_OUTBOX_IDS, {})]
            build = _Build(fetch, RollupRepository(self.database), zone, version)
            counted = await build.run(progress)
            await self._finish(build.version, outbox_ids)
            return counted

        return await self.database.read_snapshot(count, timeout_seconds=_TIMEOUT_SECONDS)

    async def _clear(self, zone: ZoneInfo) -> int:
        """Mark the sums as incomplete and empty them; return their version."""
        await self.database.commit([(INSERT_STATE, {}), (BEGIN_REBUILD, {"timezone": zone.key})])
        version = (await fetch_state(self.database.fetch_all)).version
        for sql in CLEAR_TABLES:
            while await self.database.execute(sql, {"slice": _CLEARED_ROWS}):
                pass
        return version

    async def _finish(self, version: int, outbox_ids: list[int]) -> None:
        end = (END_REBUILD, {"version": version})
        try:
            await self.database.commit([end, (DELETE_OUTBOX, {"ids": json.dumps(outbox_ids)})])
        except ConstraintError as error:
            raise RebuildDisturbed from error


@dataclass(slots=True)
class _Build:
    """One pass over the tables."""

    fetch: Fetch
    rollups: RollupRepository
    zone: ZoneInfo
    version: int
    done: int = 0

    async def run(self, progress: Progress) -> int:
        ((total,),) = await self.fetch(_COUNT_ROWS, {})
        calendar = Calendar(self.zone)
        adders: list[tuple[Sql, Callable[[RollupSums, int, str], None]]] = [
            (SELECT_RECORDS_AFTER, lambda sums, _, value: sums.add_records(value, 1, calendar)),
            (SELECT_CALLS_AFTER, lambda sums, _, value: sums.add_calls(value, 1, calendar)),
            (SELECT_IMAGES_AFTER, _add_images),
        ]
        for select, add in adders:
            after = 0
            while True:
                ((last, rows, value),) = await self.fetch(select, {"after": after, "rows": _SLICE_ROWS})
                if last is None:
                    break
                sums = RollupSums()
                add(sums, int(rows), value)
                await self._add(sums)
                after = int(last)
                self.done += int(rows)
                await progress(self.done, max(self.done, int(total)))
        return self.done

    async def _add(self, sums: RollupSums) -> None:
        if not await self.rollups.add(sums, self.version, self.zone, []):
            raise RebuildDisturbed
        self.version += 1


def _add_images(sums: RollupSums, rows: int, hits: str) -> None:
    sums.images += rows
    sums.cache_hits += int(hits)
