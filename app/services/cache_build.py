"""Builds the tiers of the cache."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from app.models.domain import KnownAnswer
from app.observe.metrics import Metrics
from app.services.cache.build import SharedCache
from app.services.cache.known_changes import KnownChanges
from app.services.cache.lookups import BatchedLookups, Fetch, Lookups
from app.services.cache.memory import MemoryCache
from app.services.cache.replica_lookups import ReplicaAnswers, ReplicaLookups
from app.services.cache.tiers import in_front_of
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


class Answers(Protocol):
    """The table of answers. Raises `DatabaseUnavailable`."""

    async def fetch_many(self, names: Sequence[str]) -> Mapping[str, KnownAnswer]:
        """Return what is known by these names."""
        ...


@dataclass(frozen=True, slots=True)
class Caches:
    """The cache for those who pay for what it does not know, and for those who only ask: one memory, and where there
    are replicas other look-ups behind it."""

    paying: CacheService
    asking: CacheService


def build_caches(
    settings: CacheSettings,
    answers: Answers,
    replica: ReplicaAnswers | None,
    serves_near: Callable[[], Awaitable[bool]],
    known: KnownChanges,
    shared: SharedCache | None,
    trace: Callable[[Lookups], Lookups],
    spools: Callable[[], bool],
    metrics: Metrics,
) -> Caches:
    """Build the tiers: memory, then batched lookups, in Redis if there is one, in a replica if there is one and nobody
    pays for what it has not got, and in the database.

    `spools` says whether answers of this process wait to be written to it."""
    # Whatever was under way has ended by then.
    doubt_seconds = _DOUBT_SECONDS + settings.llm_timeout + settings.deferred_seconds
    memory = MemoryCache(settings.memory_entries, settings.memory_cache_ttl_seconds, doubt_seconds=doubt_seconds)
    metrics.remembered.watch(lambda: len(memory))
    through_redis = shared.answers.in_front_of if shared is not None else _as_it_is
    if settings.provider == "local":  # beside a model its answers are to be seen at once
        through_redis, replica = _as_it_is, None
    fetch: Fetch = answers.fetch_many

    def batched(read: Fetch) -> Lookups:
        return trace(BatchedLookups(through_redis(read), metrics=metrics))

    paying = CacheService(memory, batched(fetch), serves_near, metrics, spools)
    if replica is None:
        return Caches(paying, paying)
    by_replica = in_front_of(fetch, known, ReplicaLookups(replica, known, metrics).read)
    return Caches(paying, replace(paying, lookups=batched(by_replica)))


def _as_it_is(fetch: Fetch) -> Fetch:
    return fetch
