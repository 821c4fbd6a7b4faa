"""Single records of the request log: reading one, deleting old ones. SQL only."""

import json
from collections.abc import Sequence
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

# By the database's clock, which all processes share. In slices, so that no statement holds its locks for long.
_SELECT_OLDER = Sql(
    mysql="""
SELECT id FROM request_log WHERE created_at < NOW() - INTERVAL :seconds SECOND ORDER BY created_at LIMIT :slice
""",
    sqlite="""
SELECT id FROM request_log WHERE created_at < datetime('now', -:seconds || ' seconds') ORDER BY created_at LIMIT :slice
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

_SELECT_GAP = Sql(
    mysql="""
SELECT TIMESTAMPDIFF(
  SECOND,
  (SELECT MAX(created_at) FROM request_log WHERE created_at < NOW() - INTERVAL :seconds SECOND),
  COALESCE((SELECT MIN(created_at) FROM request_log WHERE created_at >= NOW() - INTERVAL :seconds SECOND), NOW())
)
""",
    sqlite="""
SELECT
  unixepoch(
    COALESCE(
      (SELECT MIN(created_at) FROM request_log WHERE created_at >= datetime('now', -:seconds || ' seconds')),
      datetime('now')
    )
  ) - unixepoch((SELECT MAX(created_at) FROM request_log WHERE created_at < datetime('now', -:seconds || ' seconds')))
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

    async def delete_older(self, age: timedelta, *, slice_rows: int) -> int:
        """Delete up to `slice_rows` of the oldest records above an age; return how many were found."""
        params: Params = {"seconds": int(age.total_seconds()), "slice": slice_rows}
        rows = await self.database.fetch_all(_SELECT_OLDER, params)
        if rows:
            await self.database.commit(deletion_of([row[0] for row in rows]))
        return len(rows)

    async def measure_gap(self, age: timedelta) -> timedelta | None:
        """Return the time between the youngest record above an age and the record after it, or now if none came after.

        None where no record is above that age.
        """
        ((seconds,),) = await self.database.fetch_all(_SELECT_GAP, {"seconds": int(age.total_seconds())})
        return None if seconds is None else timedelta(seconds=int(seconds))


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
