"""The statements that leave in `stats_outbox` what a transaction changes, and stop one that changes other rows than it
says. SQL only.

A statement that is to be counted says how many rows it will change. Where the database counted otherwise, NULL breaks
a column's constraint and with it goes the whole transaction; whoever began it leaves out what is there already and
tries again. So what is in the outbox is what was written, whatever was written before by whom.
"""

from app.database import Sql
from app.repositories.answer_deletion import LEAVE_DELETED

# Before rows give way to new ones. SQLite, where one transaction writes at a time, knows here already how many of the
# new rows will be new.
LEAVE_REPLACED = Sql(
    mysql=LEAVE_DELETED.mysql,
    sqlite="""
INSERT INTO stats_outbox (records, calls, images, cache_hits)
SELECT '[]', '[]',
  (SELECT COUNT(DISTINCT value ->> 0) FROM json_each(:rows))
  - (SELECT COUNT(*) FROM image_classification_cache
     WHERE image_hash IN (SELECT value ->> 0 FROM json_each(:rows))),
  json_array_length(:rows) - COALESCE((
    SELECT SUM(hit_count) FROM image_classification_cache WHERE id IN (SELECT gone.id {chosen})
  ), 0)
""",
)

# After INSERT_RESULTS. MySQL counts a row that it inserted once, and one that it updated twice. Either is one answer.
LEAVE_RESULTS = Sql(
    mysql="""
INSERT INTO stats_outbox (records, calls, images, cache_hits) VALUES ('[]', '[]', 2 * :answers - ROW_COUNT(), :answers)
""",
    sqlite="SELECT 1",
)

# After a statement that adds one answer, or none where it is there already.
LEAVE_ADDED = Sql(
    mysql="""
INSERT INTO stats_outbox (records, calls, images, cache_hits)
SELECT '[]', '[]', 1, 1 FROM DUAL WHERE ROW_COUNT() = 1
""",
    sqlite="""
INSERT INTO stats_outbox (records, calls, images, cache_hits) SELECT '[]', '[]', 1, 1 WHERE changes() = 1
""",
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
# By the first and the last id: a row that was begun and undone counts too, and a long outbox costs no more than a short
# one.
SELECT_OUTBOX_LENGTH = Sql.same("SELECT COALESCE(MAX(id) - MIN(id) + 1, 0) FROM stats_outbox")
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
