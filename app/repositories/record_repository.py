"""All that is written about answered requests: new results, hits, request records. SQL only.

Each statement takes its rows as one JSON text, so that a batch of any size is four statements: one value to escape
in Python, one to send, unpacked by the database.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

from app.database import ConstraintError, Database, Params, Sql, Statement, StatementTooLarge
from app.models.domain import LOCAL_MODEL
from app.repositories.record_batch import JsonRow, RecordBatch, sum_hits

# A result is written once and then stays; another answer to the same image, from a process that could not know of the
# first, is one more answer given. The one exception: the offline classifier's guess gives way to a model's
# answer. model_used is assigned last, since MySQL lets later assignments see earlier ones.
_INSERT_RESULTS = Sql(
    mysql="""
INSERT INTO image_classification_cache
  (image_hash, category, confidence, description, model_used, model_response, prompt_version,
   input_tokens, output_tokens, cached_tokens, created_at, last_hit_at)
SELECT * FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  image_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]',
  category VARCHAR(50) PATH '$[1]',
  confidence DECIMAL(5,4) PATH '$[2]',
  description TEXT PATH '$[3]',
  model_used VARCHAR(100) PATH '$[4]',
  model_response JSON PATH '$[5]',
  prompt_version VARCHAR(16) PATH '$[6]',
  input_tokens INT UNSIGNED PATH '$[7]',
  output_tokens INT UNSIGNED PATH '$[8]',
  cached_tokens INT UNSIGNED PATH '$[9]',
  created_at DATETIME PATH '$[10]',
  last_hit_at DATETIME PATH '$[10]'
)) AS new
ON DUPLICATE KEY UPDATE
  hit_count = image_classification_cache.hit_count + 1,
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
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3,
  value ->> 4, value -> 5, value ->> 6,
  value ->> 7, value ->> 8, value ->> 9,
  value ->> 10, value ->> 10
FROM json_each(:rows)
WHERE true
ON CONFLICT (image_hash) DO UPDATE SET
  hit_count = hit_count + 1,
  category = iif(model_used = :local, excluded.category, category),
  confidence = iif(model_used = :local, excluded.confidence, confidence),
  description = iif(model_used = :local, excluded.description, description),
  model_used = iif(model_used = :local, excluded.model_used, model_used),
  model_response = iif(model_used = :local, excluded.model_response, model_response),
  prompt_version = iif(model_used = :local, excluded.prompt_version, prompt_version),
  input_tokens = iif(model_used = :local, excluded.input_tokens, input_tokens),
  output_tokens = iif(model_used = :local, excluded.output_tokens, output_tokens),
  cached_tokens = iif(model_used = :local, excluded.cached_tokens, cached_tokens)
""",
)

_ADD_HITS = Sql(
    mysql="""
UPDATE image_classification_cache AS c
JOIN JSON_TABLE(:rows, '$[*]' COLUMNS (
  image_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]',
  hits INT UNSIGNED PATH '$[1]',
  last_hit_at DATETIME PATH '$[2]'
)) AS h ON c.image_hash = h.image_hash
SET c.hit_count = c.hit_count + h.hits, c.last_hit_at = GREATEST(c.last_hit_at, h.last_hit_at)
""",
    sqlite="""
UPDATE image_classification_cache AS c
SET hit_count = c.hit_count + (h.value ->> 1), last_hit_at = MAX(c.last_hit_at, h.value ->> 2)
FROM json_each(:rows) AS h
WHERE c.image_hash = h.value ->> 0
""",
)

_INSERT_RECORDS = Sql(
    mysql="""
INSERT INTO request_log
  (request_id, user_id, ip_address, image_hash, image_size, category, confidence,
   from_cache, processing_time_ms, created_at)
SELECT * FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  request_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]',
  user_id VARCHAR(64) PATH '$[1]',
  ip_address VARCHAR(45) CHARACTER SET ascii COLLATE ascii_bin PATH '$[2]',
  image_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[3]',
  image_size INT UNSIGNED PATH '$[4]',
  category VARCHAR(50) PATH '$[5]',
  confidence DECIMAL(5,4) PATH '$[6]',
  from_cache TINYINT PATH '$[7]',
  processing_time_ms INT UNSIGNED PATH '$[8]',
  created_at DATETIME PATH '$[9]'
)) AS new
ON DUPLICATE KEY UPDATE request_id = request_log.request_id
""",
    sqlite="""
INSERT INTO request_log
  (request_id, user_id, ip_address, image_hash, image_size, category, confidence,
   from_cache, processing_time_ms, created_at)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3,
  value ->> 4, value ->> 5, value ->> 6,
  value ->> 7, value ->> 8, value ->> 9
