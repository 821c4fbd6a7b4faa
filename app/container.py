"""Builds every part once, in order, from the settings, and closes them in reverse."""

import asyncio
import os
import platform
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from loguru import logger

from app.config import Settings
from app.database import Database
from app.drivers.mysql import MySQLAddress, MySQLDatabase
from app.drivers.sqlite import SQLiteDatabase
from app.models.domain import LOCAL_MODEL, Answer
from app.observe.exposition import Exposition
from app.observe.metrics import Metrics
from app.repositories.cache_repository import CacheRepository
from app.repositories.lease_repository import LeaseRepository
from app.repositories.nonce_repository import NonceRepository
from app.repositories.record_repository import RecordRepository
from app.repositories.refusal_repository import RefusalRepository
from app.repositories.request_log_repository import RequestLogRepository
from app.repositories.stats_repository import StatsRepository
from app.services.access.keys import Access, KeyRing
from app.services.cache.lookups import BatchedLookups
from app.services.cache.memory import MemoryCache
from app.services.cache_service import CacheService
from app.services.classifier import ClassifierService
from app.services.health_service import HealthService
from app.services.images.preparer import BoundedThreads, ImagePreparer
from app.services.images.upload_budget import UploadBudget
from app.services.model.prompt import PROMPT_VERSION, build_prompt
from app.services.model.providers.local_provider import LocalProvider
from app.services.model.settings import ModelEndpoint
from app.services.model.stack.breaker import BREAKER_STATES, BreakerModel
from app.services.model.stack.counted import CountedModel, CountedSkips
from app.services.model.stack.fallback import FallbackModel
from app.services.model.stack.limit import LimitedModel
from app.services.model.stack.logged import LoggedModel
from app.services.model.stack.retry import RetryingModel
from app.services.model_client import ModelClient
from app.services.one_call.lease import Leases
from app.services.one_call.single_flight import SingleFlight
from app.services.records.durable_writer import DurableWriter
from app.services.records.group_commit import GroupCommit
from app.services.records.recorder import Recorder
from app.services.stats_service import StatsService
from app.services.upkeep.retention import NONCE_MARGIN, Retention
from app.utils.clock import utc_now
from app.utils.image_utils import ImageLimits, enable_heif
from app.version import VERSION

_MAX_IMAGE_THREADS = 4
_IMAGE_QUEUE_LENGTH = 64
"""Images that may wait for a thread; each holds its upload in memory, so 640 MB at the default size limit."""


@dataclass(frozen=True, slots=True)
class Container:
    """The parts that routes use."""

    classifier: ClassifierService
    stats: StatsService
    health: HealthService
    uploads: UploadBudget
    access: Access
    max_image_bytes: int
    metrics: Metrics
    exposition: Exposition


