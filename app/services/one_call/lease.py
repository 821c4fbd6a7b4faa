"""Whose turn it is to ask about an image, among processes and machines: a lease in the database."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from app.errors import DatabaseUnavailable
from app.models.domain import Classification
from app.observe.metrics import Metrics
from app.repositories.lease_repository import LeaseRepository

LEASE_SECONDS = 10
"""How long after its holder's death a turn is free again."""

_RENEW_SECONDS = 3.0
_LOOK_SECONDS = 0.1
_LOOKS_PER_CLAIM = 10

Lookup = Callable[[str], Awaitable[Classification | None]]


@dataclass(frozen=True, slots=True)
class Leases:
    """Gives out turns. No connection is held during a turn: a row is, renewed for as long as the holder lives.

    While the database is away everybody has a turn: better to pay twice than not to answer.
    """

    leases: LeaseRepository
    lookup: Lookup
    metrics: Metrics
    lease_seconds: int = LEASE_SECONDS
    renew_seconds: float = _RENEW_SECONDS

    @asynccontextmanager
    async def take(self, image_hash: str) -> AsyncIterator[Classification | None]:
        """Wait for our turn, and hold it for the time of the block.

        Yields None when it is ours to ask; or the answer, if another has given it while we waited. How long to wait is
        the caller's to bound.
        """
        owner = secrets.token_hex(16)
        leased = await self._claim(image_hash, owner)
        if leased is False:
            self.metrics.lease_waits.add()
        while leased is False:
            found = None
            with suppress(DatabaseUnavailable):  # whether it is only slow, the claim finds out
                found = await self._watch(image_hash)
            if found is not None:
                yield found
                return
            leased = await self._claim(image_hash, owner)
        renewing = asyncio.create_task(self._renew_forever(image_hash, owner)) if leased else None
        try:
            # Whoever had the turn before us may have answered after we had looked.
            yield await self._look(image_hash)
        finally:
            if renewing is not None:
                renewing.cancel()
                await asyncio.wait([renewing])
                with suppress(DatabaseUnavailable):  # then it ends by itself
                    await self.leases.release(name_of(image_hash), owner)

    async def _claim(self, image_hash: str, owner: str) -> bool | None:
        """Whether the turn is ours; None where nobody can tell."""
        try:
            return await self.leases.claim(name_of(image_hash), owner, self.lease_seconds)
        except DatabaseUnavailable:
            return None

    async def _watch(self, image_hash: str) -> Classification | None:
        """Wait for the answer of whoever's turn it is, for about a second."""
        for _ in range(_LOOKS_PER_CLAIM):
            found = await self.lookup(image_hash)
            if found is not None:
                return found
            await asyncio.sleep(_LOOK_SECONDS)
        return None

    async def _look(self, image_hash: str) -> Classification | None:
        with suppress(DatabaseUnavailable):
            return await self.lookup(image_hash)
        return None

    async def _renew_forever(self, image_hash: str, owner: str) -> None:
        while True:
            await asyncio.sleep(self.renew_seconds)
            await self._claim(image_hash, owner)


def name_of(image_hash: str) -> str:
    """Return the name of the lease on a photo."""
    return f"photo:{image_hash}"
