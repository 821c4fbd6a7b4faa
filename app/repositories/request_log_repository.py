"""Single records of the request log: reading one, deleting old ones. SQL only."""

from dataclasses import dataclass
from datetime import datetime

from app.database import Database, Sql, from_sql_time, to_sql_time
from app.models.domain import Category, RequestRecord

_SELECT_RECORD = Sql.same("""
SELECT request_id, user_id, image_hash, image_size, category, confidence, from_cache, processing_time_ms, created_at
FROM request_log
WHERE request_id = :request_id
""")

# In slices, so that no statement holds its locks for long.
_DELETE_BEFORE = Sql(
    mysql="DELETE FROM request_log WHERE created_at < :before ORDER BY created_at LIMIT :slice",
    sqlite="""
DELETE FROM request_log
WHERE id IN (SELECT id FROM request_log WHERE created_at < :before ORDER BY created_at LIMIT :slice)
""",
)


@dataclass(frozen=True, slots=True)
class RequestLogRepository:
    """Reads and deletes rows of `request_log`."""

    database: Database

    async def fetch_one(self, request_id: str) -> RequestRecord | None:
        """Return the record of a request, or None if there is none."""
        rows = await self.database.fetch_all(_SELECT_RECORD, {"request_id": request_id})
        if not rows:
            return None
        (identifier, user_id, image_hash, size, category, confidence, from_cache, milliseconds, created_at) = rows[0]
        return RequestRecord(
            request_id=identifier,
            user_id=user_id,
            image_hash=image_hash,
            image_size=size,
            category=Category(category),
            confidence=float(confidence),
            from_cache=bool(from_cache),
            processing_time_ms=milliseconds,
            created_at=from_sql_time(created_at),
        )

    async def delete_before(self, moment: datetime, *, slice_rows: int) -> int:
        """Delete up to `slice_rows` of the oldest records from before a moment; return how many went."""
        return await self.database.execute(_DELETE_BEFORE, {"before": to_sql_time(moment), "slice": slice_rows})
