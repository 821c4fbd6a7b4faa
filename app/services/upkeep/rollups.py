"""Adds what transactions left in the outbox to the sums of the statistics, in one process at a time."""

import asyncio
import random
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol
from zoneinfo import ZoneInfo

from loguru import logger

from app.errors import DatabaseUnavailable, StatisticsNotBuilt
from app.observe.metrics import Metrics
from app.utils.keep_doing import keep_doing

LEASE = "stats:rollups"
_LEASE_SECONDS = 6
_RENEW_SECONDS = 2.0
_PAUSE_SECONDS = 0.4
_OTHERS_PAUSE_SECONDS = 3.0
_AWAY_PAUSE_SECONDS = 10.0
_MEASURE_SECONDS = 10.0


class RollupState(Protocol):
    """What the sums are of."""

    def check(self, zone: ZoneInfo | None = None) -> None:
        """Return if the sums can be told by the days of `zone`. Raises `StatisticsNotBuilt`."""
        ...


class AppliedPiece(Protocol):
    """What became of a piece of the outbox."""

    @property
    def rows(self) -> int:
        """How many rows it had; 0: nothing was done."""
        ...

    @property
    def rejected(self) -> str | None:
        """Why its one row could not be added. It has been taken out, and the sums wait for a rebuild."""
        ...

    @property
    def leaves_more(self) -> bool:
        """Whether there was more in the outbox than it took, or may have been."""
        ...


class Rollups(Protocol):
    """The outbox and the sums. Every method raises `DatabaseUnavailable`."""

    async def fetch_state(self) -> RollupState:
        """Return what the sums are of."""
        ...

    async def is_waiting(self) -> bool:
        """Whether there is something in the outbox."""
        ...

    async def measure_outbox(self) -> int:
        """Return how many rows are in the outbox, or a few more."""
        ...

    async def apply_piece(self, zone: ZoneInfo) -> AppliedPiece:
        """Add a piece of the outbox to the sums and take it out."""
        ...


class RollupLeases(Protocol):
    """What lets one process at a time add. The sums are right without; with it nothing is worked out in vain."""

    async def claim(self, name: str, owner: str, seconds: int) -> bool:
        """Whether the lease is `owner`'s from now on, for `seconds`."""
        ...

    async def is_held(self, names: Sequence[str]) -> bool:
        """Whether anybody holds one of these leases."""
        ...

    async def release(self, names: Sequence[str], owner: str) -> None:
        """Give up those of these leases that are still `owner`'s."""
        ...


@dataclass(slots=True)
class RollupUpkeep:
    """Empties the outbox every few hundred milliseconds, while there is something in it."""

    rollups: Rollups
    leases: RollupLeases
    zone: ZoneInfo
    metrics: Metrics
    owner: str = field(default_factory=lambda: secrets.token_hex(16))
    pause_seconds: float = 0.0
    """How long nothing is done now."""
    waiting: int = 0
    """How many changes were in the outbox when it was last looked at."""
    _renew_at: float = 0.0
    _measure_at: float = 0.0

    async def run_forever(self) -> None:
        """Say once if the statistics cannot be told; then add what waits, again and again."""
        with suppress(DatabaseUnavailable):  # the health check says so
            await self.report()
        try:
            await keep_doing(self.apply_waiting, lambda: self.pause_seconds, "adding to the statistics")
        finally:
            with suppress(DatabaseUnavailable):  # then the lease ends by itself
                await self.leases.release([LEASE], self.owner)

    async def report(self) -> None:
        """Log whether the statistics wait for a command."""
        try:
            (await self.rollups.fetch_state()).check(self.zone)
        except StatisticsNotBuilt as error:
            logger.warning("the statistics wait for python -m app.cli rebuild", detail=error.detail)

    async def apply_waiting(self) -> int:
        """Add all that waits, unless another process does; return how many rows of the outbox that were.

        What comes meanwhile is left for the next time: on a busy server there is always something, and each piece costs
        four statements, however little is in it.
        """
        self.pause_seconds = _AWAY_PAUSE_SECONDS  # unless all goes well: each failure is a line of the log
        applied = 0
        while await self._is_waiting():
            if not await self._holds_lease():
                self.pause_seconds = random.uniform(1, _OTHERS_PAUSE_SECONDS)  # noqa: S311  # nosec B311  # spreads load
                return applied
            piece = await self.rollups.apply_piece(self.zone)
            if piece.rejected:
                self.metrics.outbox_rejected.add()
                logger.error(
                    "the statistics wait for python -m app.cli rebuild: what changed cannot be added",
                    detail=piece.rejected,
                )
            applied += piece.rows
            if not (piece.rows and piece.leaves_more):
                break
        self.pause_seconds = _PAUSE_SECONDS
        return applied

    async def _is_waiting(self) -> bool:
        """Whether something waits; now and then, how much: each process looks, so that it is seen where none adds."""
        now = asyncio.get_running_loop().time()
        if now >= self._measure_at:
            self._measure_at = now + _MEASURE_SECONDS
            self.waiting = await self.rollups.measure_outbox()
        return await self.rollups.is_waiting()

    async def _holds_lease(self) -> bool:
        now = asyncio.get_running_loop().time()
        if now < self._renew_at:
            return True
        was_ours = self._renew_at > 0
        if not was_ours and await self.leases.is_held([LEASE]):  # which costs less than to claim in vain
            return False
        ours = await self.leases.claim(LEASE, self.owner, _LEASE_SECONDS)
        self._renew_at = now + _RENEW_SECONDS if ours else 0.0
        return ours
