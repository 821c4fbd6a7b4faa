"""The statements that delete answers with all that leads to them. SQL only."""

import json
from collections.abc import Sequence

from app.database import Row, Sql, Statement
from app.repositories.answer_deletion import AnswerDeletion
from app.repositories.name_rows import slots_of

SELECT_FINGERPRINTS = Sql(
    mysql="""
SELECT f.id, LOWER(HEX(f.pdq))
FROM JSON_TABLE(:hashes, '$[*]' COLUMNS (
  image_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
)) AS gone
STRAIGHT_JOIN image_fingerprint AS f FORCE INDEX (uk_image_hash) ON f.image_hash = gone.image_hash
""",
    sqlite="SELECT id, pdq FROM image_fingerprint WHERE image_hash IN (SELECT value FROM json_each(:hashes))",
)
"""Takes keys of answers as `:hashes`; its rows are what `removal_of` needs: a slot is found by its value alone."""

_DELETE_SLOTS = Sql(
    mysql="""
DELETE s
FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  slot TINYINT UNSIGNED PATH '$[0]',
  value SMALLINT UNSIGNED PATH '$[1]',
  fingerprint_id INT UNSIGNED PATH '$[2]'
)) AS gone
STRAIGHT_JOIN fingerprint_slot AS s FORCE INDEX (PRIMARY)
  ON s.slot = gone.slot AND s.value = gone.value AND s.fingerprint_id = gone.fingerprint_id
""",
    sqlite="""
DELETE FROM fingerprint_slot
WHERE (slot, value, fingerprint_id) IN (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(:rows))
""",
)

_DELETE_FINGERPRINTS = Sql(
    mysql="""
DELETE f
FROM JSON_TABLE(:hashes, '$[*]' COLUMNS (
  image_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
)) AS gone
STRAIGHT_JOIN image_fingerprint AS f FORCE INDEX (uk_image_hash) ON f.image_hash = gone.image_hash
""",
    sqlite="DELETE FROM image_fingerprint WHERE image_hash IN (SELECT value FROM json_each(:hashes))",
)

_DELETE_ALIASES = Sql(
    mysql="""
DELETE a
FROM JSON_TABLE(:hashes, '$[*]' COLUMNS (
  image_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
)) AS gone
STRAIGHT_JOIN image_alias AS a FORCE INDEX (idx_image_hash) ON a.image_hash = gone.image_hash
""",
    sqlite="DELETE FROM image_alias WHERE image_hash IN (SELECT value FROM json_each(:hashes))",
)

_ANSWERS = AnswerDeletion.of(
    Sql(
        mysql="""
FROM JSON_TABLE(:hashes, '$[*]' COLUMNS (
  image_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
)) AS unwanted
STRAIGHT_JOIN image_classification_cache AS gone FORCE INDEX (uk_image_hash) ON gone.image_hash = unwanted.image_hash
""",
        sqlite="""
FROM json_each(:hashes) AS unwanted
CROSS JOIN image_classification_cache AS gone ON gone.image_hash = unwanted.value
""",
    )
)


def removal_of(image_hashes: Sequence[str], fingerprints: Sequence[Row]) -> list[Statement]:
    """Return what deletes the answers of these keys; `fingerprints` are what `SELECT_FINGERPRINTS` found of them.

    For `commit_counted`.
    """
    hashes = {"hashes": json.dumps(sorted(image_hashes))}
    slots = sorted(
        (slot, value, identifier)
        for identifier, pdq in fingerprints
        for slot, value in enumerate(slots_of(bytes.fromhex(pdq)))
    )
    return [
        (_DELETE_SLOTS, {"rows": json.dumps(slots)}),
        (_DELETE_FINGERPRINTS, hashes),
        (_DELETE_ALIASES, hashes),
        *_ANSWERS.statements(hashes),
    ]
