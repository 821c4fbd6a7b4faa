"""The statements that read the rollup tables, and those that tidy them. SQL only."""

from app.database import Sql

SELECT_STATE = Sql.same("""
SELECT version, timezone, built_at, images, cache_hits, minutes_version, minutes_since FROM stats_state WHERE id = 1
""")

SELECT_REQUESTS = Sql.same("""
SELECT day, kind, requests, processing_ms, timed, uploaded_bytes, not_uploaded, saved_bytes
FROM stats_request WHERE day >= :first AND day <= :last
""")
SELECT_RECENT = Sql.same("SELECT moment, kind, requests FROM stats_recent WHERE moment >= :first AND moment <= :last")
# All minutes as one, as all that reads them wants their sum.
SELECT_MINUTES = Sql.same("""
SELECT MIN(minute), kind, bucket, SUM(requests) FROM stats_minute WHERE minute >= :first AND minute <= :last
GROUP BY kind, bucket
""")
SELECT_MINUTE_CALLS = Sql.same("""
SELECT minute, calls, cost, unpriced_input_tokens, unpriced_output_tokens
FROM stats_minute_call WHERE minute >= :first AND minute <= :last
""")
SELECT_CATEGORIES = Sql.same("""
SELECT day, category, requests, confidence FROM stats_category WHERE day >= :first AND day <= :last
""")
# All days as one: a histogram has a hundred rows a day, and who reads it wants their sum.
SELECT_LATENCIES = Sql.same("""
SELECT MIN(day), kind, bucket, SUM(requests) FROM stats_latency WHERE day >= :first AND day <= :last
GROUP BY kind, bucket
""")
SELECT_CALLS = Sql.same("""
SELECT day, provider, model, lane, outcome, calls, input_tokens, output_tokens, cached_tokens, cost,
  unpriced_input_tokens, unpriced_output_tokens, timed, duration_ms
FROM stats_call WHERE day >= :first AND day <= :last
""")
SELECT_DISTINCT = Sql.same("SELECT day, kind, members FROM stats_distinct WHERE day >= :first AND day <= :last")

# How many more members there are with these requests than without them: some come, and of some all requests have gone.
COUNT_NEW_MEMBERS = Sql(
    mysql="""
SELECT more.day, more.kind,
  SUM((COALESCE(m.requests, 0) + more.requests > 0) - (COALESCE(m.requests, 0) > 0)) AS members
FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  day DATE PATH '$[0]',
  kind VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin PATH '$[1]',
  member VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$[2]',
  requests BIGINT PATH '$[3]'
)) AS more
LEFT JOIN stats_member AS m FORCE INDEX (PRIMARY)
  ON m.day = more.day AND m.kind = more.kind AND m.member = more.member
GROUP BY more.day, more.kind
HAVING members <> 0
""",
    sqlite="""
SELECT more.value ->> 0 AS day, more.value ->> 1 AS kind,
  SUM((COALESCE(m.requests, 0) + (more.value ->> 3) > 0) - (COALESCE(m.requests, 0) > 0)) AS members
FROM json_each(:rows) AS more
LEFT JOIN stats_member AS m
  ON m.day = more.value ->> 0 AND m.kind = more.value ->> 1 AND m.member = more.value ->> 2
GROUP BY 1, 2
HAVING members <> 0
""",
)

SELECT_USERS = Sql(
    mysql="""
SELECT u.user_id, u.requests, u.cache_hits
FROM JSON_TABLE(:users, '$[*]' COLUMNS (
  user_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
)) AS wanted
STRAIGHT_JOIN stats_user AS u ON u.user_id = wanted.user_id
""",
    sqlite="""
SELECT user_id, requests, cache_hits FROM stats_user WHERE user_id IN (SELECT value FROM json_each(:users))
""",
)

# Without those whose sums will change: where they come then, only they themselves say.
SELECT_OTHER_TOP_USERS = Sql(
    mysql="""
SELECT u.user_id, u.requests, u.cache_hits
FROM stats_user AS u
WHERE u.user_id NOT IN (
  SELECT changed.user_id FROM JSON_TABLE(:users, '$[*]' COLUMNS (
    user_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
  )) AS changed
  WHERE changed.user_id IS NOT NULL
)
ORDER BY u.requests DESC, u.user_id
LIMIT :limit
""",
    sqlite="""
SELECT user_id, requests, cache_hits
FROM stats_user
WHERE user_id NOT IN (SELECT value FROM json_each(:users))
ORDER BY requests DESC, user_id
LIMIT :limit
""",
)

