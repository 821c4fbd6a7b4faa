"""Answers that processes share in Redis, in front of the database: a second place to look, and never the truth.

What is found there is checked against the changes that this process knows of (`known_changes`), so that whatever
becomes of Redis, no answer that an operator has changed comes back. A miss is always asked of the database.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from app.models.domain import KnownAnswer
from app.observe.metrics import Metrics
from app.services.cache.errors import RedisAway
from app.services.cache.known_changes import KnownChanges, Stamp
from app.services.cache.lookups import Fetch
from app.services.cache.shared_values import FORMAT, decode, encode
from app.services.cache.tiers import in_front_of

_MOST_AT_ONCE = 512
MOST_WAITING = 4096
"""Answers that wait to be written to Redis. Those beyond are not: the next who asks for them writes them."""


class Store(Protocol):
    """Values by their keys, with an end. Both methods raise `RedisAway` within a short time."""

    @property
    def is_away(self) -> bool:
        """Whether it is not asked anything at the moment."""
        ...

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the value of each key, None where there is none."""
        ...

    async def set_many(self, values: Mapping[str, bytes], ttl_seconds: int) -> None:
        """Keep values for so long, each by its key."""
        ...


class SharedAnswers:
    """Answers in Redis, kept by each of their names for `ttl_seconds`. Who reads one from the database writes it."""

    def __init__(self, store: Store, changes: KnownChanges, *, prefix: str, ttl_seconds: int, metrics: Metrics) -> None:
        self._store = store
        self._changes = changes
        self._prefix = f"{prefix}{FORMAT}:"
        self._ttl_seconds = ttl_seconds
        self._metrics = metrics
        self._waiting: dict[str, bytes] = {}
        self._writing: asyncio.Task[None] | None = None

    def in_front_of(self, fetch: Fetch) -> Fetch:
        """Return a look-up that asks Redis first, and `fetch` by the names that are not there."""
        return in_front_of(fetch, self._changes, self._read, self._keep)

    async def close(self) -> None:
        """Write nothing more."""
        self._waiting.clear()
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait([self._writing])

    async def _read(self, names: Sequence[str]) -> dict[str, KnownAnswer]:
        """Return what Redis has of these names that still holds, as far as is known."""
        if self._store.is_away:
            self._count("bypassed", len(names))
            return {}
        try:
            values = await self._store.get_many([self._prefix + name for name in names])
        except RedisAway:
            self._count("bypassed", len(names))
            return {}
        found = {}
        outdated = damaged = 0
        for name, value in zip(names, values, strict=True):
            if value is None:
                continue
            kept = decode(name, value)
            if kept is None:
                damaged += 1
            elif self._changes.hold(kept[0], kept[1].image_hash):
                found[name] = kept[1]
            else:
                outdated += 1
        self._count("hit", len(found))
        self._count("outdated", outdated)
        self._count("damaged", damaged)
        self._count("miss", len(names) - len(found) - outdated - damaged)
        return found

    def _count(self, result: str, amount: int) -> None:
        if amount:
            self._metrics.redis_lookups.add(result, amount=amount)

    def _keep(self, read: Mapping[str, KnownAnswer], stamp: Stamp) -> None:
        """Write to Redis what was read from the database, as of this stamp or later. Nobody waits for it."""
        if self._store.is_away:
            return
        for name, known in read.items():
            if len(self._waiting) >= MOST_WAITING:
                break
            if value := encode(name, known, stamp):
                self._waiting[self._prefix + name] = value
        if self._waiting and self._writing is None:
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[:_MOST_AT_ONCE]
                await self._store.set_many({key: self._waiting.pop(key) for key in keys}, self._ttl_seconds)
        except RedisAway:
            self._waiting.clear()  # the next who reads them from the database tries again
        finally:
            self._writing = None
