"""The database and all that speaks SQL to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.config import Settings
from app.database import Database, Reader
from app.drivers.build import build_migrator, open_database, open_replicas
from app.drivers.migrations import Migrator
from app.drivers.replicas import Replicas, ReplicasFirst
from app.repositories.budget_repository import BudgetRepository
from app.repositories.cache_repository import CacheRepository
from app.repositories.identity_repository import IdentityRepository
from app.repositories.lease_repository import LeaseRepository
from app.repositories.minute_repository import MinuteRepository
from app.repositories.model_repository import ModelRepository
from app.repositories.near_repository import NearRepository
from app.repositories.nonce_repository import NonceRepository
from app.repositories.record_repository import RecordRepository
from app.repositories.refusal_repository import RefusalRepository
from app.repositories.request_log_repository import RequestLogRepository
from app.repositories.rollup_builder import RollupBuilder
from app.repositories.rollup_repository import RollupRepository
from app.repositories.stats_repository import StatsRepository
from app.repositories.trial_repository import TrialRepository
from app.utils.clock import Clock


@dataclass(frozen=True, slots=True)
class Storage:
    """The database and all that speaks SQL to it. Commands live on it alone: it needs no model and starts no task."""

    database: Database
    cache: CacheRepository
    near: NearRepository
    trials: TrialRepository
    identity: IdentityRepository
    minutes: MinuteRepository
    models: ModelRepository
    records: RecordRepository
    request_log: RequestLogRepository
    refusals: RefusalRepository
    leases: LeaseRepository
    nonces: NonceRepository
    stats: StatsRepository
    budgets: BudgetRepository
    rollups: RollupRepository
    rollup_builder: RollupBuilder
    migrator: Migrator
    replicas: Replicas | None = None
    """What may be read from in place of the database, by those who decide nothing by it."""

    replica_cache: CacheRepository | None = None
    """Looks answers up there."""

    def clock_of_statistics(self, clock: Clock) -> Clock:
        """Return what says as of when statistics are: the present, or where replicas have come to."""
        replicas = self.replicas
        return clock if replicas is None else lambda: replicas.as_of(clock())


@asynccontextmanager
async def open_storage(
    settings: Settings, *, migrate: bool = True, with_replicas: bool = False
) -> AsyncIterator[Storage]:
    """Open the database; close it on leaving. One that is away is found by the first call.

    SQLite's schema is brought up to date meanwhile, unless `migrate` is false; MySQL's is a command's to change.
    """
    database = await open_database(settings, migrate=migrate)
    try:
        if not with_replicas:
            yield storage_on(database, settings)
            return
        async with open_replicas(settings, database) as replicas:
            yield storage_on(database, settings, replicas)
    finally:
        await database.close()


def storage_on(database: Database, settings: Settings, replicas: Replicas | None = None) -> Storage:
    """Return what speaks SQL to this database; statistics to its replicas, where there are any."""
    reader: Reader = ReplicasFirst(replicas, database) if replicas else database
    return Storage(
        database=database,
        cache=CacheRepository(database, settings.local_from),
        near=NearRepository(database),
        trials=TrialRepository(database),
        identity=IdentityRepository(reader),
        minutes=MinuteRepository(reader),
        models=ModelRepository(reader),
        records=RecordRepository(database),
        request_log=RequestLogRepository(database),
        refusals=RefusalRepository(database),
        leases=LeaseRepository(database),
        nonces=NonceRepository(database),
        stats=StatsRepository(reader),
        budgets=BudgetRepository(database),
        rollups=RollupRepository(database),
        rollup_builder=RollupBuilder(database),
        migrator=build_migrator(settings),
        replicas=replicas,
        replica_cache=CacheRepository(replicas, settings.local_from) if replicas else None,
    )
