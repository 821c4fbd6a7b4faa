"""Writing outcomes and reading results as the service does, without waiting for others."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from app.database import Database, Sql, to_sql_time
from app.models.domain import Classification, Failure, KnownAnswer, Outcome
from app.repositories.cache_repository import CacheRepository
from app.repositories.record_batch import RecordBatch
from app.repositories.record_repository import RecordRepository
from app.repositories.request_log_repository import deletion_of
from app.repositories.rollup_builder import RollupBuilder
from app.repositories.rollup_repository import RollupRepository


async def write_outcomes(database: Database, outcomes: Sequence[Outcome | Failure]) -> None:
    """Write outcomes in one transaction."""
    await RecordRepository(database).write([RecordBatch.of(secrets.token_hex(16), 1, outcomes)])


async def delete_some(database: Database, moment: datetime, limit: int) -> None:
    """Delete up to so many records from before a moment, as retention does."""
    sql = Sql.same("SELECT id FROM request_log WHERE created_at < :moment ORDER BY created_at LIMIT :limit")
    rows = await database.fetch_all(sql, {"moment": to_sql_time(moment), "limit": limit})
    await database.commit(deletion_of([identifier for (identifier,) in rows]))


async def rebuild(database: Database, zone: str = "UTC") -> None:
    """Build the statistics anew, as after rows were written or changed by other means."""

    async def progress(done: int, total: int) -> None:
        pass

    await RollupBuilder(database).build(ZoneInfo(zone), progress)


async def apply_all(database: Database, zone: str = "UTC") -> None:
    """Add all that waits in the outbox to the sums of the statistics."""
    while (await RollupRepository(database).apply_piece(ZoneInfo(zone))).rows:
        pass


async def fetch_one(database: Database, image_hash: str, *, include_local: bool) -> Classification | None:
    """Return what is known of one image."""
    known = await fetch_known(database, image_hash, include_local=include_local)
    return None if known is None else known.classification


async def fetch_known(database: Database, name: str, *, include_local: bool = False) -> KnownAnswer | None:
    """Return the answer that is known by one name."""
    return (await CacheRepository(database, 0 if include_local else None).fetch_many([name])).get(name)
