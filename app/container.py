"""Builds every part once, in order, from the settings, and closes them in reverse."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import anthropic
import openai
from loguru import logger

from app.config import Settings
from app.database import Database
from app.drivers.mysql import MySQLAddress, MySQLDatabase
from app.drivers.sqlite import SQLiteDatabase
from app.repositories.cache_repository import CacheRepository
from app.repositories.ledger_repository import LedgerRepository
from app.repositories.request_log_repository import RequestLogRepository
from app.repositories.stats_repository import StatsRepository
from app.services.cache_service import CacheService
from app.services.classifier import ClassifierService
from app.services.health_service import HealthService
from app.services.image_preparer import BoundedThreads, ImagePreparer
from app.services.model_client import MeasuredModel, ModelClient, ModelHealth
from app.services.prompt import build_prompt
from app.services.providers.claude_provider import ClaudeProvider
from app.services.providers.local_provider import LocalProvider
from app.services.providers.openai_provider import OpenAIProvider, custom_options, openai_options
from app.services.recorder import Recorder
from app.services.retention import Retention
from app.services.stats_service import StatsService
from app.utils.clock import utc_now
from app.utils.image_utils import ImageLimits

_IMAGE_QUEUE_LENGTH = 64
"""Images that may wait for a thread; each holds its upload in memory, so 640 MB at the default size limit."""


@dataclass(frozen=True, slots=True)
class Container:
    """The parts that routes use."""

    classifier: ClassifierService
    stats: StatsService
    health: HealthService
    max_image_bytes: int


@asynccontextmanager
async def open_container(settings: Settings) -> AsyncIterator[Container]:
    """Build the parts; close them on leaving. A database or a model that is away does not fail the start."""
    async with AsyncExitStack() as stack:
        database = await open_database(settings)
        stack.push_async_callback(database.close)
        provider = build_provider(settings)
        stack.push_async_callback(provider.close)
        threads = BoundedThreads(threads=os.cpu_count() or 1, queue_length=_IMAGE_QUEUE_LENGTH)
        stack.callback(threads.close)

        model_health = ModelHealth()
        request_log = RequestLogRepository(database)
        container = Container(
            classifier=ClassifierService(
                cache=CacheService(CacheRepository(database), serve_local=settings.provider == "local"),
                recorder=Recorder(LedgerRepository(database), utc_now, settings.enable_request_log),
                preparer=ImagePreparer(
                    threads,
                    ImageLimits(settings.pillow_formats, settings.image_max_pixels),
                    settings.image_max_side,
                ),
                model=MeasuredModel(provider, model_health),
                model_timeout_seconds=settings.llm_timeout,
            ),
            stats=StatsService(
                repository=StatsRepository(database),
                request_log=request_log,
                cost_per_call=settings.cost_per_api_call,
                timezone=settings.timezone,
                clock=utc_now,
            ),
            health=HealthService(database, model_health),
            max_image_bytes=settings.max_image_bytes,
        )
        if settings.log_retention_days:
            retention = Retention(request_log, settings.log_retention_days, utc_now)
            stack.push_async_callback(_cancel, asyncio.create_task(retention.run_forever()))
        await _report_start(settings, container)
        yield container


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


def build_provider(settings: Settings) -> ModelClient:
    """Build the provider in effect. The SDKs' own retries are off: one budget, one place that spends it."""
    prompt = build_prompt(settings.description_language)
    api_key = settings.llm_api_key.get_secret_value()
    match settings.provider:
        case "local":
            return LocalProvider()
        case "claude":
            claude = anthropic.AsyncAnthropic(api_key=api_key, base_url=settings.llm_base_url, max_retries=0)
            return ClaudeProvider(claude, settings.model, prompt, settings.llm_max_tokens)
        case "openai":
            client = openai.AsyncOpenAI(api_key=api_key, base_url=settings.llm_base_url, max_retries=0)
            return OpenAIProvider(client, settings.model, prompt, openai_options(settings.llm_max_tokens))
        case "custom":
            # Many compatible servers want no key, but the SDK does.
            client = openai.AsyncOpenAI(api_key=api_key or "none", base_url=settings.llm_base_url, max_retries=0)
            return OpenAIProvider(client, settings.model, prompt, custom_options(settings.llm_max_tokens))


async def _report_start(settings: Settings, container: Container) -> None:
    """Log what was started, and what will not work, in a line each."""
    health = await container.health.check()
    logger.info(
        "started",
        database="mysql" if settings.mysql_host else "sqlite",
        database_state=health.database,
        provider=settings.provider,
        model=settings.model or None,
    )
    if settings.provider == "local":
        logger.warning("no model is configured: answers are offline guesses (set LLM_PROVIDER and LLM_API_KEY)")


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
