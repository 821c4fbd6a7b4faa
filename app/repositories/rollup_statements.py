"""The statements that read the rollup tables and add to them. SQL only.

Each takes its rows as one JSON text: the columns of the key, then what is to be added.
"""

from app.database import Sql

ADD_REQUEST = Sql(
    mysql="""
INSERT INTO stats_request
  (day, kind, requests, processing_ms, timed, uploaded_bytes, not_uploaded, saved_bytes)
SELECT * FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  day DATE PATH '$[0]',
  kind VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$[1]',
  requests BIGINT PATH '$[2]',
  processing_ms BIGINT PATH '$[3]',
  timed BIGINT PATH '$[4]',
  uploaded_bytes BIGINT PATH '$[5]',
  not_uploaded BIGINT PATH '$[6]',
  saved_bytes BIGINT PATH '$[7]'
)) AS new
ON DUPLICATE KEY UPDATE
  requests = stats_request.requests + new.requests,
  processing_ms = stats_request.processing_ms + new.processing_ms,
  timed = stats_request.timed + new.timed,
  uploaded_bytes = stats_request.uploaded_bytes + new.uploaded_bytes,
  not_uploaded = stats_request.not_uploaded + new.not_uploaded,
  saved_bytes = stats_request.saved_bytes + new.saved_bytes
""",
    sqlite="""
INSERT INTO stats_request
  (day, kind, requests, processing_ms, timed, uploaded_bytes, not_uploaded, saved_bytes)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7
FROM json_each(:rows)
WHERE true
ON CONFLICT (day, kind) DO UPDATE SET
  requests = requests + excluded.requests,
  processing_ms = processing_ms + excluded.processing_ms,
  timed = timed + excluded.timed,
  uploaded_bytes = uploaded_bytes + excluded.uploaded_bytes,
  not_uploaded = not_uploaded + excluded.not_uploaded,
  saved_bytes = saved_bytes + excluded.saved_bytes
""",
)

ADD_CATEGORY = Sql(
    mysql="""
INSERT INTO stats_category
  (day, category, requests, confidence)
SELECT * FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  day DATE PATH '$[0]',
  category VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$[1]',
  requests BIGINT PATH '$[2]',
  confidence BIGINT PATH '$[3]'
)) AS new
ON DUPLICATE KEY UPDATE
  requests = stats_category.requests + new.requests,
  confidence = stats_category.confidence + new.confidence
""",
    sqlite="""
INSERT INTO stats_category
  (day, category, requests, confidence)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3
FROM json_each(:rows)
WHERE true
ON CONFLICT (day, category) DO UPDATE SET
  requests = requests + excluded.requests,
  confidence = confidence + excluded.confidence
""",
)

ADD_LATENCY = Sql(
    mysql="""
INSERT INTO stats_latency
  (day, kind, bucket, requests)
SELECT * FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  day DATE PATH '$[0]',
  kind VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$[1]',
  bucket INT UNSIGNED PATH '$[2]',
  requests BIGINT PATH '$[3]'
)) AS new
ON DUPLICATE KEY UPDATE
  requests = stats_latency.requests + new.requests
""",
    sqlite="""
INSERT INTO stats_latency
  (day, kind, bucket, requests)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3
FROM json_each(:rows)
WHERE true
ON CONFLICT (day, kind, bucket) DO UPDATE SET
  requests = requests + excluded.requests
""",
)

