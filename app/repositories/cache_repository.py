"""Reads of the table of classified images, by any name of theirs. SQL only."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from loguru import logger

from app.database import Params, Reader, Sql
from app.models.domain import EARLIER_LOCAL_MODEL, LOCAL_MODEL, Category, Classification, KnownAnswer
from app.models.identity import MatchedBy
from app.repositories.categories import category_of, matched_by_of

# One JSON value in and one out: rows are what the driver is slow at. Rows of the embedded network, and of what was
# before it, may be passed over. Outer joins keep the order: the few names that are asked for come first. An alias is
# looked up only for those that are no row's own: NULL is equal to nothing, and MySQL does not look for it. FORCE INDEX:
# of a table that has grown since MySQL counted its rows it would read all.
_SELECT_ANSWERS = Sql(
    mysql="""
SELECT JSON_OBJECTAGG(wanted.name, IF(
  own.id IS NOT NULL,
  JSON_ARRAY(own.category, own.confidence, own.description, own.image_size),
  JSON_ARRAY(
    c.category, c.confidence, IF(a.matched_by = 'near', NULL, c.description), c.image_size, a.matched_by, c.image_hash
  )
))
FROM JSON_TABLE(:names, '$[*]' COLUMNS (
  name VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
)) AS wanted
LEFT JOIN image_classification_cache AS own FORCE INDEX (uk_image_hash)
  ON own.image_hash = wanted.name AND own.model_used <> :earlier_local
  AND (own.model_used <> :local OR (own.confidence >= :local_from AND own.category <> :local_not))
LEFT JOIN image_alias AS a FORCE INDEX (PRIMARY) ON a.name = IF(own.id IS NULL, wanted.name, NULL)
LEFT JOIN image_classification_cache AS c FORCE INDEX (uk_image_hash)
  ON c.image_hash = a.image_hash AND c.model_used <> :earlier_local
  AND (c.model_used <> :local OR (c.confidence >= :local_from AND c.category <> :local_not))
WHERE own.id IS NOT NULL OR c.id IS NOT NULL
""",
    sqlite="""
SELECT json_group_object(wanted.value, json(iif(
  own.id IS NOT NULL,
  json_array(own.category, own.confidence, own.description, own.image_size),
  json_array(
    c.category, c.confidence, iif(a.matched_by = 'near', NULL, c.description), c.image_size, a.matched_by, c.image_hash
  )
)))
FROM json_each(:names) AS wanted
LEFT JOIN image_classification_cache AS own
  ON own.image_hash = wanted.value AND own.model_used <> :earlier_local
  AND (own.model_used <> :local OR (own.confidence >= :local_from AND own.category <> :local_not))
LEFT JOIN image_alias AS a ON a.name = iif(own.id IS NULL, wanted.value, NULL)
LEFT JOIN image_classification_cache AS c
  ON c.image_hash = a.image_hash AND c.model_used <> :earlier_local
  AND (c.model_used <> :local OR (c.confidence >= :local_from AND c.category <> :local_not))
WHERE own.id IS NOT NULL OR c.id IS NOT NULL
""",
)

# The same with one more column. A statement sees one moment, whatever is written meanwhile.
_NUMBER = ", (SELECT number FROM change_counter WHERE topic = 'answers')"
_SELECT_ANSWERS_AS_OF = Sql(
    mysql=_SELECT_ANSWERS.mysql.replace("\nFROM JSON_TABLE", f"{_NUMBER}\nFROM JSON_TABLE", 1),
    sqlite=_SELECT_ANSWERS.sqlite.replace("\nFROM json_each", f"{_NUMBER}\nFROM json_each", 1),
)

LOOKUP_SECONDS = 2.0
REPLICA_SECONDS = 0.3
"""What a look-up has for a replica, before the primary is asked."""

_NEVER = 2
"""A confidence that no answer has."""

_MAX_REPORTED = 1000


@dataclass(frozen=True, slots=True)
class CacheRepository:
    """Looks answers up by any of their names: the SHA-256 of the photo that was paid for, or one of `image_alias`.

    A row's own name comes before an alias. `local_from` is the confidence from which the embedded network's answers are
    served: 0 where it is the provider, None where they are no hits at all. Where it is asked first, those that say
    `other` are none either. Answers of the colour rules before it never are. Nor are rows whose category is none of
    ours, which the next answer replaces, and aliases of a kind that a later version may have written.
    """

    database: Reader
    local_from: float | None
    reported: set[str] = field(default_factory=set)
    """Names of images whose category is none of ours and that the log has been told of."""

    async def fetch_many(self, names: Sequence[str]) -> dict[str, KnownAnswer]:
        """Return what is known by these names. Raises `DatabaseUnavailable` within `LOOKUP_SECONDS`."""
        params = self._params(names)
        ((found,),) = await self.database.fetch_all(_SELECT_ANSWERS, params, timeout_seconds=LOOKUP_SECONDS)
        return dict(self._known(json.loads(found or "{}")))

    async def fetch_as_of(self, names: Sequence[str]) -> tuple[int, dict[str, KnownAnswer]]:
        """Return what is known by these names, and the number of the last change of answers, as of the same moment.

        Raises `DatabaseUnavailable` within `REPLICA_SECONDS`.
        """
        params = self._params(names)
        rows = await self.database.fetch_all(_SELECT_ANSWERS_AS_OF, params, timeout_seconds=REPLICA_SECONDS)
        ((found, number),) = rows
        return int(number or 0), dict(self._known(json.loads(found or "{}")))

    def _params(self, names: Sequence[str]) -> Params:
        return {
            "names": json.dumps(names),
            "earlier_local": EARLIER_LOCAL_MODEL,
            "local": LOCAL_MODEL,
            "local_from": _NEVER if self.local_from is None else self.local_from,
            "local_not": Category.OTHER if self.local_from else "",
        }

    def _known(self, rows: dict[str, list[Any]]) -> Iterator[tuple[str, KnownAnswer]]:
        for name, row in rows.items():
            text, confidence, description, image_size = row[:4]
            category = category_of(text)
            if category is None:
                self._report(name)
                continue
            answer = Classification(category, float(confidence), description)
            if len(row) == 4:
                yield name, KnownAnswer(answer, name, MatchedBy.BYTES, image_size)
            elif matched_by := matched_by_of(row[4]):
                yield name, KnownAnswer(answer, row[5], matched_by, image_size)

    def _report(self, name: str) -> None:
        if name not in self.reported and len(self.reported) < _MAX_REPORTED:
            self.reported.add(name)
            logger.error("a cached result has no such category", image_hash=name)
