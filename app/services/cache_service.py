"""The shared cache: what is already known of an image."""

from dataclasses import dataclass

from app.models.domain import Classification
from app.services.batched_lookups import BatchedLookups
from app.services.memory_cache import MemoryCache


@dataclass(frozen=True, slots=True)
class CacheService:
    """Looks images up, in memory first. Answers and hits are written elsewhere, together, by the `Recorder`."""

    memory: MemoryCache
    lookups: BatchedLookups

    async def lookup(self, image_hash: str) -> Classification | None:
        """Return the classification of the image with this SHA-256 (lower-case hex), or None if it is not known.

        Raises `Overloaded`, `DatabaseUnavailable`.
        """
        found = self.memory.get(image_hash)
        if found is None:
            found = await self.lookups.fetch_one(image_hash)
            if found is not None:
                self.memory.put(image_hash, found)
        return found

    def remember(self, image_hash: str, classification: Classification) -> None:
        """Keep an answer in memory that has just been made durable."""
        self.memory.put(image_hash, classification)