FROM json_each(:rows)
WHERE true
ON CONFLICT (request_id) DO NOTHING
""",
)


# NULL breaks the column's constraint, and with it goes the whole transaction: that a batch is written at most once is
# the database's doing, whatever became of earlier attempts. Even one that is still on its way to the server holds this
# row until it ends, or comes too late. Of several batches together the first must be new: then all are.
_ADVANCE_WRITERS = Sql(
    mysql="""
INSERT INTO ledger_writer (writer, last_batch)
SELECT writer, last FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  writer VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]',
  first BIGINT UNSIGNED PATH '$[1]',
  last BIGINT UNSIGNED PATH '$[2]'
)) AS new
ON DUPLICATE KEY UPDATE last_batch = IF(new.first > ledger_writer.last_batch, new.last, NULL)
""",
    sqlite="""
INSERT INTO ledger_writer (writer, last_batch)
SELECT value ->> 0, value ->> 2
FROM json_each(:rows)
WHERE true
ON CONFLICT (writer) DO UPDATE SET
  last_batch = CASE
    WHEN (SELECT value ->> 1 FROM json_each(:rows) WHERE value ->> 0 = excluded.writer) > ledger_writer.last_batch
    THEN excluded.last_batch
  END
""",
)

_SELECT_WRITTEN = Sql.same("SELECT 1 FROM ledger_writer WHERE writer = :writer AND last_batch >= :number")


@dataclass(frozen=True, slots=True)
class RecordRepository:
    """Writes batches. Rows are sorted by key, so that concurrent transactions lock in one order."""

    database: Database

    async def write(self, batches: Sequence[RecordBatch]) -> None:
        """Write batches in one transaction, but for those that have been written already: to repeat it is safe.

        Batches of one writer must come in the order of their numbers. Raises `DatabaseUnavailable`, after which the
        same batches may be given again, now or much later; or `DatabaseRejected`: then none of them was written, or,
        where some had been written before, those up to the one that was rejected.
        """
        if not batches:
            return
        try:
            await self._commit(batches)
        except ConstraintError:
            missing = [batch for batch in batches if not await self._is_written(batch)]
            if len(missing) == len(batches) == 1:
                raise
            for batch in missing:
                await self.write([batch])

    async def rehearse(self, batch: RecordBatch) -> None:
        """Write the rows of a batch, whether they are there or not, and roll back. Raises what `write` would raise."""
        if statements := _row_statements([batch]):
            await self.database.rehearse(statements)

    async def _commit(self, batches: Sequence[RecordBatch]) -> None:
        """Write the rows of each kind with one statement, or with as many as the server's limit of bytes makes it."""
        pieces, rows = 1, sum(batch.rows for batch in batches)
        while True:
            advance: Statement = (_ADVANCE_WRITERS, {"rows": _as_json(_spans(batches))})
            try:
                await self.database.commit([advance, *_row_statements(batches, pieces)])
            except StatementTooLarge:
                if pieces > rows:
                    raise
                pieces *= 2
            else:
                return

    async def _is_written(self, batch: RecordBatch) -> bool:
        params: Params = {"writer": batch.writer, "number": batch.number}
        return bool(await self.database.fetch_all(_SELECT_WRITTEN, params))


def _row_statements(batches: Sequence[RecordBatch], pieces: int = 1) -> list[Statement]:
    """Return the statements that write the rows of the batches, each kind of rows in so many pieces."""
    results = _pieces([row for batch in batches for row in batch.results], pieces)
    hits = _pieces(sum_hits(row for batch in batches for row in batch.hits), pieces)
    records = _pieces([row for batch in batches for row in batch.records], pieces)
    return [
        *((_INSERT_RESULTS, {"rows": rows, "local": LOCAL_MODEL}) for rows in results),
        *((_ADD_HITS, {"rows": rows}) for rows in hits),
        *((_INSERT_RECORDS, {"rows": rows}) for rows in records),
    ]


def _pieces(rows: list[JsonRow], pieces: int) -> list[str]:
    """Return the rows, sorted by their key, as so many JSON texts or fewer; none where there are no rows."""
    rows = sorted(rows, key=itemgetter(0))
    size = max(1, -(-len(rows) // pieces))
    return [_as_json(rows[start : start + size]) for start in range(0, len(rows), size)]


def _spans(batches: Sequence[RecordBatch]) -> list[JsonRow]:
    """Return each writer with the numbers of its first and its last batch."""
    spans: dict[str, JsonRow] = {}
    for batch in batches:
        first = spans[batch.writer][1] if batch.writer in spans else batch.number
        spans[batch.writer] = (batch.writer, first, batch.number)
    return list(spans.values())


def _as_json(rows: Iterable[JsonRow]) -> str:
    # ensure_ascii stays on: whatever a text holds, what is sent is plain.
    return json.dumps(sorted(rows, key=itemgetter(0)), separators=(",", ":"))
