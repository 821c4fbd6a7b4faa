"""What works while the database is away, from the start and in the middle, and that nothing is lost by it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from app.config import Settings
from app.container import Container, open_container, open_service
from app.database import Database, Sql
from app.drivers.build import open_database
from app.errors import DatabaseUnavailable
from app.models.domain import Outcome
from app.observe.metrics import Metrics
from app.services.images.upload_budget import UploadBudget
from app.services.records.recorder import Commits
from app.storage import storage_on
from app.utils.hash_utils import sha256_hex
from tests.api.calls import check_cache, classify, upload
from tests.conftest import make_client
from tests.factories import make_image, make_image_hash
from tests.fakes import as_any
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.unreliable_database import UnreliableDatabase
from tests.support.waiting import until

pytestmark = pytest.mark.on_both_databases


@pytest.fixture
async def line(settings: Settings) -> AsyncIterator[UnreliableDatabase]:
    """The line to the database, that a test may cut."""
    real = await open_database(settings)
    yield UnreliableDatabase(real)
    await real.close()


@asynccontextmanager
async def service_on(line: UnreliableDatabase, settings: Settings) -> AsyncIterator[Container]:
    """The whole service on that line."""
    async with open_service(settings, storage_on(line, settings), Metrics()) as container:
        yield container


@pytest.fixture
async def client(settings: Settings, line: UnreliableDatabase) -> AsyncIterator[httpx.AsyncClient]:
    async with service_on(line, settings) as container, make_client(settings, container) as made:
        yield made


@dataclass
class WithoutSpool:
    """A group commit that takes nothing while the database is away, as one whose spool is full."""

    commits: Commits
    line: UnreliableDatabase

    async def record(self, outcome: Outcome) -> None:
        if self.line.away:
            raise DatabaseUnavailable(detail="the spool is full")
        await self.commits.record(outcome)


def without_spool(container: Container, line: UnreliableDatabase) -> Container:
    """Return the container with no place for records beside the database."""
    parts = container.classifier.parts
    recorder = replace(parts.recorder, commits=as_any(WithoutSpool(parts.recorder.commits, line)))
    return replace(container, classifier=replace(container.classifier, parts=replace(parts, recorder=recorder)))


async def totals(database: Database) -> tuple[Any, ...]:
    """Return: images, hits, records."""
    hits = "SELECT COUNT(*), COALESCE(SUM(hit_count), 0) FROM image_classification_cache"
    ((images, counted),) = await database.fetch_all(Sql.same(hits), {})
    ((records,),) = await database.fetch_all(Sql.same("SELECT COUNT(*) FROM request_log"), {})
    return images, counted, records


async def until_healthy(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(10):
        while (await client.get("/health")).json()["status"] != "healthy":
            await asyncio.sleep(0.02)


async def test_an_upload_is_answered_by_the_model_and_recorded_when_the_database_is_back(
    client: httpx.AsyncClient, line: UnreliableDatabase
) -> None:
    line.away = True
    image = make_image()

    first = await classify(client, image)
    again = await classify(client, image)

    assert (first["from_cache"], again["from_cache"]) == (False, True)
    line.away = False
    await until_healthy(client)
    assert await totals(line) == (1, 2, 2)


async def test_what_waits_in_the_spool_is_not_paid_for_again_though_the_database_is_back_and_lacks_it(
    client: httpx.AsyncClient, line: UnreliableDatabase, fake_models: FakeModels
) -> None:
    line.away = True
    image = make_image()
    await classify(client, image)
    line.only_reads = True  # it is back, and takes nothing of the spool yet
    line.away = False

    again = [await classify(client, image) for _ in range(2)]
    assert [answer["from_cache"] for answer in again] == [True, True]
    assert (await check_cache(client, image, user="device-1"))["cached"] is True
    assert len(fake_models.calls) == 1

    line.only_reads = False
    await until_healthy(client)
    assert await totals(line) == (1, 4, 4)


async def test_what_is_in_memory_is_still_known(client: httpx.AsyncClient, line: UnreliableDatabase) -> None:
    image = make_image()
    await classify(client, image)
    line.away = True

    assert (await check_cache(client, image, user="device-1"))["cached"] is True

    line.away = False
    await until_healthy(client)
    assert await totals(line) == (1, 2, 2)


async def test_what_is_not_in_memory_is_not_called_unknown(client: httpx.AsyncClient, line: UnreliableDatabase) -> None:
    line.away = True

    response = await client.post("/classify/check-cache", json={"image_hash": make_image_hash()})

    assert (response.status_code, response.json()["error"]["code"]) == (503, "database_unavailable")
    assert int(response.headers["Retry-After"]) >= 1


async def test_health_is_degraded_and_says_how_many_records_wait(
    client: httpx.AsyncClient, line: UnreliableDatabase
) -> None:
    line.away = True
    for _ in range(3):
        await classify(client, make_image())

    response = await client.get("/health")

    assert response.status_code == 200
    assert response.json() == {
        "status": "degraded",
        "timestamp": response.json()["timestamp"],
        "database": "disconnected",
        "model_api": "available",
        "spooled_records": 3,
    }


async def test_without_database_and_model_it_cannot_serve(
    client: httpx.AsyncClient, line: UnreliableDatabase, fake_models: FakeModels
) -> None:
    line.away = True
    fake_models.behaviour = Behaviour(status=500)
    for _ in range(3):
        await upload(client, make_image())

    response = await client.get("/health")

    assert (response.status_code, response.json()["status"]) == (503, "unhealthy")


async def test_records_that_wait_outlive_the_process(
    settings: Settings, line: UnreliableDatabase, fake_models: FakeModels
) -> None:
    line.away = True
    image = make_image()
    async with service_on(line, settings) as container, make_client(settings, container) as client:
        await classify(client, image)
    line.away = False

    async with service_on(line, settings) as container, make_client(settings, container) as client:
        async with asyncio.timeout(10):
            while not (await check_cache(client, image))["cached"]:
                await asyncio.sleep(0.02)

    assert len(fake_models.calls) == 1


async def test_more_bytes_of_uploads_than_admitted_are_told_at_once(
    settings: Settings, fake_models: FakeModels
) -> None:
    image = make_image("PNG", (400, 400))
    async with open_container(settings) as container:
        narrow = replace(container, uploads=UploadBudget(len(image) * 2))
        async with make_client(settings, narrow) as client:
            fake_models.behaviour = Behaviour(hang=True)
            running = asyncio.create_task(upload(client, image))
            await until(lambda: bool(fake_models.calls))

            refused = await upload(client, image + b"0" * len(image))
            too_large = await upload(client, image + b"0" * 11 * 1024 * 1024)

            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "overloaded")
            assert (too_large.status_code, too_large.json()["error"]["code"]) == (413, "image_too_large")
            fake_models.released.set()
            assert (await running).status_code == 200
            assert (await upload(client, image)).status_code == 200


async def test_an_answer_that_could_be_kept_nowhere_is_not_paid_for_again(
    settings: Settings, line: UnreliableDatabase, fake_models: FakeModels
) -> None:
    image = make_image()
    async with (
        service_on(line, settings) as container,
        make_client(settings, without_spool(container, line)) as client,
    ):
        line.away = True
        for _ in range(3):
            assert (await upload(client, image)).status_code == 503
        line.away = False

        answer = await classify(client, image)

    assert answer["from_cache"] is False
    assert len(fake_models.calls) == 1
    assert await totals(line) == (1, 1, 1)


async def test_a_batch_answers_what_is_in_memory_and_says_of_the_rest_that_nobody_knows(
    client: httpx.AsyncClient, line: UnreliableDatabase
) -> None:
    image = make_image()
    await classify(client, image)
    known, unknown = {"image_hash": sha256_hex(image)}, {"image_hash": make_image_hash()}
    line.away = True

    mixed = await client.post("/classify/check-cache/batch", json={"items": [unknown, known]})
    nothing = await client.post("/classify/check-cache/batch", json={"items": [unknown, {}, unknown]})

    first, second = mixed.json()["results"]
    assert (first["error"]["code"], first["retry_after"]) == ("database_unavailable", 1)
    assert second["cached"] is True
    assert (nothing.status_code, nothing.json()["error"]["code"]) == (503, "database_unavailable")
    assert nothing.headers["Retry-After"] == "1"
    line.away = False