ADD_CALL = Sql(
    mysql="""
INSERT INTO stats_call
  (day, provider, model, lane, outcome, calls, input_tokens, output_tokens, cached_tokens, cost,
   unpriced_input_tokens, unpriced_output_tokens, timed, duration_ms)
SELECT * FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  day DATE PATH '$[0]',
  provider VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$[1]',
  model VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$[2]',
  lane VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$[3]',
  outcome VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$[4]',
  calls BIGINT PATH '$[5]',
  input_tokens BIGINT PATH '$[6]',
  output_tokens BIGINT PATH '$[7]',
  cached_tokens BIGINT PATH '$[8]',
  cost BIGINT PATH '$[9]',
  unpriced_input_tokens BIGINT PATH '$[10]',
  unpriced_output_tokens BIGINT PATH '$[11]',
  timed BIGINT PATH '$[12]',
  duration_ms BIGINT PATH '$[13]'
)) AS new
ON DUPLICATE KEY UPDATE
  calls = stats_call.calls + new.calls,
  input_tokens = stats_call.input_tokens + new.input_tokens,
  output_tokens = stats_call.output_tokens + new.output_tokens,
  cached_tokens = stats_call.cached_tokens + new.cached_tokens,
  cost = stats_call.cost + new.cost,
  unpriced_input_tokens = stats_call.unpriced_input_tokens + new.unpriced_input_tokens,
  unpriced_output_tokens = stats_call.unpriced_output_tokens + new.unpriced_output_tokens,
  timed = stats_call.timed + new.timed,
  duration_ms = stats_call.duration_ms + new.duration_ms
""",
    sqlite="""
INSERT INTO stats_call
  (day, provider, model, lane, outcome, calls, input_tokens, output_tokens, cached_tokens, cost,
   unpriced_input_tokens, unpriced_output_tokens, timed, duration_ms)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value
  ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13
FROM json_each(:rows)
WHERE true
ON CONFLICT (day, provider, model, lane, outcome) DO UPDATE SET
  calls = calls + excluded.calls,
  input_tokens = input_tokens + excluded.input_tokens,
  output_tokens = output_tokens + excluded.output_tokens,
  cached_tokens = cached_tokens + excluded.cached_tokens,
  cost = cost + excluded.cost,
  unpriced_input_tokens = unpriced_input_tokens + excluded.unpriced_input_tokens,
  unpriced_output_tokens = unpriced_output_tokens + excluded.unpriced_output_tokens,
  timed = timed + excluded.timed,
  duration_ms = duration_ms + excluded.duration_ms
""",
)

ADD_MEMBER = Sql(
    mysql="""
INSERT INTO stats_member
  (day, kind, member, requests)
SELECT * FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  day DATE PATH '$[0]',
  kind VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$[1]',
  member VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$[2]',
  requests BIGINT PATH '$[3]'
)) AS new
ON DUPLICATE KEY UPDATE
  requests = stats_member.requests + new.requests
""",
    sqlite="""
INSERT INTO stats_member
  (day, kind, member, requests)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3
FROM json_each(:rows)
WHERE true
ON CONFLICT (day, kind, member) DO UPDATE SET
  requests = requests + excluded.requests
""",
)

ADD_DISTINCT = Sql(
    mysql="""
INSERT INTO stats_distinct
  (day, kind, members)
SELECT * FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  day DATE PATH '$[0]',
  kind VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$[1]',
  members BIGINT PATH '$[2]'
)) AS new
ON DUPLICATE KEY UPDATE
  members = stats_distinct.members + new.members
""",
    sqlite="""
INSERT INTO stats_distinct
  (day, kind, members)
SELECT value ->> 0, value ->> 1, value ->> 2
FROM json_each(:rows)
WHERE true
ON CONFLICT (day, kind) DO UPDATE SET
  members = members + excluded.members
""",
)

ADD_USER = Sql(
    mysql="""
INSERT INTO stats_user
  (user_id, requests, cache_hits)
SELECT * FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  user_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$[0]',
  requests BIGINT PATH '$[1]',
  cache_hits BIGINT PATH '$[2]'
)) AS new
ON DUPLICATE KEY UPDATE
  requests = stats_user.requests + new.requests,
  cache_hits = stats_user.cache_hits + new.cache_hits
""",
    sqlite="""
INSERT INTO stats_user
  (user_id, requests, cache_hits)
SELECT value ->> 0, value ->> 1, value ->> 2
FROM json_each(:rows)
WHERE true
ON CONFLICT (user_id) DO UPDATE SET
  requests = requests + excluded.requests,
  cache_hits = cache_hits + excluded.cache_hits
""",
)

# Fails where the sums have changed since `version` was read: what was worked out from them is out of date.
ADVANCE_VERSION = Sql.same("""
UPDATE stats_state
SET version = CASE WHEN version = :version THEN version + 1 END,
  timezone = :timezone,
  images = images + :images,
  cache_hits = cache_hits + :cache_hits
WHERE id = 1
""")
