"""Builds the sums of the statistics anew, while no other process adds to them."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol
from zoneinfo import ZoneInfo

from app.errors import DatabaseUnavailable, RebuildDisturbed
from app.services.upkeep.rollups import LEASE, RollupLeases

_LEASE_SECONDS = 60
_RENEW_SECONDS = 10.0
_TRY_AGAIN_SECONDS = 0.5

Progress = Callable[[int, int], None]
"""Is told how many rows of how many have been counted."""


class Builder(Protocol):
    """Counts all rows that are on record."""

    async def build(self, zone: ZoneInfo, progress: Callable[[int, int], Awaitable[None]]) -> int:
        """Build the sums with the days of `zone`. Raises `DatabaseUnavailable`, `RebuildDisturbed`."""
        ...


@dataclass(slots=True)
class Rebuild:
    """One rebuild. It can be interrupted: the statistics then wait for the next one."""

    builder: Builder
    leases: RollupLeases
    zone: ZoneInfo
    owner: str = field(default_factory=lambda: secrets.token_hex(16))
    _renew_at: float = 0.0

    async def run(self, progress: Progress, *, wait_seconds: float) -> int:
        """Build the sums; return how many rows were counted.

        Raises `DatabaseUnavailable`, and `RebuildDisturbed` where another process holds the sums for longer than
        `wait_seconds`, or has changed them meanwhile.
        """
        try:
            async with asyncio.timeout(wait_seconds):
                while not await self._renew():  # noqa: ASYNC110  # another process is what is waited for
                    await asyncio.sleep(_TRY_AGAIN_SECONDS)
        except TimeoutError as error:
            raise RebuildDisturbed(detail="another process is at the statistics") from error

        async def go_on(done: int, total: int) -> None:
            progress(done, total)
            if asyncio.get_running_loop().time() >= self._renew_at and not await self._renew():
                raise RebuildDisturbed(detail="another process has begun, because this one was slow")

        try:
            return await self.builder.build(self.zone, go_on)
        finally:
            with suppress(DatabaseUnavailable):  # then the lease ends by itself
                await self.leases.release([LEASE], self.owner)

    async def _renew(self) -> bool:
        self._renew_at = asyncio.get_running_loop().time() + _RENEW_SECONDS
        return await self.leases.claim(LEASE, self.owner, _LEASE_SECONDS)
