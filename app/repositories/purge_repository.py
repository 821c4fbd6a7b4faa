"""Many answers deleted together, in slices of their ids. SQL only."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from app.database import Database, Params, Sql, Statement, to_sql_time
from app.models.correction import MANY, Operator, Purge, PurgeState
from app.models.domain import OPERATOR
from app.repositories.answer_deletion import commit_counted
from app.repositories.change_statements import ANSWERS, count_change, tell_change
from app.repositories.removal_statements import SELECT_FINGERPRINTS, removal_of

_TIMEOUT_SECONDS = 30.0

# Corrected answers stay, unless they are meant by name.
_COUNT_MATCHING = Sql.same("""
SELECT /*+ MAX_EXECUTION_TIME(30000) */ COUNT(*)
FROM image_classification_cache
WHERE CASE WHEN :model IS NULL THEN model_used <> :operator ELSE model_used = :model END
  AND (:prompt_version IS NULL OR prompt_version = :prompt_version)
  AND (:category IS NULL OR category = :category)
  AND (:before IS NULL OR created_at < :before)
""")

_SELECT_LAST_ID = Sql.same("SELECT COALESCE(MAX(id), 0) FROM image_classification_cache")

_SELECT_SLICE = Sql.same("""
SELECT id, image_hash
FROM image_classification_cache
WHERE id > :after AND id <= :upto
  AND CASE WHEN :model IS NULL THEN model_used <> :operator ELSE model_used = :model END
  AND (:prompt_version IS NULL OR prompt_version = :prompt_version)
  AND (:category IS NULL OR category = :category)
  AND (:before IS NULL OR created_at < :before)
ORDER BY id
LIMIT :limit
""")

_INSERT_AUDIT = Sql.same("""
INSERT INTO audit (request_id, key_name, ip_address, action, reason, value_after, created_at)
VALUES (:request_id, :key_name, :ip_address, 'purge', :reason, :value_after, :created_at)
""")

_UPDATE_AUDIT = Sql.same("""
UPDATE audit SET value_after = :value_after WHERE request_id = :request_id AND action = 'purge'
""")


@dataclass(frozen=True, slots=True)
class PurgeRepository:
    """Counts and deletes answers that a purge is meant for. Every method raises `DatabaseUnavailable`."""

    database: Database

    async def count(self, purge: Purge) -> int:
        """Return how many answers the purge is meant for."""
        rows = await self.database.fetch_all(_COUNT_MATCHING, _matching(purge), timeout_seconds=_TIMEOUT_SECONDS)
        return int(rows[0][0])

    async def fetch_last_id(self) -> int:
        """Return the id of the youngest answer; 0 where there is none."""
        ((last,),) = await self.database.fetch_all(_SELECT_LAST_ID, {})
        return int(last)

    async def fetch_slice(self, purge: Purge, after: int, upto: int, limit: int) -> list[tuple[int, str]]:
        """Return id and key of the first such answers whose ids are above `after` and at most `upto`."""
        params: Params = {**_matching(purge), "after": after, "upto": upto, "limit": limit}
        return [
            (int(identifier), image_hash)
            for identifier, image_hash in await self.database.fetch_all(_SELECT_SLICE, params)
        ]

    async def delete(
        self, image_hashes: list[str], purge: Purge, before: int, reason: str, operator: Operator, now: datetime
    ) -> None:
        """Delete these answers, of which `before` went earlier in the same purge: it has one entry in the audit."""
        hashes = json.dumps(image_hashes)
        fingerprints = await self.database.fetch_all(SELECT_FINGERPRINTS, {"hashes": hashes})
        await commit_counted(
            self.database,
            [
                count_change(ANSWERS),
                _audit(purge, before, before + len(image_hashes), reason, operator, now),
                tell_change(MANY, "purged", to_sql_time(now)),
                *removal_of(image_hashes, fingerprints),
            ],
        )


def _matching(purge: Purge) -> Params:
    return {
        "model": purge.model,
        "prompt_version": purge.prompt_version,
        "category": purge.category,
        "before": None if purge.before is None else to_sql_time(purge.before),
        "operator": OPERATOR,
    }


def _audit(purge: Purge, before: int, deleted: int, reason: str, operator: Operator, now: datetime) -> Statement:
    """Return what writes down how much has been deleted so far."""
    moment = None if purge.before is None else to_sql_time(purge.before)
    state = PurgeState(purge.model, purge.prompt_version, purge.category, moment, deleted)
    after = json.dumps(asdict(state))
    if before:
        return _UPDATE_AUDIT, {"value_after": after, "request_id": operator.request_id}
    return _INSERT_AUDIT, {
        "request_id": operator.request_id,
        "key_name": operator.key_name,
        "ip_address": operator.ip_address,
        "reason": reason,
        "value_after": after,
        "created_at": to_sql_time(now),
    }
