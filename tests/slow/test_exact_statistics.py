"""P6 on a large log under load: every statistic is what the specification's SQL gives at the same moment.

The log has 100,000 requests, or is one that `python -m bench.statistics.log` made and `app.cli rebuild` counted:
STATISTICS_DATABASE names it, on the server that TEST_MYSQL_HOST ... name.
"""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from app.config import Settings
from app.services.upkeep.retention import Retention
from app.storage import Storage, open_storage
from tests.conftest import TEST_DATABASE, make_settings, schema_of, settings_for_provider
from tests.factories import make_image
from tests.support.exact_statistics import check_statistics
from tests.support.fake_model_server import FakeModels
from tests.support.large_deployment import fill, image_hash_of
from tests.support.mysql_server import MySQLServer
from tests.support.records import rebuild
from tests.support.service_process import GUNICORN, Service, running_service
from tests.support.waiting import until

ROWS, PHOTOS = 100_000, 20_000
CONNECTIONS, UPLOADERS = 60, 4
KILLS = 5
KEPT = timedelta(days=72)
"""Of 90: a fifth of the log goes."""

pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(scope="module")
def name(mysql_server: MySQLServer) -> Iterator[str]:
    """A database with a log. Its statistics may be built or not."""
    given = os.environ.get("STATISTICS_DATABASE")
    if given:
        yield given
        return
    made = f"{TEST_DATABASE}_large_log"
    mysql_server.query(schema_of(made))
    fill(mysql_server, made, rows=ROWS, images=PHOTOS, say=lambda _: None)
    yield made
    mysql_server.query(f"DROP DATABASE {made}")


@pytest.fixture(scope="module")
def settings(name: str, mysql_server: MySQLServer, running_fake_models: FakeModels) -> Settings:
    return make_settings(**mysql_server.settings(name), **settings_for_provider("openai", running_fake_models))


@pytest.fixture
async def storage(settings: Settings) -> AsyncIterator[Storage]:
    async with open_storage(settings) as opened:
        if (await opened.rollups.fetch_state()).built_at is None:
            await rebuild(opened.database)
        yield opened


@pytest.fixture
def service(storage: Storage, settings: Settings, tmp_path: Path) -> Iterator[Service]:
    """Two workers. Nothing is deleted unless a test does it."""
    given = settings.model_dump(exclude_unset=True, exclude={"llm_api_key", "mysql_password"})
    secret = {"llm_api_key": "test-key", "mysql_password": settings.mysql_password.get_secret_value()}
    own = {"web_concurrency": 2, "log_retention_days": 0, "memory_cache_entries": 0, "spool_dir": tmp_path / "spool"}
    with running_service(tmp_path, GUNICORN, **given, **secret, **own) as running:
        yield running


@dataclass
class Writers:
    """What 64 connections were told: how often each status, None where the connection broke."""

    statuses: Counter[int | None] = field(default_factory=Counter)
    recorded: int = 0
    leaving: bool = False

    async def check(self, client: httpx.AsyncClient, number: int) -> None:
        """Ask for photos, few of them often, as one of a hundred users."""
        chance = random.Random(number)
        user = f"user-{number % 100}"
        while not self.leaving:
            image = int(PHOTOS * chance.random() ** 4)
            body = {"image_hash": image_hash_of(image), "user_id": user}
            await self._send(client.post("/classify/check-cache", json=body))

    async def upload(self, client: httpx.AsyncClient) -> None:
        """Upload photos that nobody has uploaded before."""
        while not self.leaving:
            await self._send(client.post("/classify", files={"image": make_image(size=(64, 48))}))

    async def until_recorded(self, requests: int) -> None:
        """Wait until so many more requests have been answered."""
        before = self.recorded
        await until(lambda: self.recorded >= before + requests, seconds=60)

    async def _send(self, request: object) -> None:
        try:
            answer = await request  # type: ignore[misc]
        except httpx.TransportError:
            self.statuses[None] += 1
            await asyncio.sleep(0.05)
            return
        self.statuses[answer.status_code] += 1
        self.recorded += answer.status_code == 200 and "data" in answer.json()


@asynccontextmanager
async def writing(service: Service) -> AsyncIterator[Writers]:
    """Write by 64 connections until the end of the block."""
    writers = Writers()
    limits = httpx.Limits(max_connections=CONNECTIONS + UPLOADERS)
    client = httpx.AsyncClient(base_url=f"{service.url}/api/v1", limits=limits, timeout=60)
    async with client, asyncio.TaskGroup() as tasks:
        for number in range(CONNECTIONS):
            tasks.create_task(writers.check(client, number))
        for _ in range(UPLOADERS):
            tasks.create_task(writers.upload(client))
        try:
            await writers.until_recorded(CONNECTIONS)
            yield writers
        finally:
            writers.leaving = True


def kill_workers(service: Service) -> None:
    for pid in Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split():
        os.kill(int(pid), signal.SIGKILL)


async def test_every_statistic_is_that_of_a_scan_while_64_connections_write(service: Service, storage: Storage) -> None:
    before = await check_statistics(storage.database)

    async with writing(service) as writers:
        counts = [await check_statistics(storage.database) for _ in range(3)]

    assert before < counts[0] < counts[1] < counts[2]
    assert await check_statistics(storage.database) == before + writers.recorded
    assert set(writers.statuses) == {200}


async def test_every_statistic_stays_that_of_a_scan_when_who_adds_to_the_sums_is_killed(
    service: Service, storage: Storage
) -> None:
    async with writing(service) as writers:
        for _ in range(KILLS):
            kill_workers(service)
            await writers.until_recorded(10 * CONNECTIONS)
        await check_statistics(storage.database)

    assert writers.statuses[None] > 0
    await check_statistics(storage.database)


async def test_every_statistic_is_that_of_a_scan_while_retention_deletes(service: Service, storage: Storage) -> None:
    before = await check_statistics(storage.database)
    log, backlog = storage.request_log, storage.rollups.measure_outbox
    hour = timedelta(hours=1)
    retention = Retention("requests", log.delete_older, KEPT, hour, storage.leases, measure_backlog=backlog)

    async with writing(service) as writers:
        deleting = asyncio.create_task(retention.delete_expired())
        during = await check_statistics(storage.database)
        deleted = await deleting

    assert deleted > before / 10
    assert during < before + writers.recorded
    assert await check_statistics(storage.database) == before - deleted + writers.recorded
    assert set(writers.statuses) == {200}
