"""Deletes rows that have been kept for long enough."""

import asyncio
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from loguru import logger

from app.errors import DatabaseUnavailable
from app.utils.clock import Clock

NONCE_MARGIN = timedelta(minutes=5)
"""How long a nonce is kept beyond its end: the clock of another machine must not meet a signature that it still takes
and we have forgotten."""

_SLICE_ROWS = 1000


class DeleteBefore(Protocol):
    """Deletes up to `slice_rows` of the oldest rows from before a moment; returns how many went."""

    async def __call__(self, moment: datetime, *, slice_rows: int) -> int: ...


@dataclass(frozen=True, slots=True)
class Retention:
    """Keeps rows of one table for a time. Every process may run it: deleting twice deletes nothing more."""

    rows: str
    """What they are, for the log."""

    delete_before: DeleteBefore
    keep: timedelta
    every: timedelta
    clock: Clock

    async def run_forever(self) -> None:
        """Delete what is too old, about as often as asked, at moments that differ between processes."""
        while True:
            pause = random.uniform(0, 2 * self.every.total_seconds())  # noqa: S311  # nosec B311  # spreads load
            await asyncio.sleep(pause)
            try:
                await self.delete_expired()
            except DatabaseUnavailable as error:
                logger.warning("deleting old rows postponed", rows=self.rows, detail=error.detail)

    async def delete_expired(self) -> int:
        """Delete all rows that are too old and return how many there were."""
        before = self.clock() - self.keep
        deleted = 0
        while slice_deleted := await self.delete_before(before, slice_rows=_SLICE_ROWS):
            deleted += slice_deleted
        if deleted:
            logger.info("old rows deleted", rows=self.rows, deleted=deleted, older_than=str(self.keep))
        return deleted
