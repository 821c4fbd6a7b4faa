"""A user's own records: reading them page by page, and erasing who the user was. SQL only."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from app.database import Database, Params, Sql, from_sql_time, to_sql_time
from app.models.history import HistoryPlace, PlacedRecord
from app.repositories.erasure_statements import ERASE_FOUND
from app.repositories.request_log_repository import record_of

# By the index of the user. Rows of one second are in the order of the key.
_SELECT_PAGE = Sql.same("""
SELECT id, request_id, user_id, image_hash, image_size, category, confidence, from_cache, matched_by,
  processing_time_ms, created_at
FROM request_log
WHERE user_id = :user_id AND created_at <= :created_at AND (created_at < :created_at OR id < :id)
ORDER BY created_at DESC, id DESC
LIMIT :limit
""")

_UPSERT_ERASED = Sql(
    mysql="""
INSERT INTO erased_user (user_digest, erased_at) VALUES (:digest, :erased_at)
ON DUPLICATE KEY UPDATE erased_at = GREATEST(erased_user.erased_at, :erased_at)
""",
    sqlite="""
INSERT INTO erased_user (user_digest, erased_at) VALUES (:digest, :erased_at)
ON CONFLICT (user_digest) DO UPDATE SET erased_at = MAX(erased_at, excluded.erased_at)
""",
)

_SELECT_IDS = Sql.same("SELECT id FROM request_log WHERE user_id = :user_id LIMIT :slice")

# By the database's clock, which all processes share.
_DELETE_OLDER = Sql(
    mysql="""
DELETE FROM erased_user WHERE erased_at < NOW() - INTERVAL :seconds SECOND ORDER BY user_digest LIMIT :slice
""",
    sqlite="""
DELETE FROM erased_user
WHERE user_digest IN (
  SELECT user_digest FROM erased_user WHERE erased_at < datetime('now', -:seconds || ' seconds') LIMIT :slice
)
""",
)


def digest_of(user_id: str) -> str:
    """Return what an erased user is known by: enough to recognise a late record, and not the id."""
    return sha256(user_id.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class HistoryRepository:
    """Reads and erases the records of one user. Every method raises `DatabaseUnavailable`."""

    database: Database

    async def fetch_page(self, user_id: str, before: HistoryPlace, limit: int) -> list[PlacedRecord]:
        """Return the user's latest records of those before a place, newest first."""
        params: Params = {
            "user_id": user_id,
            "created_at": to_sql_time(before.created_at),
            "id": before.id,
            "limit": limit,
        }
        rows = await self.database.fetch_all(_SELECT_PAGE, params)
        return [
            PlacedRecord(HistoryPlace(from_sql_time(row[-1]), int(number)), record_of(row)) for number, *row in rows
        ]

    async def mark_erased(self, user_id: str, now: datetime) -> None:
        """Let records of this user from before now that come late be written without the user."""
        params: Params = {"digest": digest_of(user_id), "erased_at": to_sql_time(now)}
        await self.database.execute(_UPSERT_ERASED, params)

    async def erase_slice(self, user_id: str, *, slice_rows: int) -> int:
        """Take user and address out of up to so many records of the user; return how many were found."""
        rows = await self.database.fetch_all(_SELECT_IDS, {"user_id": user_id, "slice": slice_rows})
        if rows:
            found: Params = {"ids": json.dumps(sorted(row[0] for row in rows)), "user_id": user_id}
            await self.database.commit(ERASE_FOUND.statements(found))
        return len(rows)

    async def delete_older(self, age: timedelta, *, slice_rows: int) -> int:
        """Delete up to `slice_rows` marks above an age; return how many went."""
        params: Params = {"seconds": int(age.total_seconds()), "slice": slice_rows}
        return await self.database.execute(_DELETE_OLDER, params)
