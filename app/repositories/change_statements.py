"""The statements by which all processes hear of a change, and by which late records do not undo it. SQL only."""

from app.database import Params, Sql, Statement
from app.repositories.answer_deletion import AnswerDeletion

# Whoever changes something holds the counter's row until the change is there: numbers become visible in their order, so
# that "all after the last I have seen" leaves none out.
_COUNT_CHANGE = Sql(
    mysql="""
INSERT INTO change_counter (topic, number) VALUES (:topic, 1)
ON DUPLICATE KEY UPDATE number = change_counter.number + 1
""",
    sqlite="""
INSERT INTO change_counter (topic, number) VALUES (:topic, 1)
ON CONFLICT (topic) DO UPDATE SET number = number + 1
""",
)

_INSERT_CHANGE = Sql.same("""
INSERT INTO cache_change (number, image_hash, kind, changed_at)
SELECT number, :image_hash, :kind, :changed_at FROM change_counter WHERE topic = 'answers'
""")

ANSWERS = "answers"
VOTES = "votes"


def count_change(topic: str) -> Statement:
    """Return the statement that a transaction with a change of this kind begins with."""
    return _COUNT_CHANGE, {"topic": topic}


def tell_change(image_hash: str, kind: str, changed_at: str) -> Statement:
    """Return the statement that tells of a changed answer, after `count_change(ANSWERS)`."""
    params: Params = {"image_hash": image_hash, "kind": kind, "changed_at": changed_at}
    return _INSERT_CHANGE, params


# Takes rows of results that come from a spool. What was deleted after it had been answered stays deleted.
_FORGOTTEN = Sql(
    mysql="""
FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  image_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]'
)) AS new
STRAIGHT_JOIN cache_change AS d FORCE INDEX (idx_image_hash) ON d.image_hash = new.image_hash
STRAIGHT_JOIN image_classification_cache AS gone FORCE INDEX (uk_image_hash) ON gone.image_hash = new.image_hash
WHERE d.kind = 'deleted' AND gone.created_at < d.changed_at AND gone.model_used <> :operator
""",
    sqlite="""
FROM json_each(:rows) AS new
CROSS JOIN cache_change AS d ON d.image_hash = new.value ->> 0
CROSS JOIN image_classification_cache AS gone ON gone.image_hash = new.value ->> 0
WHERE d.kind = 'deleted' AND gone.created_at < d.changed_at AND gone.model_used <> :operator
""",
)
FORGOTTEN = AnswerDeletion.of(_FORGOTTEN)

# The next three take rows of aliases. A photo that has an exact name in common with a corrected answer is that photo:
# whatever a model said of it, not knowing of the correction, gives way, and all its names become names of that answer.
JOIN_CORRECTED = Sql(
    mysql="""
INSERT INTO image_alias (name, image_hash, matched_by, distance, created_at)
SELECT * FROM (
  SELECT
    new.image_hash AS name, MIN(a.image_hash) AS image_hash, MIN(a.matched_by) AS matched_by, NULL AS distance,
    MIN(new.created_at) AS created_at
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
    name VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]',
    image_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[1]',
    matched_by VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$[2]',
    created_at DATETIME PATH '$[4]'
  )) AS new
  STRAIGHT_JOIN image_alias AS a FORCE INDEX (PRIMARY) ON a.name = new.name
  STRAIGHT_JOIN image_classification_cache AS c FORCE INDEX (uk_image_hash) ON c.image_hash = a.image_hash
  LEFT JOIN image_classification_cache AS own FORCE INDEX (uk_image_hash)
    ON own.image_hash = new.image_hash AND own.model_used = :operator
  WHERE new.matched_by <> 'near' AND a.matched_by <> 'near' AND a.image_hash <> new.image_hash
    AND c.model_used = :operator AND own.id IS NULL
  GROUP BY new.image_hash
) AS joined
ON DUPLICATE KEY UPDATE
  image_hash = joined.image_hash, matched_by = joined.matched_by, distance = NULL, created_at = joined.created_at
""",
    sqlite="""
INSERT INTO image_alias (name, image_hash, matched_by, distance, created_at)
SELECT new.value ->> 1, MIN(a.image_hash), MIN(a.matched_by), NULL, MIN(new.value ->> 4)
FROM json_each(:rows) AS new
CROSS JOIN image_alias AS a ON a.name = new.value ->> 0
CROSS JOIN image_classification_cache AS c ON c.image_hash = a.image_hash
LEFT JOIN image_classification_cache AS own ON own.image_hash = new.value ->> 1 AND own.model_used = :operator
WHERE new.value ->> 2 <> 'near' AND a.matched_by <> 'near' AND a.image_hash <> new.value ->> 1
  AND c.model_used = :operator AND own.id IS NULL
GROUP BY new.value ->> 1
ON CONFLICT (name) DO UPDATE SET
  image_hash = excluded.image_hash, matched_by = excluded.matched_by, distance = NULL, created_at = excluded.created_at
""",
)

_JOINED = Sql(
    mysql="""
FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  image_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[1]'
)) AS new
STRAIGHT_JOIN image_alias AS a FORCE INDEX (PRIMARY) ON a.name = new.image_hash
STRAIGHT_JOIN image_classification_cache AS c FORCE INDEX (uk_image_hash) ON c.image_hash = a.image_hash
STRAIGHT_JOIN image_classification_cache AS gone FORCE INDEX (uk_image_hash) ON gone.image_hash = new.image_hash
WHERE a.matched_by <> 'near' AND c.model_used = :operator AND gone.model_used <> :operator
""",
    sqlite="""
FROM json_each(:rows) AS new
CROSS JOIN image_alias AS a ON a.name = new.value ->> 1
CROSS JOIN image_classification_cache AS c ON c.image_hash = a.image_hash
CROSS JOIN image_classification_cache AS gone ON gone.image_hash = new.value ->> 1
WHERE a.matched_by <> 'near' AND c.model_used = :operator AND gone.model_used <> :operator
""",
)
JOINED = AnswerDeletion.of(_JOINED)

# After the aliases are written, which then are names of a name.
MOVE_TO_CORRECTED = Sql(
    mysql="""
UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (
  name VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]'
)) AS new
STRAIGHT_JOIN image_alias AS a FORCE INDEX (PRIMARY) ON a.name = new.name
STRAIGHT_JOIN image_alias AS b FORCE INDEX (PRIMARY) ON b.name = a.image_hash
STRAIGHT_JOIN image_classification_cache AS c FORCE INDEX (uk_image_hash) ON c.image_hash = b.image_hash
LEFT JOIN image_classification_cache AS own FORCE INDEX (uk_image_hash) ON own.image_hash = b.name
SET a.image_hash = b.image_hash
WHERE b.matched_by <> 'near' AND c.model_used = :operator AND own.id IS NULL
""",
    sqlite="""
UPDATE image_alias AS a
SET image_hash = b.image_hash
FROM json_each(:rows) AS new
CROSS JOIN image_alias AS target ON target.name = new.value ->> 0
CROSS JOIN image_alias AS b ON b.name = target.image_hash
CROSS JOIN image_classification_cache AS c ON c.image_hash = b.image_hash
LEFT JOIN image_classification_cache AS own ON own.image_hash = b.name
WHERE a.name = target.name AND b.matched_by <> 'near' AND c.model_used = :operator AND own.id IS NULL
""",
)
