"""The statements that leave in `stats_outbox` what a transaction changes, and stop one that changes other rows than it
says. SQL only.

A statement that is to be counted says how many rows it will change. Where the database counted otherwise, NULL breaks
a column's constraint and with it goes the whole transaction; whoever began it leaves out what is there already and
tries again. So what is in the outbox is what was written, whatever was written before by whom.
"""

from app.database import Sql

# Before DELETE_REPLACED, of the same rows; locked, they are what it deletes. SQLite, where one transaction writes at a
# time, knows here already how many of the new rows will be new.
LEAVE_REPLACED = Sql(
    mysql="""
INSERT INTO stats_outbox (records, calls, images, cache_hits)
SELECT '[]', '[]', -COUNT(*), -COALESCE(SUM(replaced.hit_count), 0)
FROM (
  SELECT DISTINCT c.id, c.hit_count
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
    image_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]',
    confidence DECIMAL(5,4) PATH '$[2]',
    model_used VARCHAR(100) PATH '$[4]'
  )) AS new
  STRAIGHT_JOIN image_classification_cache AS c ON c.image_hash = new.image_hash
  WHERE (c.model_used = :earlier_local AND new.model_used <> :earlier_local)
    OR (c.model_used = :local AND new.model_used NOT IN (:local, :earlier_local))
    OR (c.model_used = :local AND new.model_used = :local AND c.confidence < new.confidence)
    OR NOT JSON_CONTAINS(:categories, JSON_QUOTE(c.category))
  FOR UPDATE OF c
) AS replaced
""",
    sqlite="""
INSERT INTO stats_outbox (records, calls, images, cache_hits)
SELECT '[]', '[]',
  (SELECT COUNT(DISTINCT value ->> 0) FROM json_each(:rows))
  - (SELECT COUNT(*) FROM image_classification_cache
     WHERE image_hash IN (SELECT value ->> 0 FROM json_each(:rows))),
  json_array_length(:rows) - COALESCE((
    SELECT SUM(hit_count) FROM image_classification_cache
    WHERE id IN (
      SELECT c.id
      FROM json_each(:rows) AS new
      CROSS JOIN image_classification_cache AS c ON c.image_hash = new.value ->> 0
      WHERE (c.model_used = :earlier_local AND new.value ->> 4 <> :earlier_local)
        OR (c.model_used = :local AND new.value ->> 4 NOT IN (:local, :earlier_local))
        OR (c.model_used = :local AND new.value ->> 4 = :local AND c.confidence < new.value ->> 2)
        OR c.category NOT IN (SELECT value FROM json_each(:categories))
    )
  ), 0)
""",
)

# After DELETE_REPLACED: another transaction may have brought a row that was not there to be locked.
EXPECT_REPLACED = Sql(
    mysql="""
INSERT INTO stats_outbox (records, calls)
SELECT NULL, '[]' FROM stats_outbox WHERE id = LAST_INSERT_ID() AND -images <> ROW_COUNT()
""",
    sqlite="SELECT 1",
)

# After INSERT_RESULTS. MySQL counts a row that it inserted once, and one that it updated twice. Either is one answer.
LEAVE_RESULTS = Sql(
    mysql="""
INSERT INTO stats_outbox (records, calls, images, cache_hits) VALUES ('[]', '[]', 2 * :answers - ROW_COUNT(), :answers)
""",
    sqlite="SELECT 1",
)

# After a statement that is to change so many rows.
EXPECT_ROWS = Sql(
    mysql="INSERT INTO stats_outbox (records, calls) SELECT NULL, '[]' FROM DUAL WHERE ROW_COUNT() <> :expected",
    sqlite="INSERT INTO stats_outbox (records, calls) SELECT NULL, '[]' WHERE changes() <> :expected",
)

