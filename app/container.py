"""Builds every part once, in order, from the settings, and closes them in reverse. A table of contents."""

import asyncio
import platform
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import product
from typing import get_args

from app.config import Settings, library_path, metrics_folder_path
from app.database import Database, DatabaseNode, NodeRole
from app.drivers.replicas import Replica
from app.models.about_response import AboutData
from app.observe.exposition import Exposition
from app.observe.metrics import Metrics
from app.retention_rules import build_retention
from app.services.access.build import open_access
from app.services.access.keys import Access
from app.services.budget.build import open_budgets
from app.services.budget_statistics import BudgetStatsService
from app.services.cache.build import open_shared_cache
from app.services.cache.known_changes import KnownChanges
from app.services.cache_build import build_caches
from app.services.classifier import ClassifierService
from app.services.correction_build import Corrections, open_corrections
from app.services.health_service import HealthService
from app.services.identity.build import build_near
from app.services.identity_statistics import IdentityStatsService
from app.services.images.build import open_images
from app.services.images.decoding_server import DecodingServer
from app.services.images.upload_budget import UploadBudget
from app.services.live.feed import LiveFeed
from app.services.live.state import read_state
from app.services.model.build import build_model
from app.services.model.prompt import PROMPT_VERSION
from app.services.model_statistics import ModelStatsService
from app.services.network.build import NetworkServer, open_network
from app.services.one_call.build import open_paid_once
from app.services.photo_batches import PhotoBatches
from app.services.photo_in_question import QuestionParts
from app.services.records.build import open_records
from app.services.records.recorder import Recorder
from app.services.stats_service import StatsService
from app.services.tracing import Tracing, open_tracing
from app.services.upkeep.rollups import RollupUpkeep
from app.services.yesterday_statistics import YesterdayStatsService
from app.start_report import report_start
from app.storage import Storage, open_storage
from app.utils.clock import Clock, utc_now
from app.version import VERSION

_DEFERRED_SHARE = 0.5
"""Of the room for uploads, for those with lane=deferred, which stay for minutes."""


@dataclass(frozen=True, slots=True)
class Container:
    """The parts that routes use."""

    classifier: ClassifierService
    batches: PhotoBatches
    stats: StatsService
    live: LiveFeed
    identity_stats: IdentityStatsService
    model_stats: ModelStatsService
    budget_stats: BudgetStatsService
    yesterday_stats: YesterdayStatsService
    corrections: Corrections
    health: HealthService
    uploads: UploadBudget
    deferred_uploads: UploadBudget
    """The part of them that uploads may have which stay for long."""

    access: Access
    about: AboutData
    max_image_bytes: int
    metrics: Metrics
    exposition: Exposition
    tracing: Tracing


@asynccontextmanager
async def open_container(
    settings: Settings,
    metrics: Metrics | None = None,
    decoders: DecodingServer | None = None,
    network: NetworkServer | None = None,
    clock: Clock = utc_now,
) -> AsyncIterator[Container]:
    """Open the database and the service on it. A database or a model that is away does not fail the start."""
    async with (
        open_storage(settings, with_replicas=True) as storage,
        open_service(settings, storage, metrics or Metrics(), decoders, network, clock) as container,
    ):
        yield container


