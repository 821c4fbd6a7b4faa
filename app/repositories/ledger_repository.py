"""All that is written about answered requests: new results, hits, request records. SQL only.

Each statement takes its rows as one JSON text, so that a batch of any size is four statements: one value to escape
in Python, one to send, unpacked by the database.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

from app.database import ConstraintError, Database, Params, Sql, Statement
from app.models.domain import LOCAL_MODEL
from app.repositories.ledger_batch import JsonRow, LedgerBatch, sum_hits

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


# NULL breaks the column's constraint, and with it goes the whole transaction: that a batch is written at most once is
# the database's doing, whatever became of earlier attempts. Even one that is still on its way to the server holds this
# row until it ends, or comes too late.
_ADVANCE_WRITERS = Sql(
    mysql="""
INSERT INTO ledger_writer (writer, last_batch)
SELECT * FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  writer VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$.writer',
  number BIGINT UNSIGNED PATH '$.number'
)) AS new
ON DUPLICATE KEY UPDATE last_batch = IF(new.number > ledger_writer.last_batch, new.number, NULL)
""",
    sqlite="""
INSERT INTO ledger_writer (writer, last_batch)
SELECT value ->> 'writer', value ->> 'number'
FROM json_each(:rows)
WHERE true
ON CONFLICT (writer) DO UPDATE SET
  last_batch = CASE WHEN excluded.last_batch > ledger_writer.last_batch THEN excluded.last_batch END
""",
)

_SELECT_WRITTEN = Sql.same("SELECT 1 FROM ledger_writer WHERE writer = :writer AND last_batch >= :number")


@dataclass(frozen=True, slots=True)
class LedgerRepository:
    """Writes batches. Rows are sorted by key, so that concurrent transactions lock in one order."""

    database: Database

    async def write(self, batches: Sequence[LedgerBatch]) -> None:
        """Write batches in one transaction, but for those that have been written already: to repeat it is safe.

        Batches of one writer must come in the order of their numbers. Raises `DatabaseUnavailable`, after which the
        same batches may be given again, now or much later.
        """
        try:
            await self.database.commit(_statements(batches))
        except ConstraintError:
            missing = [batch for batch in batches if not await self._is_written(batch)]
            if len(missing) == len(batches) == 1:
                raise
            for batch in missing:
                await self.write([batch])

    async def _is_written(self, batch: LedgerBatch) -> bool:
        params: Params = {"writer": batch.writer, "number": batch.number}
        return bool(await self.database.fetch_all(_SELECT_WRITTEN, params))


def _statements(batches: Sequence[LedgerBatch]) -> list[Statement]:
    writers = {batch.writer: batch.number for batch in batches}
    marks: list[JsonRow] = [{"writer": writer, "number": number} for writer, number in writers.items()]
    statements: list[Statement] = [(_ADVANCE_WRITERS, {"rows": _as_json(marks, "writer")})]
    if results := [row for batch in batches for row in batch.results]:
        statements.append((_INSERT_RESULTS, {"rows": _as_json(results, "image_hash"), "local": LOCAL_MODEL}))
    if hits := sum_hits(row for batch in batches for row in batch.hits):
        statements.append((_ADD_HITS, {"rows": _as_json(hits, "image_hash")}))
    if records := [row for batch in batches for row in batch.records]:
        statements.append((_INSERT_RECORDS, {"rows": _as_json(records, "request_id")}))
    return statements


def _as_json(rows: list[JsonRow], key: str) -> str:
    # ensure_ascii stays on: whatever the text holds, what goes over the wire is plain.
    return json.dumps(sorted(rows, key=itemgetter(key)), separators=(",", ":"))
