"""Images that a model has refused: not asked about again for a while, never a category. SQL only.

Refusals are written with the records of their request (`record_statements`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.database import Database, Params, Sql, to_sql_time

_SELECT_REFUSED = Sql(
    mysql="""
SELECT 1
FROM JSON_TABLE(:names, '$[*]' COLUMNS (
  name VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
)) AS wanted
STRAIGHT_JOIN classification_refusal AS r FORCE INDEX (PRIMARY) ON r.image_hash = wanted.name
WHERE r.expires_at > :now
LIMIT 1
""",
    sqlite="""
SELECT 1
FROM classification_refusal
WHERE image_hash IN (SELECT value FROM json_each(:names)) AND expires_at > :now
LIMIT 1
""",
)


@dataclass(frozen=True, slots=True)
class RefusalRepository:
    """Knows which images a model has refused."""

    database: Database

    async def is_refused(self, names: Sequence[str], now: datetime) -> bool:
        """Whether a model has refused the image that has these names, and is not to be asked about it yet.

        Raises `DatabaseUnavailable`.
        """
        params: Params = {"names": json.dumps(names), "now": to_sql_time(now)}
        return bool(await self.database.fetch_all(_SELECT_REFUSED, params))
