"""A user's own records: reading them page by page, and erasing who the user was. SQL only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from app.database import Database, Params, Sql, from_sql_time, to_sql_time
from app.models.history import HistoryPlace, PlacedRecord
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

_ERASE_SLICE = Sql(
    mysql="UPDATE request_log SET user_id = NULL, ip_address = NULL WHERE user_id = :user_id LIMIT :slice",
    sqlite="""
UPDATE request_log SET user_id = NULL, ip_address = NULL
WHERE id IN (SELECT id FROM request_log WHERE user_id = :user_id LIMIT :slice)
""",
)

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

# Takes request id and digest of the user of each record that comes from a spool. Within the transaction that writes the
# records: of it and an erasure at the same moment, one sees what the other has written.
ERASE_LATE = Sql(
    mysql="""
UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (
  request_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]',
  digest VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[1]'
)) AS late
STRAIGHT_JOIN erased_user AS e FORCE INDEX (PRIMARY) ON e.user_digest = late.digest
STRAIGHT_JOIN request_log AS r FORCE INDEX (uk_request_id) ON r.request_id = late.request_id
SET r.user_id = NULL, r.ip_address = NULL
WHERE r.created_at <= e.erased_at
""",
    sqlite="""
UPDATE request_log AS r
SET user_id = NULL, ip_address = NULL
FROM json_each(:rows) AS late
CROSS JOIN erased_user AS e ON e.user_digest = late.value ->> 1
WHERE r.request_id = late.value ->> 0 AND r.created_at <= e.erased_at
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
        """Take user and address out of up to so many records of the user; return of how many."""
        return await self.database.execute(_ERASE_SLICE, {"user_id": user_id, "slice": slice_rows})

    async def delete_older(self, age: timedelta, *, slice_rows: int) -> int:
        """Delete up to `slice_rows` marks above an age; return how many went."""
        params: Params = {"seconds": int(age.total_seconds()), "slice": slice_rows}
        return await self.database.execute(_DELETE_OLDER, params)
