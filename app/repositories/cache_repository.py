"""Reads of the table of classified images. SQL only."""

from dataclasses import dataclass

from app.database import Database, Params, Sql
from app.models.domain import LOCAL_MODEL, Category, Classification

# In one query and not two: whether the offline classifier's rows count is a parameter.
_SELECT_RESULT = Sql.same("""
SELECT category, confidence, description
FROM image_classification_cache
WHERE image_hash = :image_hash AND (model_used <> :local OR :serve_local = 1)
""")


@dataclass(frozen=True, slots=True)
class CacheRepository:
    """Looks up classified images by the SHA-256 of their bytes."""

    database: Database

    async def fetch_one(self, image_hash: str, *, include_local: bool) -> Classification | None:
        """Return what is known of an image. `include_local` admits the offline classifier's guesses."""
        params: Params = {"image_hash": image_hash, "local": LOCAL_MODEL, "serve_local": int(include_local)}
        rows = await self.database.fetch_all(_SELECT_RESULT, params)
        if not rows:
            return None
        category, confidence, description = rows[0]
        return Classification(Category(category), float(confidence), description)
