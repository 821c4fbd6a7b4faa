"""All that is written about answered requests: new results, hits, request records. SQL only.

Each statement takes its rows as one JSON text, so that a batch of any size is three statements: one value to escape
in Python, one to send, unpacked by the database.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.database import Database, Sql, Statement, to_sql_time
from app.models.domain import LOCAL_MODEL, Outcome

# A result is written once and then stays. The one exception: the offline classifier's guess gives way to a model's
# answer. model_used is assigned last, since MySQL lets later assignments see earlier ones.
_INSERT_RESULTS = Sql(
    mysql="""
INSERT INTO image_classification_cache
  (image_hash, category, confidence, description, model_used, model_response, prompt_version,
   input_tokens, output_tokens, cached_tokens, created_at, last_hit_at)
SELECT * FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  image_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$.image_hash',
  category VARCHAR(50) PATH '$.category',
  confidence DECIMAL(5,4) PATH '$.confidence',
  description TEXT PATH '$.description',
  model_used VARCHAR(100) PATH '$.model_used',
  model_response JSON PATH '$.model_response',
  prompt_version VARCHAR(16) PATH '$.prompt_version',
  input_tokens INT UNSIGNED PATH '$.input_tokens',
  output_tokens INT UNSIGNED PATH '$.output_tokens',
  cached_tokens INT UNSIGNED PATH '$.cached_tokens',
  created_at DATETIME PATH '$.created_at',
  last_hit_at DATETIME PATH '$.created_at'
)) AS new
ON DUPLICATE KEY UPDATE
  category = IF(image_classification_cache.model_used = :local, new.category, image_classification_cache.category),
  confidence = IF(image_classification_cache.model_used = :local,
                  new.confidence, image_classification_cache.confidence),
  description = IF(image_classification_cache.model_used = :local,
                   new.description, image_classification_cache.description),
  model_response = IF(image_classification_cache.model_used = :local,
                      new.model_response, image_classification_cache.model_response),
  prompt_version = IF(image_classification_cache.model_used = :local,
                      new.prompt_version, image_classification_cache.prompt_version),
  input_tokens = IF(image_classification_cache.model_used = :local,
                    new.input_tokens, image_classification_cache.input_tokens),
  output_tokens = IF(image_classification_cache.model_used = :local,
                     new.output_tokens, image_classification_cache.output_tokens),
  cached_tokens = IF(image_classification_cache.model_used = :local,
                     new.cached_tokens, image_classification_cache.cached_tokens),
  model_used = IF(image_classification_cache.model_used = :local,
                  new.model_used, image_classification_cache.model_used)
""",
    sqlite="""
INSERT INTO image_classification_cache
  (image_hash, category, confidence, description, model_used, model_response, prompt_version,
   input_tokens, output_tokens, cached_tokens, created_at, last_hit_at)
SELECT value ->> 'image_hash', value ->> 'category', value ->> 'confidence', value ->> 'description',
  value ->> 'model_used', value -> 'model_response', value ->> 'prompt_version',
  value ->> 'input_tokens', value ->> 'output_tokens', value ->> 'cached_tokens',
  value ->> 'created_at', value ->> 'created_at'
FROM json_each(:rows)
WHERE true
ON CONFLICT (image_hash) DO UPDATE SET
  category = excluded.category,
  confidence = excluded.confidence,
  description = excluded.description,
  model_used = excluded.model_used,
  model_response = excluded.model_response,
  prompt_version = excluded.prompt_version,
  input_tokens = excluded.input_tokens,
  output_tokens = excluded.output_tokens,
  cached_tokens = excluded.cached_tokens
WHERE image_classification_cache.model_used = :local
""",
)

_ADD_HITS = Sql(
    mysql="""
UPDATE image_classification_cache AS c
JOIN JSON_TABLE(:rows, '$[*]' COLUMNS (
  image_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$.image_hash',
  hits INT UNSIGNED PATH '$.hits',
  last_hit_at DATETIME PATH '$.last_hit_at'
)) AS h ON c.image_hash = h.image_hash
SET c.hit_count = c.hit_count + h.hits, c.last_hit_at = GREATEST(c.last_hit_at, h.last_hit_at)
""",
    sqlite="""
UPDATE image_classification_cache AS c
SET hit_count = c.hit_count + (h.value ->> 'hits'), last_hit_at = MAX(c.last_hit_at, h.value ->> 'last_hit_at')
FROM json_each(:rows) AS h
WHERE c.image_hash = h.value ->> 'image_hash'
""",
)

_INSERT_RECORDS = Sql(
    mysql="""
