"""The shared cache: what is already known of an image."""

from dataclasses import dataclass

from app.models.domain import Classification
from app.repositories.cache_repository import CacheRepository


@dataclass(frozen=True, slots=True)
class CacheService:
    """Looks images up. Nothing is written here: answers and hits are recorded together, by the `Recorder`.

    `serve_local` is set while the offline classifier is the provider; otherwise its guesses are no hits, and the
    model's answer replaces them.
    """

    repository: CacheRepository
    serve_local: bool

    async def lookup(self, image_hash: str) -> Classification | None:
        """Return the classification of the image with this SHA-256 (lower-case hex), or None if it is not known."""
        return await self.repository.fetch_one(image_hash, include_local=self.serve_local)