# After INSERT_RECORDS.
LEAVE_RECORDS = Sql(
    mysql="""
INSERT INTO stats_outbox (records, calls, cache_hits)
VALUES (IF(ROW_COUNT() = :expected, :records, NULL), :calls, :cache_hits)
""",
    sqlite="""
INSERT INTO stats_outbox (records, calls, cache_hits)
VALUES (CASE WHEN changes() = :expected THEN :records END, :calls, :cache_hits)
""",
)

# Where there are no records.
LEAVE_OTHERS = Sql.same("""
INSERT INTO stats_outbox (records, calls, cache_hits) VALUES ('[]', :calls, :cache_hits)
""")

# Before rows of the log are deleted by their ids; locked, they are the same that are deleted then.
LEAVE_DELETED_RECORDS = Sql(
    mysql="""
INSERT INTO stats_outbox (sign, records, calls)
SELECT -1, COALESCE(JSON_ARRAYAGG(JSON_ARRAY(
  CAST(r.created_at AS CHAR), r.user_id, r.ip_address, r.image_size, r.category, r.confidence, r.from_cache,
  r.processing_time_ms, r.matched_by, r.saved_bytes
)), '[]'), '[]'
FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS gone
STRAIGHT_JOIN request_log AS r FORCE INDEX (PRIMARY) ON r.id = gone.id
FOR UPDATE OF r
""",
    sqlite="""
INSERT INTO stats_outbox (sign, records, calls)
SELECT -1, json_group_array(json_array(
  created_at, user_id, ip_address, image_size, category, confidence, from_cache, processing_time_ms, matched_by,
  saved_bytes
)), '[]'
FROM request_log WHERE id IN (SELECT value FROM json_each(:ids))
""",
)

SELECT_OUTBOX = Sql.same("SELECT id, sign, records, calls, images, cache_hits FROM stats_outbox ORDER BY id")
SELECT_OUTBOX_FIRST = Sql.same("SELECT id FROM stats_outbox LIMIT 1")
SELECT_OUTBOX_PIECE = Sql.same("""
SELECT id, sign, records, calls, images, cache_hits FROM stats_outbox ORDER BY id LIMIT :limit
""")

# In the form of the outbox, for a rebuild.
SELECT_RECORDS_AFTER = Sql(
    mysql="""
SELECT MAX(id), COUNT(*), COALESCE(JSON_ARRAYAGG(JSON_ARRAY(
  CAST(created_at AS CHAR), user_id, ip_address, image_size, category, confidence, from_cache, processing_time_ms,
  matched_by, saved_bytes
)), '[]')
FROM (SELECT * FROM request_log WHERE id > :after ORDER BY id LIMIT :rows) AS slice
""",
    sqlite="""
SELECT MAX(id), COUNT(*), json_group_array(json_array(
  created_at, user_id, ip_address, image_size, category, confidence, from_cache, processing_time_ms, matched_by,
  saved_bytes
))
FROM (SELECT * FROM request_log WHERE id > :after ORDER BY id LIMIT :rows)
""",
)
SELECT_CALLS_AFTER = Sql(
    mysql="""
SELECT MAX(id), COUNT(*), COALESCE(JSON_ARRAYAGG(JSON_ARRAY(
  CAST(created_at AS CHAR), image_hash, provider, model, lane, outcome, input_tokens, output_tokens, cached_tokens,
  CAST(cost AS CHAR), duration_ms
)), '[]')
FROM (SELECT * FROM model_call WHERE id > :after ORDER BY id LIMIT :rows) AS slice
""",
    sqlite="""
SELECT MAX(id), COUNT(*), json_group_array(json_array(
  created_at, image_hash, provider, model, lane, outcome, input_tokens, output_tokens, cached_tokens, cost, duration_ms
))
FROM (SELECT * FROM model_call WHERE id > :after ORDER BY id LIMIT :rows)
""",
)
SELECT_IMAGES_AFTER = Sql.same("""
SELECT MAX(id), COUNT(*), SUM(hit_count)
FROM (SELECT id, hit_count FROM image_classification_cache WHERE id > :after ORDER BY id LIMIT :rows) AS slice
""")