INSERT INTO request_log
  (request_id, user_id, ip_address, image_hash, image_size, category, confidence,
   from_cache, processing_time_ms, created_at)
SELECT * FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  request_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$.request_id',
  user_id VARCHAR(64) PATH '$.user_id',
  ip_address VARCHAR(45) CHARACTER SET ascii COLLATE ascii_bin PATH '$.ip_address',
  image_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$.image_hash',
  image_size INT UNSIGNED PATH '$.image_size',
  category VARCHAR(50) PATH '$.category',
  confidence DECIMAL(5,4) PATH '$.confidence',
  from_cache TINYINT PATH '$.from_cache',
  processing_time_ms INT UNSIGNED PATH '$.processing_time_ms',
  created_at DATETIME PATH '$.created_at'
)) AS new
ON DUPLICATE KEY UPDATE request_id = request_log.request_id
""",
    sqlite="""
INSERT INTO request_log
  (request_id, user_id, ip_address, image_hash, image_size, category, confidence,
   from_cache, processing_time_ms, created_at)
SELECT value ->> 'request_id', value ->> 'user_id', value ->> 'ip_address', value ->> 'image_hash',
  value ->> 'image_size', value ->> 'category', value ->> 'confidence',
  value ->> 'from_cache', value ->> 'processing_time_ms', value ->> 'created_at'
FROM json_each(:rows)
WHERE true
ON CONFLICT (request_id) DO NOTHING
""",
)


@dataclass(frozen=True, slots=True)
class LedgerRepository:
    """Writes outcomes. Rows are sorted by key, so that concurrent batches lock in one order."""

    database: Database

    async def write(self, outcomes: Sequence[Outcome]) -> None:
        """Write all that the outcomes say in one transaction. Raises `DatabaseUnavailable`."""
        await self.database.commit(list(self._statements(outcomes)))

    def _statements(self, outcomes: Sequence[Outcome]) -> Iterable[Statement]:
        results = [_result_row(outcome) for outcome in outcomes if outcome.reply is not None]
        if results:
            yield _INSERT_RESULTS, {"rows": _as_json(results, "image_hash"), "local": LOCAL_MODEL}
        hits = _hit_rows(outcomes)
        if hits:
            yield _ADD_HITS, {"rows": _as_json(hits, "image_hash")}
        records = [_record_row(outcome) for outcome in outcomes if outcome.logged]
        if records:
            yield _INSERT_RECORDS, {"rows": _as_json(records, "request_id")}


JsonRow = dict[str, object]


def _as_json(rows: list[JsonRow], key: str) -> str:
    # ensure_ascii stays on: whatever the text holds, what goes over the wire is plain.
    return json.dumps(sorted(rows, key=lambda row: str(row[key])), separators=(",", ":"))


def _result_row(outcome: Outcome) -> JsonRow:
    reply = outcome.reply
    assert reply is not None
    answer: JsonRow = {
        "category": reply.classification.category,
        "confidence": reply.classification.confidence,
        "description": reply.classification.description,
    }
    return {
        "image_hash": outcome.image_hash,
        **answer,
        "model_used": reply.model_used,
        "model_response": answer,
        "prompt_version": reply.prompt_version,
        "input_tokens": reply.usage.input_tokens,
        "output_tokens": reply.usage.output_tokens,
        "cached_tokens": reply.usage.cached_tokens,
        "created_at": to_sql_time(outcome.created_at),
    }


def _hit_rows(outcomes: Sequence[Outcome]) -> list[JsonRow]:
    """Return one row an image, its hits summed: a popular image is one update a batch, not one a request."""
    hits: dict[str, int] = {}
    last: dict[str, str] = {}
    for outcome in outcomes:
        if outcome.from_cache:
            hits[outcome.image_hash] = hits.get(outcome.image_hash, 0) + 1
            last[outcome.image_hash] = max(last.get(outcome.image_hash, ""), to_sql_time(outcome.created_at))
    return [{"image_hash": key, "hits": count, "last_hit_at": last[key]} for key, count in hits.items()]


def _record_row(outcome: Outcome) -> JsonRow:
    return {
        "request_id": outcome.context.request_id,
        "user_id": outcome.context.user_id,
        "ip_address": outcome.context.ip_address,
        "image_hash": outcome.image_hash,
        "image_size": outcome.image_size,
        "category": outcome.classification.category,
        "confidence": outcome.classification.confidence,
        "from_cache": int(outcome.from_cache),
        "processing_time_ms": outcome.processing_time_ms,
        "created_at": to_sql_time(outcome.created_at),
    }
