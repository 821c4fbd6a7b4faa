"""Reads of the table of classified images. SQL only."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from loguru import logger

from app.database import Database, Params, Sql
from app.models.domain import LOCAL_MODEL, Classification
from app.repositories.categories import category_of

# One JSON value in and one out: rows are what the driver is slow at. Whether the offline classifier's rows count is a
# parameter. STRAIGHT_JOIN: the few that are asked for come first, whatever the optimizer thinks of their number.
_SELECT_RESULTS = Sql(
    mysql="""
SELECT JSON_OBJECTAGG(c.image_hash, JSON_ARRAY(c.category, c.confidence, c.description))
FROM JSON_TABLE(:hashes, '$[*]' COLUMNS (
  image_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
)) AS wanted
STRAIGHT_JOIN image_classification_cache AS c ON c.image_hash = wanted.image_hash
WHERE c.model_used <> :local OR :serve_local = 1
""",
    sqlite="""
SELECT json_group_object(image_hash, json_array(category, confidence, description))
FROM image_classification_cache
WHERE image_hash IN (SELECT value FROM json_each(:hashes)) AND (model_used <> :local OR :serve_local = 1)
""",
)

LOOKUP_SECONDS = 2.0
_MAX_REPORTED = 1000


@dataclass(frozen=True, slots=True)
class CacheRepository:
    """Looks up classified images by the SHA-256 of their bytes. `serve_local` admits the offline classifier's guesses,
    which otherwise are no hits. Rows whose category is none of ours are no hits either; the next answer replaces them.
    """

    database: Database
    serve_local: bool
    reported: set[str] = field(default_factory=set)
    """Images whose category is none of ours and that the log has been told of."""

    async def fetch_many(self, image_hashes: Sequence[str]) -> dict[str, Classification]:
        """Return what is known of these images. Raises `DatabaseUnavailable` within `LOOKUP_SECONDS`."""
        params: Params = {
            "hashes": json.dumps(image_hashes),
            "local": LOCAL_MODEL,
            "serve_local": int(self.serve_local),
        }
        ((found,),) = await self.database.fetch_all(_SELECT_RESULTS, params, timeout_seconds=LOOKUP_SECONDS)
        return dict(self._known(json.loads(found or "{}")))

    def _known(self, rows: dict[str, list[Any]]) -> Iterator[tuple[str, Classification]]:
        for image_hash, (text, confidence, description) in rows.items():
            category = category_of(text)
            if category is not None:
                yield image_hash, Classification(category, float(confidence), description)
            elif image_hash not in self.reported and len(self.reported) < _MAX_REPORTED:
                self.reported.add(image_hash)
                logger.error("a cached result has no such category", image_hash=image_hash)
