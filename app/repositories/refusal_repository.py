"""Images that a model has refused: not asked about again for a while, never a category. SQL only.

Refusals are written with the records of their request (`record_statements`).
"""

from dataclasses import dataclass
from datetime import datetime

from app.database import Database, Params, Sql, to_sql_time

_SELECT_REFUSED = Sql.same("""
SELECT 1 FROM classification_refusal WHERE image_hash = :image_hash AND expires_at > :now
""")


@dataclass(frozen=True, slots=True)
class RefusalRepository:
    """Knows which images a model has refused."""

    database: Database

    async def is_refused(self, image_hash: str, now: datetime) -> bool:
        """Whether a model has refused this image and is not to be asked about it yet. Raises `DatabaseUnavailable`."""
        params: Params = {"image_hash": image_hash, "now": to_sql_time(now)}
        return bool(await self.database.fetch_all(_SELECT_REFUSED, params))
