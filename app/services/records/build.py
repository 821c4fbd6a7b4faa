"""Opens the way to durable records."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.observe.metrics import Metrics
from app.services.records.durable_writer import DurableWriter
from app.services.records.group_commit import GroupCommit
from app.services.records.rejected_files import RejectedFiles
from app.services.records.settings import RecordSettings
from app.services.records.sifted_tables import BatchTables, SiftedTables
from app.utils.clock import Clock

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Records:
    """The parts of this room that others are handed."""

    writer: DurableWriter
    commits: GroupCommit
    rejected: RejectedFiles


@asynccontextmanager
async def open_records(
    settings: RecordSettings, tables: BatchTables, metrics: Metrics, clock: Clock
) -> AsyncIterator[Records]:
    """Open a spool file and replay what is in the spool; on leaving, write what waits. Raises OSError."""
    rejected = RejectedFiles(settings.spool_dir, metrics, clock)
    writer = DurableWriter(SiftedTables(tables, rejected), settings.spool_dir, settings.spool_max_mb * _MIB, metrics)
    commits = GroupCommit(writer, metrics=metrics)
    replaying = asyncio.create_task(writer.run_forever())
    try:
        yield Records(writer, commits, rejected)
    finally:
        await commits.close()
        replaying.cancel()
        await asyncio.wait([replaying])
        await writer.close()