@asynccontextmanager
async def open_service(
    settings: Settings,
    storage: Storage,
    metrics: Metrics,
    decoders: DecodingServer | None = None,
    network: NetworkServer | None = None,
    clock: Clock = utc_now,
) -> AsyncIterator[Container]:
    """Build the service on its storage, and start what it does beside answering; end that on leaving.

    Images are decoded by `decoders`, and looked at by `network` where that answers, or by servers of its own.
    """
    exposition = Exposition(metrics, metrics_folder_path())
    async with AsyncExitStack() as stack:
        stack.callback(exposition.flush)  # last of all
        records = await stack.enter_async_context(open_records(settings, storage.records, metrics, clock))
        pool = await stack.enter_async_context(
            open_network(settings.uses_network, settings.web_concurrency, metrics, network, library_path=library_path())
        )
        budgets = await stack.enter_async_context(open_budgets(settings, storage.budgets, clock, metrics))
        tracing = await stack.enter_async_context(open_tracing(settings, metrics))
        models = build_model(settings, metrics, pool, budgets, tracing.gen_ai)
        stack.push_async_callback(models.close)
        preparer = await stack.enter_async_context(
            open_images(
                settings,
                settings.image_max_side,
                settings.web_concurrency,
                metrics,
                decoders,
                library_path=library_path(),
            )
        )
        near = build_near(settings, storage.near, storage.trials, metrics)
        changes = KnownChanges()
        shared = await stack.enter_async_context(open_shared_cache(settings, changes, metrics))
        answers, replica_answers, spools = storage.cache, storage.replica_cache, records.writer.spools
        caches = build_caches(
            settings, answers, replica_answers, near.mode.serves, changes, shared, tracing.lookups, spools, metrics
        )
        cache = caches.paying
        corrections = await stack.enter_async_context(
            open_corrections(storage.database, cache.memory, clock, changes, shared.bus if shared else None)
        )
        paid_once = await stack.enter_async_context(
            open_paid_once(
                cache,
                storage.refusals,
                storage.leases,
                check_storage=records.writer.check,
                model_timeout_seconds=settings.llm_timeout,
                deferred_seconds=settings.deferred_seconds,
                clock=clock,
                metrics=metrics,
            )
        )
        parts = QuestionParts(
            preparer=tracing.preparer(preparer),
            model=models.client,
            recorder=Recorder(tracing.commits(records.commits), clock, settings.enable_request_log, settings.prices),
            cache=cache,
            near=near,
            refusal_ttl=timedelta(seconds=settings.llm_refusal_ttl_seconds),
            clock=clock,
            metrics=metrics,
        )
        as_of = storage.clock_of_statistics(clock)
        stats = build_stats(settings, storage, as_of)
        live = LiveFeed(stats.summarize_live, partial(read_state, exposition, metrics))
        metrics.live_streams.watch(lambda: live.streams)
        stack.push_async_callback(live.close)
        uploads = UploadBudget(settings.max_uploads_in_flight_mb * 1024 * 1024)
        classifier = ClassifierService(paid_once, parts, caches.asking, corrections.feedback.own)
        container = Container(
            classifier=classifier,
            batches=PhotoBatches(classifier),
            stats=stats,
            live=live,
            identity_stats=IdentityStatsService(
                storage.identity, storage.trials, storage.stats, near.mode, settings.prices, settings.timezone, as_of
            ),
            model_stats=ModelStatsService(storage.models, settings.prices, settings.timezone, as_of),
            budget_stats=BudgetStatsService(storage.budgets, settings.budget_limits, settings.timezone, clock),
            yesterday_stats=YesterdayStatsService(
                storage.minutes, settings.prices, settings.timezone, as_of, settings.log_retention_days
            ),
            health=HealthService(
                storage.database,
                models.breakers,
                records.writer,
                network_at_last=settings.local_fallback != "off",
                redis_is_away=shared.is_away if shared else None,
            ),
            corrections=corrections,
            uploads=uploads,
            deferred_uploads=uploads.part(_DEFERRED_SHARE),
            access=await stack.enter_async_context(open_access(settings, storage.nonces, metrics, clock)),
            about=describe_service(settings),
            max_image_bytes=settings.max_image_bytes,
            metrics=metrics,
            exposition=exposition,
            tracing=tracing,
        )
        metrics.upload_bytes.watch(lambda: container.uploads.in_flight)
        metrics.uploads.watch(lambda: container.uploads.uploads)
        _watch_process(metrics, storage.database)
        for replica in storage.replicas.replicas if storage.replicas else ():
            _watch_replica(metrics, replica)
        for retention in build_retention(settings, storage, records.rejected):
            stack.push_async_callback(_cancel, asyncio.create_task(retention.run_forever()))
        rollups = RollupUpkeep(storage.rollups, storage.leases, settings.timezone, metrics)
        metrics.outbox_rows.watch(lambda: rollups.waiting)
        stack.push_async_callback(_cancel, asyncio.create_task(rollups.run_forever()))
        stack.push_async_callback(_cancel, asyncio.create_task(exposition.run_forever()))
        await report_start(settings, container.health)
        yield container


def describe_service(settings: Settings) -> AboutData:
    """Return what everybody may know of the settings."""
    return AboutData(
        version=VERSION,
        answered_by="embedded_network" if settings.provider == "local" else "model",
        formats=sorted(settings.pillow_formats),
        max_image_bytes=settings.max_image_bytes,
        currency=settings.currency,
        cost_per_call=float(settings.cost_per_api_call) if settings.tells_costs else None,
    )


def build_stats(settings: Settings, storage: Storage, clock: Clock) -> StatsService:
    """Build the statistics."""
    return StatsService(
        repository=storage.stats,
        request_log=storage.request_log,
        prices=settings.prices,
        timezone=settings.timezone,
        clock=clock,
    )


def _watch_process(metrics: Metrics, database: Database) -> None:
    metrics.database_in_use.watch(lambda: database.load.in_use)
    metrics.database_waiting.watch(lambda: database.load.waiting)
    metrics.database_limit.watch(lambda: database.load.limit)
    for node, role in product(database.nodes, get_args(NodeRole)):
        metrics.database_node.watch(partial(_sees, database, DatabaseNode(node.address, role)), node.address, role)
    metrics.processes.watch(lambda: 1)
    metrics.build.watch(lambda: 1, VERSION, platform.python_version(), PROMPT_VERSION)


def _sees(database: Database, node: DatabaseNode) -> int:
    return int(node in database.nodes)


def _watch_replica(metrics: Metrics, replica: Replica) -> None:
    metrics.replica_lag.watch(lambda: replica.lag_seconds, replica.name)
    metrics.replica_readers.watch(lambda: replica.is_usable, replica.name)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
