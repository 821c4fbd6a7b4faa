"""The statements of a batch but for those of names (`name_statements`). SQL only.

Each takes its rows as one JSON text, so that a batch of any size is a few statements: one value to escape in
Python, one to send, unpacked by the database. The rows are those of `record_batch`. A value that a row of an older
version does not have is NULL.
"""

from app.database import Sql
from app.repositories.answer_deletion import AnswerDeletion
from app.repositories.outbox_statements import LEAVE_REPLACED

# What gives way to a new answer: the embedded network's answer to a model's and to one of its own that it is surer of,
# that of the colour rules which earlier versions had to both, and a row whose category is none of ours, edited by hand
# or written by another version, to any. It goes before the new row comes, which begins its counts anew.
_REPLACED = Sql(
    mysql="""
FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  image_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]',
  confidence DECIMAL(5,4) PATH '$[2]',
  model_used VARCHAR(100) PATH '$[4]'
)) AS new
STRAIGHT_JOIN image_classification_cache AS gone ON gone.image_hash = new.image_hash
WHERE (gone.model_used = :earlier_local AND new.model_used <> :earlier_local)
  OR (gone.model_used = :local AND new.model_used NOT IN (:local, :earlier_local))
  OR (gone.model_used = :local AND new.model_used = :local AND gone.confidence < new.confidence)
  OR NOT JSON_CONTAINS(:categories, JSON_QUOTE(gone.category))
""",
    sqlite="""
FROM json_each(:rows) AS new
CROSS JOIN image_classification_cache AS gone ON gone.image_hash = new.value ->> 0
WHERE (gone.model_used = :earlier_local AND new.value ->> 4 <> :earlier_local)
  OR (gone.model_used = :local AND new.value ->> 4 NOT IN (:local, :earlier_local))
  OR (gone.model_used = :local AND new.value ->> 4 = :local AND gone.confidence < new.value ->> 2)
  OR gone.category NOT IN (SELECT value FROM json_each(:categories))
""",
)
REPLACED = AnswerDeletion.of(_REPLACED, LEAVE_REPLACED)

# A result is written once and then stays; another answer to the same image, from a process that could not know of the
# first, is one more answer given.
INSERT_RESULTS = Sql(
    mysql="""
INSERT INTO image_classification_cache
  (image_hash, category, confidence, description, model_used, model_response, prompt_version,
   input_tokens, output_tokens, cached_tokens, created_at, last_hit_at, image_size)
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
  last_hit_at DATETIME PATH '$[10]',
  image_size INT UNSIGNED PATH '$[11]'
)) AS new
ON DUPLICATE KEY UPDATE
  hit_count = image_classification_cache.hit_count + 1,
  image_size = COALESCE(image_classification_cache.image_size, new.image_size)
""",
    sqlite="""
INSERT INTO image_classification_cache
  (image_hash, category, confidence, description, model_used, model_response, prompt_version,
   input_tokens, output_tokens, cached_tokens, created_at, last_hit_at, image_size)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3,
  value ->> 4, value -> 5, value ->> 6,
  value ->> 7, value ->> 8, value ->> 9,
  value ->> 10, value ->> 10, value ->> 11
FROM json_each(:rows)
WHERE true
ON CONFLICT (image_hash) DO UPDATE SET
  hit_count = hit_count + 1,
  image_size = COALESCE(image_size, excluded.image_size)
""",
)

# Hits and sizes in one pass, so that rows are locked in one order: a row of hits may have a size, and one of a size has
# 0 hits and no time.
ADD_HITS = Sql(
    mysql="""
UPDATE image_classification_cache AS c
JOIN JSON_TABLE(:rows, '$[*]' COLUMNS (
  image_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]',
  hits INT UNSIGNED PATH '$[1]',
  last_hit_at DATETIME PATH '$[2]',
  image_size INT UNSIGNED PATH '$[3]'
)) AS h ON c.image_hash = h.image_hash
SET
  c.hit_count = c.hit_count + h.hits,
  c.last_hit_at = GREATEST(c.last_hit_at, COALESCE(h.last_hit_at, c.last_hit_at)),
  c.image_size = COALESCE(c.image_size, h.image_size)
""",
    sqlite="""
UPDATE image_classification_cache AS c
SET
  hit_count = c.hit_count + (h.value ->> 1),
  last_hit_at = MAX(c.last_hit_at, COALESCE(h.value ->> 2, c.last_hit_at)),
  image_size = COALESCE(c.image_size, h.value ->> 3)
FROM json_each(:rows) AS h
WHERE c.image_hash = h.value ->> 0
""",
)

# The same for rows that differ by their names alone, as those of one call do: MySQL need not unpack them. FORCE INDEX:
# of a small table it would read, and lock, all rows.
ADD_EQUAL_HITS = Sql(
    mysql="""
UPDATE image_classification_cache AS c FORCE INDEX (uk_image_hash)
SET
  c.hit_count = c.hit_count + :hits,
  c.last_hit_at = GREATEST(c.last_hit_at, CAST(:last_hit_at AS DATETIME))
WHERE c.image_hash IN :names
""",
    sqlite="""
UPDATE image_classification_cache
SET hit_count = hit_count + :hits, last_hit_at = MAX(last_hit_at, :last_hit_at)
WHERE image_hash IN (SELECT value FROM json_each(:names))
""",
)

