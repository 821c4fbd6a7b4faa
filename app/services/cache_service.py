"""The shared cache: what is already known of a photo, in memory first, then in the database."""

from dataclasses import dataclass

from app.errors import DatabaseUnavailable
from app.models.domain import Classification
from app.observe.metrics import Metrics
from app.services.cache.lookups import BatchedLookups
from app.services.cache.memory import MemoryCache


@dataclass(frozen=True, slots=True)
class CacheService:
    """Looks photos up. Answers and hits are written elsewhere, together, by the `Recorder`."""

    memory: MemoryCache
    lookups: BatchedLookups
    metrics: Metrics

    async def lookup(self, image_hash: str) -> Classification | None:
        """Return the classification of the photo with this SHA-256 (lower-case hex), or None if it is not known.

        Raises `Overloaded`; `DatabaseUnavailable` if memory does not know the photo either.
        """
        found = self.memory.get(image_hash)
        self.metrics.cache_lookups.add("memory", "miss" if found is None else "hit")
        if found is not None:
            return found
        try:
            found = await self._find(image_hash)
        except DatabaseUnavailable:
            stale = self.memory.get_stale(image_hash)
            if stale is None:
                raise
            self.metrics.cache_lookups.add("memory", "stale")
            return stale
        self.metrics.cache_lookups.add("database", "miss" if found is None else "hit")
        return found

    async def lookup_uncounted(self, image_hash: str) -> Classification | None:
        """Look a photo up without counting it: for those who look again and again until the answer is there."""
        return self.memory.get(image_hash) or await self._find(image_hash)

    def remember(self, image_hash: str, classification: Classification) -> None:
        """Keep an answer in memory that has just been made durable."""
        self.memory.put(image_hash, classification)

    async def _find(self, image_hash: str) -> Classification | None:
        found = await self.lookups.find(image_hash)
        if found is None:
            self.memory.forget(image_hash)
        else:
            self.memory.put(image_hash, found)
        return found
