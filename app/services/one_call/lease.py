"""Leases: each lets one process at a time do something, of all that share the database, on any machine."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeVar

from app.errors import DatabaseUnavailable
from app.observe.metrics import Metrics
from app.repositories.lease_repository import LeaseRepository
from app.utils.keep_doing import keep_doing

LEASE_SECONDS = 10
"""How long after its holder's death a lease is free again."""

_RENEW_SECONDS = 3.0
_LOOK_SECONDS = 0.1
_LOOKS_PER_CLAIM = 10

T = TypeVar("T")


class Claim(Enum):
    """What came of asking for a lease."""

    OURS = auto()
    TAKEN = auto()
    NOBODY_KNOWS = auto()
    """The database is away."""


@dataclass(frozen=True, slots=True)
class Lease:
    """One name, and this holder's wish to have it. No connection is held meanwhile, but a row of the database is."""

    repository: LeaseRepository
    name: str
    seconds: int
    owner: str = field(default_factory=lambda: secrets.token_hex(16))

    async def claim(self) -> Claim:
        """Take the lease if it is free or has ended; renew it if it is ours."""
        try:
            ours = await self.repository.claim(self.name, self.owner, self.seconds)
        except DatabaseUnavailable:
            return Claim.NOBODY_KNOWS
        return Claim.OURS if ours else Claim.TAKEN

    async def release(self) -> None:
        """Give the lease up. While the database is away it ends by itself."""
        with suppress(DatabaseUnavailable):
            await self.repository.release([self.name], self.owner)


@dataclass(frozen=True, slots=True)
class Leases:
    """Gives leases out, and renews them for as long as their holders live."""

    repository: LeaseRepository
    metrics: Metrics
    seconds: int = LEASE_SECONDS
    renew_seconds: float = _RENEW_SECONDS
    look_seconds: float = _LOOK_SECONDS

    @asynccontextmanager
    async def hold(self, name: str, found: Callable[[], Awaitable[T | None]]) -> AsyncIterator[T | None]:
        """Wait for a lease and hold it for the time of the block, or wait for what its present holder is working on.

        Yields None when the lease is ours, or what `found` returned: it is asked again and again while another holds
        the lease. Yields None as well while the database is away. How long to wait is the caller's to bound.
        """
        lease = Lease(self.repository, name, self.seconds)
        claim = await lease.claim()
        if claim is Claim.TAKEN:
            self.metrics.lease_waits.add()
        while claim is Claim.TAKEN:
            result = await self._watch(found)
            if result is not None:
                yield result
                return
            claim = await lease.claim()
        if claim is Claim.NOBODY_KNOWS:
            yield None
            return
        ended = asyncio.Event()
        renewing = asyncio.create_task(keep_doing(lease.claim, lambda: self.renew_seconds, "renewing a lease", ended))
        try:
            yield None
        finally:
            # Not cancelled: a claim whose packet is on its way could be carried out after the release.
            ended.set()
            await asyncio.wait([renewing])
            await lease.release()

    async def _watch(self, found: Callable[[], Awaitable[T | None]]) -> T | None:
        """Ask again and again for about a second."""
        with suppress(DatabaseUnavailable):  # whether it is only slow, the next claim finds out
            for _ in range(_LOOKS_PER_CLAIM):
                result = await found()
                if result is not None:
                    return result
                await asyncio.sleep(self.look_seconds)
        return None
