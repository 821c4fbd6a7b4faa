"""How much is remembered in front of the database."""

from pydantic import BaseModel, Field

from app.services.cache.redis_address import RedisAddress


class CacheSettings(BaseModel):
    """The cache in memory, and the one that processes share in Redis."""

    memory_cache_entries: int = Field(
        10_000,
        ge=0,
        le=10_000_000,
        description="Names of photos kept in memory, each with its answer, per process; about 1 KB each; 0: none",
    )
    memory_cache_ttl_seconds: float = Field(
        300, gt=0, le=86_400, description="Seconds until an answer in memory is read from the database again"
    )
    redis_url: RedisAddress | None = Field(
        None,
        description="Redis in front of MySQL's look-ups, as `redis://user:password@host:6379/0`, `rediss://` for TLS; "
        "empty: none (docs/redis.md)",
    )
    redis_timeout_seconds: float = Field(
        0.05, ge=0.001, le=1, description="Seconds to wait for Redis before the database is asked in its place"
    )
    redis_ttl_seconds: int = Field(
        3600, ge=1, le=604_800, description="Seconds until an answer in Redis is read from the database again"
    )
