"""Deletes request log rows that are older than the operator wants to keep them."""

import asyncio
import random
from dataclasses import dataclass
from datetime import timedelta

from loguru import logger

from app.errors import DatabaseUnavailable
from app.repositories.request_log_repository import RequestLogRepository
from app.utils.clock import Clock

_INTERVAL_SECONDS = 3600.0
_SLICE_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Retention:
    """Keeps `days` days of the request log. Every process may run it: deleting twice deletes nothing more."""

    repository: RequestLogRepository
    days: int
    clock: Clock

    async def run_forever(self) -> None:
        """Delete what is too old now and then every hour, at moments that differ between processes."""
        while True:
            await asyncio.sleep(random.uniform(0, _INTERVAL_SECONDS))  # noqa: S311  # nosec B311  # spreads load
            try:
                await self.delete_expired()
            except DatabaseUnavailable as error:
                logger.warning("retention postponed", detail=error.detail)

    async def delete_expired(self) -> int:
        """Delete all records older than `days` days and return how many there were."""
        before = self.clock() - timedelta(days=self.days)
        deleted = 0
        while slice_deleted := await self.repository.delete_before(before, slice_rows=_SLICE_ROWS):
            deleted += slice_deleted
        if deleted:
            logger.info("request log rows expired", deleted=deleted, older_than_days=self.days)
        return deleted
