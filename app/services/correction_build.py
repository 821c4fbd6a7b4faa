"""Opens what lets operators mend answers, and every process hear of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from app.database import Database
from app.repositories.audit_repository import AuditRepository
from app.repositories.change_repository import ChangeRepository
from app.repositories.correction_repository import CorrectionRepository
from app.repositories.lease_repository import LeaseRepository
from app.repositories.purge_repository import PurgeRepository
from app.services.cache.changes import ChangeWatch
from app.services.cache.memory import MemoryCache
from app.services.correction_service import CorrectionService
from app.services.purge_service import PurgeService
from app.services.upkeep.retention import Retention
from app.utils.clock import Clock

_KEEP_CHANGES = timedelta(days=30)
"""Longer than records wait in a spool: those that come later could bring a deleted answer back."""


@dataclass(frozen=True, slots=True)
class Corrections:
    """The parts that routes use."""

    answers: CorrectionService
    purges: PurgeService


@asynccontextmanager
async def open_corrections(database: Database, memory: MemoryCache, clock: Clock) -> AsyncIterator[Corrections]:
    """Build the parts, and look for changes for as long as the block lasts: first before it begins."""
    changes = ChangeRepository(database)
    watch = ChangeWatch(changes, memory)
    leases = LeaseRepository(database)
    retention = Retention("cache changes", changes.delete_older, _KEEP_CHANGES, timedelta(hours=6), leases)
    parts = Corrections(
        answers=CorrectionService(CorrectionRepository(database), AuditRepository(database), watch, clock),
        purges=PurgeService(PurgeRepository(database), watch, clock),
    )
    await watch.look()
    tasks = [asyncio.create_task(watch.run_forever()), asyncio.create_task(retention.run_forever())]
    try:
        yield parts
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
