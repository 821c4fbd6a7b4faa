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
from app.repositories.feedback_repository import FeedbackRepository
from app.repositories.history_repository import HistoryRepository
from app.repositories.lease_repository import LeaseRepository
from app.repositories.purge_repository import PurgeRepository
from app.repositories.request_log_repository import RequestLogRepository
from app.services.cache.change_bus import ChangeBus
from app.services.cache.changes import ChangeWatch
from app.services.cache.known_changes import KnownChanges
from app.services.cache.memory import MemoryCache
from app.services.correction_service import CorrectionService
from app.services.feedback_service import FeedbackService, OwnVotes
from app.services.history_service import HistoryService
from app.services.purge_service import PurgeService
from app.services.upkeep.retention import Retention, slice_by_slice
from app.utils.clock import Clock

_KEEP = timedelta(days=30)
"""Longer than records wait in a spool: those that come later could bring back what was deleted or erased."""


@dataclass(frozen=True, slots=True)
class Corrections:
    """The parts that routes use."""

    answers: CorrectionService
    purges: PurgeService
    history: HistoryService
    feedback: FeedbackService


@asynccontextmanager
async def open_corrections(
    database: Database, memory: MemoryCache, clock: Clock, known: KnownChanges, bus: ChangeBus | None = None
) -> AsyncIterator[Corrections]:
    """Build the parts, and look for changes for as long as the block lasts: first before it begins.

    With a `bus` also as soon as another process says that there are some.
    """
    changes = ChangeRepository(database)
    watch = ChangeWatch(changes, memory, known, tell_others=bus.tell if bus else None)
    votes, answers = FeedbackRepository(database), CorrectionRepository(database)
    own = OwnVotes(votes)
    watch.listeners.append(own.hear)
    feedback = FeedbackService(votes, RequestLogRepository(database), answers, own, watch, clock)
    leases = LeaseRepository(database)
    records = HistoryRepository(database)
    every = timedelta(hours=6)
    retentions = [
        Retention("cache changes", slice_by_slice(changes.delete_older), _KEEP, every, leases),
        Retention("marks of erased users", slice_by_slice(records.delete_older), _KEEP, every, leases),
    ]
    parts = Corrections(
        answers=CorrectionService(answers, AuditRepository(database), watch, clock),
        purges=PurgeService(PurgeRepository(database), watch, clock),
        history=HistoryService(records, feedback.erase, clock),
        feedback=feedback,
    )
    await watch.look()
    work = [watch.run_forever(), *(retention.run_forever() for retention in retentions)]
    if bus is not None:
        work.append(bus.hear_forever(watch.look))
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield parts
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
