"""Opens what a process has of Redis, where there is one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

from app.observe.metrics import Metrics
from app.services.cache.change_bus import ChangeBus
from app.services.cache.known_changes import KnownChanges
from app.services.cache.shared import SharedAnswers


class RedisSettings(Protocol):
    """What is needed of the settings."""

    @property
    def redis_url(self) -> SecretStr | None: ...

    @property
    def redis_timeout_seconds(self) -> float: ...

    @property
    def redis_ttl_seconds(self) -> int: ...

    @property
    def redis_prefix(self) -> str: ...


@dataclass(frozen=True, slots=True)
class SharedCache:
    """What processes share beside the database."""

    answers: SharedAnswers
    bus: ChangeBus
    is_away: Callable[[], bool]
    """Whether Redis is not asked at the moment."""


@asynccontextmanager
async def open_shared_cache(
    settings: RedisSettings, known: KnownChanges, metrics: Metrics
) -> AsyncIterator[SharedCache | None]:
    """Connect to Redis in the background, if there is one. One that is away fails nothing."""
    if settings.redis_url is None:
        metrics.redis_bypassed.watch(lambda: 0)
        yield None
        return
    from app.services.cache.redis_link import RedisLink  # here for its import: 11 MB, and a third of a second

    link = RedisLink(settings.redis_url.get_secret_value(), settings.redis_timeout_seconds, metrics)
    metrics.redis_bypassed.watch(lambda: int(link.is_away))
    answers = SharedAnswers(
        link, known, prefix=settings.redis_prefix, ttl_seconds=settings.redis_ttl_seconds, metrics=metrics
    )
    await link.probe()
    trying = asyncio.create_task(link.run_forever())
    try:
        yield SharedCache(answers, ChangeBus(link, f"{settings.redis_prefix}changes"), lambda: link.is_away)
    finally:
        trying.cancel()
        await asyncio.wait([trying])
        await answers.close()
        await link.close()
