"""How much is remembered in front of the database."""

from pydantic import BaseModel, Field


class CacheSettings(BaseModel):
    """The cache in memory."""

    memory_cache_entries: int = Field(
        10_000,
        ge=0,
        le=10_000_000,
        description="Names of photos kept in memory, each with its answer, per process; about 1 KB each; 0: none",
    )
    memory_cache_ttl_seconds: float = Field(
        300, gt=0, le=86_400, description="Seconds until an answer in memory is read from the database again"
    )