INSERT_RECORDS = Sql(
    mysql="""
INSERT INTO request_log
  (request_id, user_id, ip_address, image_hash, image_size, category, confidence,
   from_cache, processing_time_ms, created_at, matched_by, saved_bytes)
SELECT * FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  request_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]',
  user_id VARCHAR(64) PATH '$[1]',
  ip_address VARCHAR(45) CHARACTER SET ascii COLLATE ascii_bin PATH '$[2]',
  image_hash VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin PATH '$[3]',
  image_size INT UNSIGNED PATH '$[4]',
  category VARCHAR(50) PATH '$[5]',
  confidence DECIMAL(5,4) PATH '$[6]',
  from_cache TINYINT PATH '$[7]',
  processing_time_ms INT UNSIGNED PATH '$[8]',
  created_at DATETIME PATH '$[9]',
  matched_by VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$[10]',
  saved_bytes INT UNSIGNED PATH '$[11]'
)) AS new
ON DUPLICATE KEY UPDATE request_id = request_log.request_id
""",
    sqlite="""
INSERT INTO request_log
  (request_id, user_id, ip_address, image_hash, image_size, category, confidence,
   from_cache, processing_time_ms, created_at, matched_by, saved_bytes)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3,
  value ->> 4, value ->> 5, value ->> 6,
  value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11
FROM json_each(:rows)
WHERE true
ON CONFLICT (request_id) DO NOTHING
""",
)

INSERT_CALLS = Sql(
    mysql="""
INSERT INTO model_call
  (image_hash, request_id, provider, model, prompt_version, outcome,
   input_tokens, output_tokens, cached_tokens, lane, cost, duration_ms, created_at)
SELECT * FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  image_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]',
  request_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[1]',
  provider VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$[2]',
  model VARCHAR(100) PATH '$[3]',
  prompt_version VARCHAR(16) PATH '$[4]',
  outcome VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$[5]',
  input_tokens INT UNSIGNED PATH '$[6]',
  output_tokens INT UNSIGNED PATH '$[7]',
  cached_tokens INT UNSIGNED PATH '$[8]',
  lane VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$[9]',
  cost DECIMAL(20,10) PATH '$[10]',
  duration_ms INT UNSIGNED PATH '$[11]',
  created_at DATETIME PATH '$[12]'
)) AS new
""",
    sqlite="""
INSERT INTO model_call
  (image_hash, request_id, provider, model, prompt_version, outcome,
   input_tokens, output_tokens, cached_tokens, lane, cost, duration_ms, created_at)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
  value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12
FROM json_each(:rows)
""",
)

# The sums of tokens are for the version before this one, which reads them here; this one reads model_call.
UPSERT_REFUSALS = Sql(
    mysql="""
INSERT INTO classification_refusal
  (image_hash, expires_at, refused_at, input_tokens, output_tokens, cached_tokens)
SELECT * FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  image_hash VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]',
  expires_at DATETIME PATH '$[1]',
  refused_at DATETIME PATH '$[2]',
  input_tokens BIGINT UNSIGNED PATH '$[3]',
  output_tokens BIGINT UNSIGNED PATH '$[4]',
  cached_tokens BIGINT UNSIGNED PATH '$[5]'
)) AS new
ON DUPLICATE KEY UPDATE
  expires_at = GREATEST(classification_refusal.expires_at, new.expires_at),
  refused_at = GREATEST(classification_refusal.refused_at, new.refused_at),
  input_tokens = classification_refusal.input_tokens + new.input_tokens,
  output_tokens = classification_refusal.output_tokens + new.output_tokens,
  cached_tokens = classification_refusal.cached_tokens + new.cached_tokens
""",
    sqlite="""
INSERT INTO classification_refusal
  (image_hash, expires_at, refused_at, input_tokens, output_tokens, cached_tokens)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
FROM json_each(:rows)
WHERE true
ON CONFLICT (image_hash) DO UPDATE SET
  expires_at = MAX(expires_at, excluded.expires_at),
  refused_at = MAX(refused_at, excluded.refused_at),
  input_tokens = input_tokens + excluded.input_tokens,
  output_tokens = output_tokens + excluded.output_tokens,
  cached_tokens = cached_tokens + excluded.cached_tokens
""",
)

# NULL breaks the column's constraint, and with it goes the whole transaction: that a batch is written at most once is
# the database's doing, whatever became of earlier attempts. Even one that is still on its way to the server holds this
# row until it ends, or comes too late. Of several batches together the first must be new: then all are.
ADVANCE_WRITER = Sql(
    mysql="""
INSERT INTO ledger_writer (writer, last_batch) VALUES (:writer, :last)
ON DUPLICATE KEY UPDATE last_batch = IF(:first > last_batch, :last, NULL)
""",
    sqlite="""
INSERT INTO ledger_writer (writer, last_batch) VALUES (:writer, :last)
ON CONFLICT (writer) DO UPDATE SET last_batch = CASE WHEN :first > last_batch THEN :last END
""",
)
