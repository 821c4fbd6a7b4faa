"""The statements that write names of answers, what photos look like, and near matches tried. SQL only.

Each takes its rows as one JSON text; they are those of `name_rows`.
"""

from app.database import Sql

# The last word on a name counts, but what is only near replaces nothing exact. MySQL lets later assignments see earlier
# ones: what they all depend on is assigned last.
UPSERT_ALIASES = Sql(
    mysql="""
INSERT INTO image_alias (name, image_hash, matched_by, distance, created_at)
SELECT * FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  name VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]',
  image_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[1]',
  matched_by VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$[2]',
  distance TINYINT UNSIGNED PATH '$[3]',
  created_at DATETIME PATH '$[4]'
)) AS new
ON DUPLICATE KEY UPDATE
  image_hash = IF(new.matched_by = 'near' AND image_alias.matched_by <> 'near', image_alias.image_hash, new.image_hash),
  distance = IF(new.matched_by = 'near' AND image_alias.matched_by <> 'near', image_alias.distance, new.distance),
  created_at = IF(new.matched_by = 'near' AND image_alias.matched_by <> 'near', image_alias.created_at, new.created_at),
  matched_by = IF(new.matched_by = 'near' AND image_alias.matched_by <> 'near', image_alias.matched_by, new.matched_by)
""",
    sqlite="""
INSERT INTO image_alias (name, image_hash, matched_by, distance, created_at)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
FROM json_each(:rows)
WHERE true
ON CONFLICT (name) DO UPDATE SET
  image_hash = excluded.image_hash,
  matched_by = excluded.matched_by,
  distance = excluded.distance,
  created_at = excluded.created_at
WHERE excluded.matched_by <> 'near' OR image_alias.matched_by = 'near'
""",
)

# What a photo looks like is written once and then stays.
INSERT_FINGERPRINTS = Sql(
    mysql="""
INSERT INTO image_fingerprint (image_hash, pdq, quality, width, height, created_at)
SELECT new.image_hash, UNHEX(new.pdq), new.quality, new.width, new.height, new.created_at
FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  image_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]',
  pdq VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[1]',
  quality TINYINT UNSIGNED PATH '$[2]',
  width INT UNSIGNED PATH '$[3]',
  height INT UNSIGNED PATH '$[4]',
  created_at DATETIME PATH '$[5]'
)) AS new
ON DUPLICATE KEY UPDATE image_hash = image_fingerprint.image_hash
""",
    sqlite="""
INSERT INTO image_fingerprint (image_hash, pdq, quality, width, height, created_at)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
FROM json_each(:rows)
WHERE true
ON CONFLICT (image_hash) DO NOTHING
""",
)

# Takes the same rows, after INSERT_FINGERPRINTS. Only of fingerprints that are stored as the row has them: one that was
# there before, made by another version perhaps, keeps its own slots.
INSERT_SLOTS = Sql(
    mysql="""
INSERT INTO fingerprint_slot (slot, value, fingerprint_id)
SELECT new.place - 1, new.value, f.id
FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  image_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]',
  pdq VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[1]',
  NESTED PATH '$[6][*]' COLUMNS (place FOR ORDINALITY, value SMALLINT UNSIGNED PATH '$')
)) AS new
STRAIGHT_JOIN image_fingerprint AS f FORCE INDEX (uk_image_hash) ON f.image_hash = new.image_hash
WHERE new.value IS NOT NULL AND f.pdq = UNHEX(new.pdq)
ON DUPLICATE KEY UPDATE slot = fingerprint_slot.slot
""",
    sqlite="""
INSERT INTO fingerprint_slot (slot, value, fingerprint_id)
SELECT part.key, part.value, f.id
FROM json_each(:rows) AS new
CROSS JOIN json_each(new.value, '$[6]') AS part
CROSS JOIN image_fingerprint AS f ON f.image_hash = new.value ->> 0
WHERE f.pdq = new.value ->> 1
ON CONFLICT (slot, value, fingerprint_id) DO NOTHING
""",
)

INSERT_TRIALS = Sql(
    mysql="""
INSERT INTO near_trial
  (request_id, image_hash, neighbour_hash, distance, near_category, model_category, created_at)
SELECT * FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  request_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]',
  image_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[1]',
  neighbour_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[2]',
  distance TINYINT UNSIGNED PATH '$[3]',
  near_category VARCHAR(50) PATH '$[4]',
  model_category VARCHAR(50) PATH '$[5]',
  created_at DATETIME PATH '$[6]'
)) AS new
""",
    sqlite="""
INSERT INTO near_trial
  (request_id, image_hash, neighbour_hash, distance, near_category, model_category, created_at)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
FROM json_each(:rows)
""",
)