@asynccontextmanager
async def open_container(settings: Settings, metrics: Metrics | None = None) -> AsyncIterator[Container]:
    """Build the parts; close them on leaving. A database or a model that is away does not fail the start."""
    metrics = metrics or Metrics()
    exposition = Exposition(metrics)
    async with AsyncExitStack() as stack:
        stack.callback(exposition.flush)  # last of all
        database = await open_database(settings)
        stack.push_async_callback(database.close)
        ledger = open_ledger(settings, database)
        stack.callback(ledger.close)
        stack.push_async_callback(_cancel, asyncio.create_task(ledger.run_forever()))
        commits = GroupCommit(ledger, metrics=metrics)
        stack.push_async_callback(commits.close)
        model, breakers = build_model(settings, metrics)
        stack.push_async_callback(model.close)
        if "HEIF" in settings.pillow_formats:
            enable_heif()
        threads = BoundedThreads(
            threads=image_threads(os.cpu_count() or 1, settings.web_concurrency), queue_length=_IMAGE_QUEUE_LENGTH
        )
        stack.callback(threads.close)

        request_log, nonces = RequestLogRepository(database), NonceRepository(database)
        cache = CacheService(
            MemoryCache(settings.memory_entries, settings.memory_cache_ttl_seconds),
            BatchedLookups(CacheRepository(database, settings.provider == "local").fetch_many, metrics=metrics),
            metrics=metrics,
        )
        flights = SingleFlight[Answer](metrics=metrics)
        stack.push_async_callback(flights.close, settings.llm_timeout)
        container = Container(
            classifier=ClassifierService(
                cache=cache,
                recorder=Recorder(commits, utc_now, settings.enable_request_log),
                preparer=ImagePreparer(
                    threads,
                    ImageLimits(settings.pillow_formats, settings.image_max_pixels),
                    settings.image_max_side,
                    metrics=metrics,
                ),
                model=model,
                refusals=RefusalRepository(database),
                refusal_ttl_seconds=settings.llm_refusal_ttl_seconds,
                clock=utc_now,
                model_timeout_seconds=settings.llm_timeout,
                flights=flights,
                turns=Leases(LeaseRepository(database), cache.peek, metrics=metrics),
                metrics=metrics,
            ),
            stats=StatsService(
                repository=StatsRepository(database),
                request_log=request_log,
                cost_per_call=settings.cost_per_api_call,
                price_input_per_mtok=settings.llm_price_input_per_mtok,
                price_output_per_mtok=settings.llm_price_output_per_mtok,
                timezone=settings.timezone,
                clock=utc_now,
            ),
            health=HealthService(database, breakers, ledger),
            uploads=UploadBudget(settings.max_uploads_in_flight_mb * 1024 * 1024),
            access=build_access(settings, nonces),
            max_image_bytes=settings.max_image_bytes,
            metrics=metrics,
            exposition=exposition,
        )
        for sweeper in build_sweepers(settings, request_log, nonces):
            stack.push_async_callback(_cancel, asyncio.create_task(sweeper.run_forever()))
        _watch(metrics, database, ledger, commits, cache, threads, container.uploads)
        stack.push_async_callback(_cancel, asyncio.create_task(exposition.run_forever()))
        await _report_start(settings, container)
        yield container


