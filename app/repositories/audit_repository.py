"""What operators have changed, newest first. SQL only; entries are written with the changes."""

import json
from dataclasses import dataclass

from app.database import Database, Params, Row, Sql, from_sql_time
from app.models.correction import AnswerState, AuditEntry, PurgeState

_SELECT_ENTRIES = Sql.same("""
SELECT id, created_at, key_name, ip_address, action, image_hash, reason, value_before, value_after, request_id
FROM audit
WHERE id < :before
ORDER BY id DESC
LIMIT :limit
""")

_SELECT_HISTORY = Sql.same("""
SELECT id, created_at, key_name, ip_address, action, image_hash, reason, value_before, value_after, request_id
FROM audit
WHERE image_hash = :image_hash
ORDER BY id DESC
LIMIT :limit
""")

_BEYOND_ALL = 2**63 - 1


@dataclass(frozen=True, slots=True)
class AuditRepository:
    """Reads the audit. Both methods raise `DatabaseUnavailable`."""

    database: Database

    async def fetch(self, limit: int, before: int | None) -> list[AuditEntry]:
        """Return the latest entries, of those that came before the entry `before` if it is given."""
        params: Params = {"limit": limit, "before": _BEYOND_ALL if before is None else before}
        return [_entry(row) for row in await self.database.fetch_all(_SELECT_ENTRIES, params)]

    async def fetch_of(self, image_hash: str, limit: int) -> list[AuditEntry]:
        """Return the latest changes of one answer."""
        params: Params = {"limit": limit, "image_hash": image_hash}
        return [_entry(row) for row in await self.database.fetch_all(_SELECT_HISTORY, params)]


def _entry(row: Row) -> AuditEntry:
    number, created_at, key_name, ip_address, action, image_hash, reason, before, after, request_id = row
    values = None if after is None else json.loads(after)
    return AuditEntry(
        id=number,
        created_at=from_sql_time(created_at),
        key_name=key_name,
        ip_address=ip_address,
        action=action,
        image_hash=image_hash,
        reason=reason,
        before=None if before is None else AnswerState(**json.loads(before)),
        after=AnswerState(**values) if action == "correct" and values else None,
        purged=PurgeState(**values) if action == "purge" and values else None,
        request_id=request_id,
    )