# By the index on (user_id, created_at), two steps a user: for MIN and MAX MySQL would read all between. What is in the
# log alone says when: a row that goes takes its time with it.
SELECT_TIMES = Sql(
    mysql="""
SELECT wanted.user_id,
  (SELECT l.created_at FROM request_log AS l WHERE l.user_id = wanted.user_id
   ORDER BY l.user_id, l.created_at LIMIT 1),
  (SELECT l.created_at FROM request_log AS l WHERE l.user_id = wanted.user_id
   ORDER BY l.user_id DESC, l.created_at DESC LIMIT 1)
FROM JSON_TABLE(:users, '$[*]' COLUMNS (
  user_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
)) AS wanted
""",
    sqlite="""
SELECT wanted.value,
  (SELECT created_at FROM request_log WHERE user_id = wanted.value ORDER BY user_id, created_at LIMIT 1),
  (SELECT created_at FROM request_log WHERE user_id = wanted.value ORDER BY user_id DESC, created_at DESC LIMIT 1)
FROM json_each(:users) AS wanted
""",
)

SELECT_MAX_HITS = Sql.same("""
SELECT MAX(hit_count) FROM image_classification_cache
WHERE hit_scale = (SELECT MAX(hit_scale) FROM image_classification_cache)
""")

DELETE_OUTBOX = Sql(
    mysql="""
DELETE o
FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS done
STRAIGHT_JOIN stats_outbox AS o FORCE INDEX (PRIMARY) ON o.id = done.id
""",
    sqlite="DELETE FROM stats_outbox WHERE id IN (SELECT value FROM json_each(:ids))",
)

DELETE_EMPTY_USERS = Sql(
    mysql="""
DELETE u
FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  user_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$[0]'
)) AS less
STRAIGHT_JOIN stats_user AS u ON u.user_id = less.user_id
WHERE u.requests = 0
""",
    sqlite="""
DELETE FROM stats_user WHERE requests = 0 AND user_id IN (SELECT value ->> 0 FROM json_each(:rows))
""",
)

# A day of which nothing is left takes its rows with it.
DELETE_EMPTY_DAYS = (
    Sql.same("DELETE FROM stats_request WHERE day >= :first AND day <= :last AND requests = 0"),
    Sql.same("DELETE FROM stats_category WHERE day >= :first AND day <= :last AND requests = 0"),
    Sql.same("DELETE FROM stats_latency WHERE day >= :first AND day <= :last AND requests = 0"),
    Sql.same("DELETE FROM stats_distinct WHERE day >= :first AND day <= :last AND members = 0"),
)

BEGIN_REBUILD = Sql.same("""
UPDATE stats_state
SET version = version + 1, built_at = NULL, timezone = :timezone, images = 0, cache_hits = 0
WHERE id = 1
""")
END_REBUILD = Sql.same("""
UPDATE stats_state
SET minutes_since = NULL,
  minutes_version = :version + 1,
  version = CASE WHEN version = :version THEN version + 1 END,
  built_at = CURRENT_TIMESTAMP
WHERE id = 1
""")
MARK_INCOMPLETE = Sql.same("""
UPDATE stats_state
SET version = CASE WHEN version = :version THEN version + 1 END, built_at = NULL
WHERE id = 1
""")
INSERT_STATE = Sql(
    mysql="INSERT INTO stats_state (id) VALUES (1) ON DUPLICATE KEY UPDATE id = 1",
    sqlite="INSERT INTO stats_state (id) VALUES (1) ON CONFLICT (id) DO NOTHING",
)

# In slices, so that no transaction grows with the table. SQLite empties a table at once.
CLEAR_TABLES = (
    Sql(mysql="DELETE FROM stats_request LIMIT :slice", sqlite="DELETE FROM stats_request"),
    Sql(mysql="DELETE FROM stats_recent LIMIT :slice", sqlite="DELETE FROM stats_recent"),
    Sql(mysql="DELETE FROM stats_minute LIMIT :slice", sqlite="DELETE FROM stats_minute"),
    Sql(mysql="DELETE FROM stats_minute_call LIMIT :slice", sqlite="DELETE FROM stats_minute_call"),
    Sql(mysql="DELETE FROM stats_category LIMIT :slice", sqlite="DELETE FROM stats_category"),
    Sql(mysql="DELETE FROM stats_latency LIMIT :slice", sqlite="DELETE FROM stats_latency"),
    Sql(mysql="DELETE FROM stats_call LIMIT :slice", sqlite="DELETE FROM stats_call"),
    Sql(mysql="DELETE FROM stats_member LIMIT :slice", sqlite="DELETE FROM stats_member"),
    Sql(mysql="DELETE FROM stats_distinct LIMIT :slice", sqlite="DELETE FROM stats_distinct"),
    Sql(mysql="DELETE FROM stats_user LIMIT :slice", sqlite="DELETE FROM stats_user"),
)