def image_threads(cores: int, processes: int | None) -> int:
    """Return how many images one of so many processes may prepare at a time: one a core, over all of them.

    Never many: each may take a few hundred MiB, and a container sees all cores of its machine.
    """
    return min(_MAX_IMAGE_THREADS, max(1, cores // (processes or 1)))


async def open_database(settings: Settings) -> Database:
    """Open MySQL where MYSQL_HOST is set, else SQLite."""
    if settings.mysql_host is None:
        return await SQLiteDatabase.open(settings.sqlite_path)
    address = MySQLAddress(
        host=settings.mysql_host,
        port=settings.mysql_port,
        user=settings.mysql_user,
        password=settings.mysql_password.get_secret_value(),
        database=settings.mysql_database,
    )
    return await MySQLDatabase.open(address, pool_size=settings.mysql_pool_size)


def open_ledger(settings: Settings, database: Database) -> DurableWriter:
    """Open the way to durable records."""
    return DurableWriter(RecordRepository(database), settings.spool_dir, settings.spool_max_mb * 1024 * 1024)


def build_sweepers(settings: Settings, request_log: RequestLogRepository, nonces: NonceRepository) -> list[Retention]:
    """Build what deletes old rows, of the tables that get any and are not to be kept for ever."""
    sweepers = []
    if settings.log_retention_days:
        keep = timedelta(days=settings.log_retention_days)
        sweepers.append(Retention("request log", request_log.delete_before, keep, timedelta(minutes=30), utc_now))
    if settings.signing_secrets:
        sweepers.append(Retention("nonces", nonces.delete_expired, NONCE_MARGIN, timedelta(minutes=10), utc_now))
    return sweepers


def build_access(settings: Settings, nonces: NonceRepository) -> Access:
    """Build the doors that the settings ask for."""
    signatures = None
    if settings.signing_secrets:
        from app.services.access.signatures import SignatureService

        signatures = SignatureService(settings.signing_secrets, nonces, utc_now)
    return Access(
        KeyRing(settings.key_digests), KeyRing(settings.admin_key_digests), settings.admin_networks, signatures
    )


def build_model(settings: Settings, metrics: Metrics) -> tuple[ModelClient, list[BreakerModel]]:
    """Build the stack around the models in effect, and return its breakers too: they know how the models are."""
    breakers: list[BreakerModel] = []

    def guarded(model: ModelEndpoint) -> ModelClient:
        names = model.provider, model.model or LOCAL_MODEL
        provider = CountedModel(build_provider(model, settings), *names, metrics)
        if model.provider == "local":
            return provider
        limited = LimitedModel(provider, settings.llm_max_concurrency)
        breaker = BreakerModel(limited, " ".join(names))
        breakers.append(breaker)
        metrics.queues.watch(lambda: limited.waiting, "questions")
        for state in BREAKER_STATES:
            metrics.breakers.watch(partial(_is_in, breaker, state), *names, state)
        return RetryingModel(CountedSkips(breaker, *names, metrics))

    client = guarded(settings.primary)
    if settings.fallback is not None:
        client = FallbackModel(client, guarded(settings.fallback))
    return LoggedModel(client), breakers


def build_provider(model: ModelEndpoint, settings: Settings) -> ModelClient:
    """Build one provider. An SDK is imported where it is used: it takes 10 to 40 MiB of every worker's memory."""
    prompt = build_prompt(settings.description_language)
    match model.provider:
        case "local":
            return LocalProvider()
        case "claude":
            from app.services.model.providers.claude_provider import connect_claude

            return connect_claude(model, prompt, settings.llm_max_tokens)
        case "openai":
            from app.services.model.providers.openai_provider import connect_openai

            return connect_openai(model, prompt, settings.llm_max_tokens)
        case "custom":
            from app.services.model.providers.openai_provider import connect_custom

            return connect_custom(model, prompt, settings.llm_max_tokens)


def _watch(
    metrics: Metrics,
    database: Database,
    ledger: DurableWriter,
    commits: GroupCommit,
    cache: CacheService,
    threads: BoundedThreads,
    uploads: UploadBudget,
) -> None:
    """Let the gauges be read from the parts."""
    metrics.queues.watch(lambda: cache.lookups.waiting, "lookups")
    metrics.queues.watch(lambda: commits.waiting, "records")
    metrics.queues.watch(lambda: threads.waiting, "images")
    metrics.remembered.watch(lambda: len(cache.memory))
    metrics.spooled_answers.watch(lambda: ledger.waiting_answers)
    metrics.spooled_bytes.watch(lambda: ledger.waiting_bytes)
    metrics.upload_bytes.watch(lambda: uploads.in_flight)
    metrics.database_in_use.watch(lambda: database.load.in_use)
    metrics.database_waiting.watch(lambda: database.load.waiting)
    metrics.database_limit.watch(lambda: database.load.limit)
    metrics.processes.watch(lambda: 1)
    metrics.build.watch(lambda: 1, VERSION, platform.python_version(), PROMPT_VERSION)


def _is_in(breaker: BreakerModel, state: str) -> float:
    return float(breaker.state == state)


async def _report_start(settings: Settings, container: Container) -> None:
    """Log what was started, and what will not work, in a line each."""
    health = await container.health.check()
    logger.info(
        "started",
        database="mysql" if settings.mysql_host else "sqlite",
        database_state=health.database,
        provider=settings.provider,
        model=settings.primary.model or None,
        fallback=settings.fallback.model if settings.fallback else None,
    )
    if settings.env == "production" and not (settings.key_digests or settings.signing_secrets):
        logger.warning("the apps' calls are open to whoever reaches the port (set API_KEYS)")
    if settings.provider == "local":
        logger.warning("no model is configured: answers are offline guesses (set LLM_PROVIDER and LLM_API_KEY)")


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
