"""Signatures that have been used, so that none is used twice. SQL only."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.database import Database, Params, Sql, to_sql_time

_INSERT_NONCE = Sql(
    mysql="""
INSERT INTO signature_nonce (key_id, nonce, request_id, expires_at)
VALUES (:key_id, :nonce, :request_id, :expires_at)
ON DUPLICATE KEY UPDATE nonce = signature_nonce.nonce
""",
    sqlite="""
INSERT INTO signature_nonce (key_id, nonce, request_id, expires_at)
VALUES (:key_id, :nonce, :request_id, :expires_at)
ON CONFLICT (key_id, nonce) DO NOTHING
""",
)

_SELECT_USER = Sql.same("SELECT request_id FROM signature_nonce WHERE key_id = :key_id AND nonce = :nonce")

# By the database's clock, which all processes share. In slices, so that no statement holds its locks for long.
_DELETE_ENDED = Sql(
    mysql="""
DELETE FROM signature_nonce WHERE expires_at < NOW() - INTERVAL :seconds SECOND ORDER BY expires_at LIMIT :slice
""",
    sqlite="""
DELETE FROM signature_nonce
WHERE rowid IN (
  SELECT rowid FROM signature_nonce
  WHERE expires_at < datetime('now', -:seconds || ' seconds') ORDER BY expires_at LIMIT :slice
)
""",
)


@dataclass(frozen=True, slots=True)
class NonceRepository:
    """Keeps nonces until they are worth nothing. Both methods raise `DatabaseUnavailable`."""

    database: Database

    async def insert(self, key_id: str, nonce: str, request_id: str, expires_at: datetime) -> bool:
        """Whether the nonce is `request_id`'s: of many that ask at once, for whatever process, one has it."""
        params: Params = {"key_id": key_id, "nonce": nonce, "request_id": request_id}
        if await self.database.execute(_INSERT_NONCE, {**params, "expires_at": to_sql_time(expires_at)}):
            return True
        # A write that was repeated over a lost connection may have met itself.
        return await self.database.fetch_all(_SELECT_USER, {"key_id": key_id, "nonce": nonce}) == [(request_id,)]

    async def delete_ended(self, age: timedelta, *, slice_rows: int) -> int:
        """Delete up to `slice_rows` of those that ended longer than `age` ago; return how many went."""
        params: Params = {"seconds": int(age.total_seconds()), "slice": slice_rows}
        return await self.database.execute(_DELETE_ENDED, params)
