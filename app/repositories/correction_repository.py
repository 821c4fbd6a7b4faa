"""Single answers as operators see them, correct and delete them. SQL only.

Every change is one transaction with its audit, and with what tells all processes of it.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from app.database import Database, Params, Row, Sql, Statement, from_sql_time, to_sql_time
from app.models.correction import AnswerRecord, NameRecord, Operator
from app.models.domain import OPERATOR, Category
from app.models.identity import MatchedBy
from app.repositories.answer_deletion import commit_counted
from app.repositories.categories import matched_by_of
from app.repositories.change_statements import ANSWERS, count_change, tell_change
from app.repositories.outbox_statements import LEAVE_ADDED
from app.repositories.removal_statements import SELECT_FINGERPRINTS, removal_of

_SELECT_KEY = Sql.same("""
SELECT image_hash, 'bytes' AS kind, 0 AS place FROM image_classification_cache WHERE image_hash = :name
UNION ALL
SELECT a.image_hash, a.matched_by, 1
FROM image_alias AS a
JOIN image_classification_cache AS c ON c.image_hash = a.image_hash
WHERE a.name = :name
ORDER BY place
""")

_SELECT_ANSWER = Sql.same("""
SELECT image_hash, category, confidence, description, model_used, prompt_version, image_size, hit_count,
  created_at, last_hit_at
FROM image_classification_cache
WHERE image_hash = :image_hash
""")

_SELECT_NAMES = Sql.same("""
SELECT name, matched_by, distance, created_at
FROM image_alias
WHERE image_hash = :image_hash
ORDER BY created_at, name
LIMIT :limit
""")

_COUNT_NAMES = Sql.same("SELECT COUNT(*) FROM image_alias WHERE image_hash = :image_hash")

# Changes nothing, and holds the row from here on: what the audit says of it is what it was when it was changed.
_HOLD_ANSWER = Sql.same("""
UPDATE image_classification_cache SET model_used = model_used WHERE image_hash = :image_hash
""")

_INSERT_AUDIT = Sql.same("""
INSERT INTO audit
  (request_id, key_name, ip_address, action, image_hash, reason, value_before, value_after, created_at)
SELECT :request_id, :key_name, :ip_address, :action, image_hash, :reason,
  JSON_OBJECT('category', category, 'confidence', confidence, 'model_used', model_used), :value_after, :created_at
FROM image_classification_cache
WHERE image_hash = :image_hash
""")

# The model's description was of another category, unless the operator says the same.
_CORRECT = Sql.same("""
UPDATE image_classification_cache
SET
  description = CASE WHEN category = :category THEN description END,
  category = :category,
  confidence = 1,
  model_used = :operator
WHERE image_hash = :image_hash
""")

# What looked like another photo gets a row of its own, which comes before the near name.
_PART = Sql(
    mysql="""
INSERT INTO image_classification_cache
  (image_hash, category, confidence, model_used, prompt_version, created_at, last_hit_at)
SELECT :image_hash, category, confidence, model_used, prompt_version, :now, :now
FROM image_classification_cache AS c
WHERE image_hash = :neighbour
ON DUPLICATE KEY UPDATE image_hash = image_classification_cache.image_hash
""",
    sqlite="""
INSERT INTO image_classification_cache
  (image_hash, category, confidence, model_used, prompt_version, created_at, last_hit_at)
SELECT :image_hash, category, confidence, model_used, prompt_version, :now, :now
FROM image_classification_cache AS c
WHERE image_hash = :neighbour
ON CONFLICT (image_hash) DO NOTHING
""",
)


@dataclass(frozen=True, slots=True)
class CorrectionRepository:
    """Reads and changes single answers. Every method raises `DatabaseUnavailable`."""

    database: Database

    async def find_key(self, name: str) -> tuple[str, MatchedBy | None] | None:
        """Return the key of the answer that a photo of this name is given, and how the name is one of it, if any."""
        rows = await self.database.fetch_all(_SELECT_KEY, {"name": name})
        return (rows[0][0], matched_by_of(rows[0][1])) if rows else None

    async def fetch_answer(self, image_hash: str) -> AnswerRecord | None:
        """Return the row of an answer."""
        rows = await self.database.fetch_all(_SELECT_ANSWER, {"image_hash": image_hash})
        return _answer(rows[0]) if rows else None

    async def fetch_names(self, image_hash: str, limit: int) -> list[NameRecord]:
        """Return the other names of an answer, the oldest first."""
        rows = await self.database.fetch_all(_SELECT_NAMES, {"image_hash": image_hash, "limit": limit})
        return [NameRecord(name, matched_by_of(kind), distance, from_sql_time(at)) for name, kind, distance, at in rows]

    async def count_names(self, image_hash: str) -> int:
        """Return how many other names an answer has."""
        ((names,),) = await self.database.fetch_all(_COUNT_NAMES, {"image_hash": image_hash})
        return int(names)

    async def correct(
        self,
        image_hash: str,
        category: Category,
        reason: str,
        operator: Operator,
        now: datetime,
        *,
        neighbour: str | None = None,
    ) -> None:
        """Make `category` the answer of this key, for good. Where the answer is gone meanwhile nothing is done.

        A photo that was given the answer of `neighbour`, for it looks like that, gets an answer of its own.
        """
        after = json.dumps({"category": category, "confidence": 1, "model_used": OPERATOR})
        params: Params = {"image_hash": image_hash, "category": category, "operator": OPERATOR}
        part: Params = {"image_hash": image_hash, "neighbour": neighbour, "now": to_sql_time(now)}
        await self.database.commit(
            [
                count_change(ANSWERS),
                *([(_PART, part), (LEAVE_ADDED, {})] if neighbour else []),
                *_audited(image_hash, "correct", reason, operator, now, after),
                tell_change(image_hash, "corrected", to_sql_time(now)),
                (_CORRECT, params),
            ]
        )

    async def delete(self, image_hash: str, reason: str, operator: Operator, now: datetime) -> None:
        """Delete the answer of this key with all of its names and with what its photo looks like."""
        hashes = json.dumps([image_hash])
        fingerprints = await self.database.fetch_all(SELECT_FINGERPRINTS, {"hashes": hashes})
        await commit_counted(
            self.database,
            [
                count_change(ANSWERS),
                *_audited(image_hash, "delete", reason, operator, now, None),
                tell_change(image_hash, "deleted", to_sql_time(now)),
                *removal_of([image_hash], fingerprints),
            ],
        )


def _audited(
    image_hash: str, action: str, reason: str, operator: Operator, now: datetime, after: str | None
) -> list[Statement]:
    """Return what holds an answer and writes down who changes it, and how it was."""
    audit: Params = {
        "request_id": operator.request_id,
        "key_name": operator.key_name,
        "ip_address": operator.ip_address,
        "action": action,
        "image_hash": image_hash,
        "reason": reason,
        "value_after": after,
        "created_at": to_sql_time(now),
    }
    return [(_HOLD_ANSWER, {"image_hash": image_hash}), (_INSERT_AUDIT, audit)]


def _answer(row: Row) -> AnswerRecord:
    image_hash, category, confidence, description, model_used, prompt, size, hits, created_at, last_hit_at = row
    return AnswerRecord(
        image_hash=image_hash,
        category=category,
        confidence=float(confidence),
        description=description,
        model_used=model_used,
        prompt_version=prompt,
        image_size=size,
        hit_count=hits,
        created_at=from_sql_time(created_at),
        last_hit_at=from_sql_time(last_hit_at),
        corrected=model_used == OPERATOR,
    )
