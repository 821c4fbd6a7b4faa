"""Answers to photos that look alike: found by the slots of their fingerprints. SQL only."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.database import Database, Params, Row, Sql
from app.models.domain import EARLIER_LOCAL_MODEL, LOCAL_MODEL
from app.models.near import MAX_NEIGHBOURS, Neighbour
from app.repositories.cache_repository import LOOKUP_SECONDS
from app.repositories.categories import category_of
from app.repositories.name_rows import slots_of

MAX_DISTANCE = 15
"""Bits up to which all are found: with 16 slots, at least one of them is equal."""

_MAX_ROWS_OF_SLOT = 1000
"""A slot's value that more photos have is passed over: it tells little, and the work of a look-up stays bounded."""

# MySQL counts the bits itself, so that few rows leave it; SQLite cannot, and gives all that share a slot. `slots` are
# the 16 values in order. STRAIGHT_JOIN: slots, then who has them, then what these look like; FORCE INDEX: whatever
# MySQL takes the tables for that have grown since it counted.
_SELECT_NEAR = Sql(
    mysql="""
SELECT f.image_hash, LOWER(HEX(f.pdq)), f.width, f.height, c.category, c.confidence, c.image_size
FROM (
  SELECT DISTINCT s.fingerprint_id
  FROM JSON_TABLE(:slots, '$[*]' COLUMNS (place FOR ORDINALITY, value SMALLINT UNSIGNED PATH '$')) AS wanted
  STRAIGHT_JOIN fingerprint_slot AS s FORCE INDEX (PRIMARY) ON s.slot = wanted.place - 1 AND s.value = wanted.value
  WHERE (
    SELECT COUNT(*) FROM (
      SELECT 1 FROM fingerprint_slot AS counted FORCE INDEX (PRIMARY)
      WHERE counted.slot = wanted.place - 1 AND counted.value = wanted.value
      LIMIT :row_limit
    ) AS first_ones
  ) < :row_limit
) AS candidate
STRAIGHT_JOIN image_fingerprint AS f FORCE INDEX (PRIMARY) ON f.id = candidate.fingerprint_id
STRAIGHT_JOIN image_classification_cache AS c FORCE INDEX (uk_image_hash) ON c.image_hash = f.image_hash
WHERE BIT_COUNT(f.pdq ^ UNHEX(:pdq)) <= :max_distance AND c.model_used NOT IN (:local, :earlier_local)
ORDER BY BIT_COUNT(f.pdq ^ UNHEX(:pdq)), f.id
LIMIT :limit
""",
    sqlite="""
SELECT f.image_hash, f.pdq, f.width, f.height, c.category, c.confidence, c.image_size
FROM (
  SELECT DISTINCT s.fingerprint_id
  FROM json_each(:slots) AS wanted
  CROSS JOIN fingerprint_slot AS s ON s.slot = wanted.key AND s.value = wanted.value
  WHERE (
    SELECT COUNT(*) FROM (
      SELECT 1 FROM fingerprint_slot AS counted
      WHERE counted.slot = wanted.key AND counted.value = wanted.value
      LIMIT :row_limit
    )
  ) < :row_limit
) AS candidate
CROSS JOIN image_fingerprint AS f ON f.id = candidate.fingerprint_id
CROSS JOIN image_classification_cache AS c ON c.image_hash = f.image_hash
WHERE c.model_used NOT IN (:local, :earlier_local)
ORDER BY f.id
""",
)


@dataclass(frozen=True, slots=True)
class NearRepository:
    """Finds answers by what their photos look like. Those that no model was asked for are none."""

    database: Database

    async def find(self, pdq: bytes, max_distance: int) -> list[Neighbour]:
        """Return the answers to photos within `max_distance` bits, at most `MAX_DISTANCE`, of this PDQ (32 bytes).

        The nearest come first, at most `MAX_NEIGHBOURS`. Raises `DatabaseUnavailable` within `LOOKUP_SECONDS`.
        """
        max_distance = min(max_distance, MAX_DISTANCE)
        params: Params = {
            "slots": json.dumps(slots_of(pdq)),
            "pdq": pdq.hex(),
            "max_distance": max_distance,
            "row_limit": _MAX_ROWS_OF_SLOT + 1,
            "local": LOCAL_MODEL,
            "earlier_local": EARLIER_LOCAL_MODEL,
            "limit": MAX_NEIGHBOURS,
        }
        rows = await self.database.fetch_all(_SELECT_NEAR, params, timeout_seconds=LOOKUP_SECONDS)
        near = (one for one in _neighbours(pdq, rows) if one.distance <= max_distance)
        return sorted(near, key=lambda one: one.distance)[:MAX_NEIGHBOURS]


def _neighbours(pdq: bytes, rows: Sequence[Row]) -> Iterator[Neighbour]:
    own = int.from_bytes(pdq)
    for image_hash, other, width, height, category, confidence, image_size in rows:
        distance = (own ^ int(other, 16)).bit_count()
        yield Neighbour(image_hash, distance, width, height, category_of(category), float(confidence), image_size)
