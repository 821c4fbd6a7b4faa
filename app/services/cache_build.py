"""Builds the tiers of the cache."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from app.observe.metrics import Metrics
from app.services.cache.build import SharedCache
from app.services.cache.lookups import BatchedLookups, Fetch
from app.services.cache.memory import MemoryCache
from app.services.cache_service import CacheService

_DOUBT_SECONDS = 30.0


class CacheSettings(Protocol):
    """What is needed of the settings."""

    @property
    def provider(self) -> str: ...

    @property
    def memory_entries(self) -> int: ...

    @property
    def memory_cache_ttl_seconds(self) -> float: ...

    @property
    def llm_timeout(self) -> float: ...

    @property
    def deferred_seconds(self) -> float: ...


def build_cache(
    settings: CacheSettings,
    fetch: Fetch,
    serves_near: Callable[[], Awaitable[bool]],
    shared: SharedCache | None,
    metrics: Metrics,
) -> CacheService:
    """Build the tiers of the cache: memory, then batched lookups, in Redis if there is one, and in the database."""
    # Whatever was under way has ended by then.
    doubt_seconds = _DOUBT_SECONDS + settings.llm_timeout + settings.deferred_seconds
    memory = MemoryCache(settings.memory_entries, settings.memory_cache_ttl_seconds, doubt_seconds=doubt_seconds)
    metrics.remembered.watch(lambda: len(memory))
    if shared is not None and settings.provider != "local":  # beside a model its answers are to be seen at once
        fetch = shared.answers.in_front_of(fetch)
    return CacheService(memory, BatchedLookups(fetch, metrics=metrics), serves_near, metrics)
