"""The shared cache: what is already known of an image."""

from dataclasses import dataclass

from app.models.domain import Classification
from app.observe.metrics import Metrics
from app.services.cache.lookups import BatchedLookups
from app.services.cache.memory import MemoryCache


@dataclass(frozen=True, slots=True)
class CacheService:
    """Looks images up, in memory first. Answers and hits are written elsewhere, together, by the `Recorder`."""

    memory: MemoryCache
    lookups: BatchedLookups
    metrics: Metrics

    async def lookup(self, image_hash: str) -> Classification | None:
        """Return the classification of the image with this SHA-256 (lower-case hex), or None if it is not known.

        Raises `Overloaded`, `DatabaseUnavailable`.
        """
        found = self.memory.get(image_hash)
        self.metrics.cache_lookups.add("memory", "miss" if found is None else "hit")
        if found is None:
            found = await self._fetch(image_hash)
            self.metrics.cache_lookups.add("database", "miss" if found is None else "hit")
        return found

    async def peek(self, image_hash: str) -> Classification | None:
        """The same, not counted: for those who look again and again until the answer is there."""
        return self.memory.get(image_hash) or await self._fetch(image_hash)

    def remember(self, image_hash: str, classification: Classification) -> None:
        """Keep an answer in memory that has just been made durable."""
        self.memory.put(image_hash, classification)

    async def _fetch(self, image_hash: str) -> Classification | None:
        found = await self.lookups.fetch_one(image_hash)
        if found is not None:
            self.memory.put(image_hash, found)
        return found
