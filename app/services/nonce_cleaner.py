"""Deletes nonces that are worth nothing any more."""

import asyncio
import random
from dataclasses import dataclass
from datetime import timedelta

from loguru import logger

from app.errors import DatabaseUnavailable
from app.repositories.nonce_repository import NonceRepository
from app.utils.clock import Clock

_INTERVAL_SECONDS = 600.0
_SLICE_ROWS = 1000
_MARGIN = timedelta(minutes=5)
"""For the clock of another machine: it must not meet a signature that it still takes and we have forgotten."""


@dataclass(frozen=True, slots=True)
class NonceCleaner:
    """Keeps the table as small as its window. Every process may run it: deleting twice deletes nothing more."""

    nonces: NonceRepository
    clock: Clock

    async def run_forever(self) -> None:
        """Delete what has ended, every ten minutes, at moments that differ between processes."""
        while True:
            await asyncio.sleep(random.uniform(0, 2 * _INTERVAL_SECONDS))  # noqa: S311  # nosec B311  # spreads load
            try:
                await self.delete_expired()
            except DatabaseUnavailable as error:
                logger.warning("cleaning of nonces postponed", detail=error.detail)

    async def delete_expired(self) -> int:
        """Delete all that ended more than five minutes ago and return how many there were."""
        before = self.clock() - _MARGIN
        deleted = 0
        while slice_deleted := await self.nonces.delete_expired(before, slice_rows=_SLICE_ROWS):
            deleted += slice_deleted
        return deleted
