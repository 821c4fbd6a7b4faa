"""Single records of the request log: reading one, deleting old ones. SQL only."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.database import Database, Params, Sql, Statement, from_sql_time
from app.models.domain import RequestRecord
from app.repositories.categories import category_of, matched_by_of
from app.repositories.outbox_statements import LEAVE_DELETED_RECORDS

_SELECT_RECORD = Sql.same("""
SELECT request_id, user_id, image_hash, image_size, category, confidence, from_cache, matched_by, processing_time_ms,
  created_at
FROM request_log
WHERE request_id = :request_id
""")

# Ages are by the database's clock, which all processes share. Rows are found by their ids, which rise with time but for
# what a spool held back and for clocks that differ: an index of times would cost every request a tenth of its write.
_SELECT_ENDS = Sql.same("SELECT MIN(id), MAX(id) FROM request_log")
_SELECT_NEXT = Sql(
    mysql="""
SELECT id, created_at < NOW() - INTERVAL :seconds SECOND FROM request_log WHERE id >= :id ORDER BY id LIMIT 1
""",
    sqlite="""
SELECT id, created_at < datetime('now', -:seconds || ' seconds') FROM request_log WHERE id >= :id ORDER BY id LIMIT 1
""",
)
_SELECT_SLICE = Sql(
    mysql="""
SELECT id, created_at < NOW() - INTERVAL :seconds SECOND FROM request_log
WHERE id > :after AND id < :end ORDER BY id LIMIT :slice
""",
    sqlite="""
SELECT id, created_at < datetime('now', -:seconds || ' seconds') FROM request_log
WHERE id > :after AND id < :end ORDER BY id LIMIT :slice
""",
)
_DELETE_RECORDS = Sql(
    mysql="""
DELETE r
FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS gone
STRAIGHT_JOIN request_log AS r FORCE INDEX (PRIMARY) ON r.id = gone.id
""",
    sqlite="DELETE FROM request_log WHERE id IN (SELECT value FROM json_each(:ids))",
)

# Of a few rows on either side, so that a single one from a wrong clock does not decide.
_SELECT_GAP = Sql(
    mysql="""
SELECT TIMESTAMPDIFF(
  SECOND,
  (SELECT MAX(created_at) FROM (SELECT created_at FROM request_log WHERE id < :end ORDER BY id DESC LIMIT 100) AS passed
   WHERE created_at < NOW() - INTERVAL :seconds SECOND),
  COALESCE(
    (SELECT MIN(created_at) FROM (SELECT created_at FROM request_log WHERE id >= :end ORDER BY id LIMIT 100) AS coming
     WHERE created_at >= NOW() - INTERVAL :seconds SECOND),
    NOW()
  )
)
""",
    sqlite="""
SELECT
  unixepoch(
    COALESCE(
      (SELECT MIN(created_at) FROM (SELECT created_at FROM request_log WHERE id >= :end ORDER BY id LIMIT 100)
       WHERE created_at >= datetime('now', -:seconds || ' seconds')),
      datetime('now')
    )
  ) - unixepoch(
    (SELECT MAX(created_at) FROM (SELECT created_at FROM request_log WHERE id < :end ORDER BY id DESC LIMIT 100)
     WHERE created_at < datetime('now', -:seconds || ' seconds'))
  )
""",
)


def deletion_of(ids: Sequence[int]) -> list[Statement]:
    """Return the statements that delete those of these rows that are there, and take them out of the statistics."""
    params: Params = {"ids": json.dumps(sorted(ids))}
    return [(LEAVE_DELETED_RECORDS, params), (_DELETE_RECORDS, params)]


@dataclass(frozen=True, slots=True)
class RequestLogRepository:
    """Reads and deletes rows of `request_log`."""

    database: Database

    async def fetch_one(self, request_id: str) -> RequestRecord | None:
        """Return the record of a request, or None if there is none, or one whose category is none of ours."""
        rows = await self.database.fetch_all(_SELECT_RECORD, {"request_id": request_id})
        return record_of(rows[0]) if rows else None

    async def delete_older(self, age: timedelta, *, slice_rows: int) -> AsyncIterator[int]:
        """Delete the records above an age in the order in which they were written; yield how many went, slice by slice.

        A slice looks at up to `slice_rows` records. One that came late, out of a spool, goes when those around it go.
        """
        seconds, after, end = int(age.total_seconds()), 0, await self._find_end(age)
        while True:
            params: Params = {"seconds": seconds, "after": after, "end": end, "slice": slice_rows}
            rows = await self.database.fetch_all(_SELECT_SLICE, params)
            if not rows:
                return
            after = rows[-1][0]
            old = [identifier for identifier, is_old in rows if is_old]
            if old:
                await self.database.commit(deletion_of(old))
            yield len(old)

    async def measure_gap(self, age: timedelta) -> timedelta | None:
        """Return the time between the youngest record above an age and the record after it, or now if none came after.

        None where no record is above that age.
        """
        params: Params = {"seconds": int(age.total_seconds()), "end": await self._find_end(age)}
        ((seconds,),) = await self.database.fetch_all(_SELECT_GAP, params)
        return None if seconds is None else timedelta(seconds=int(seconds))

    async def _find_end(self, age: timedelta) -> int:
        """Return the id before which records are above an age, by halving: some 30 look-ups for a thousand million."""
        ((first, last),) = await self.database.fetch_all(_SELECT_ENDS, {})
        if first is None:
            return 0
        low, high = first, last + 1
        while low < high:
            params: Params = {"seconds": int(age.total_seconds()), "id": (low + high) // 2}
            rows = await self.database.fetch_all(_SELECT_NEXT, params)
            if rows and rows[0][1]:
                low = rows[0][0] + 1
            else:
                high = (low + high) // 2
        return int(low)


def record_of(row: Sequence[Any]) -> RequestRecord | None:
    """Return the record of a row such as `_SELECT_RECORD` has, or None for one whose category is none of ours."""
    identifier, user_id, image_hash, size, text, confidence, from_cache, kind, milliseconds, created_at = row
    category = category_of(text)
    if category is None:
        return None
    return RequestRecord(
        request_id=identifier,
        user_id=user_id,
        image_hash=image_hash,
        image_size=size,
        category=category,
        confidence=float(confidence),
        from_cache=bool(from_cache),
        matched_by=matched_by_of(kind),
        processing_time_ms=milliseconds,
        created_at=from_sql_time(created_at),
    )
