"""P1: one image is sent to a model once, however many ask, in however many processes."""

import asyncio
from typing import Any

import httpx
import pytest

from app.config import Settings
from app.container import open_container
from app.database import Sql
from app.drivers.build import open_database
from app.models.domain import LOCAL_MODEL
from app.repositories.lease_repository import LeaseRepository
from tests.api.calls import check_cache, classify, question_of, upload
from tests.conftest import make_client, with_settings
from tests.factories import make_image
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.waiting import until

pytestmark = pytest.mark.on_both_databases

END_ALL = Sql.same("UPDATE lease SET expires_at = '2020-01-01 00:00:00.000'")


async def totals(settings: Settings) -> tuple[Any, ...]:
    """Return: images, hits, records, records of answers by a model."""
    database = await open_database(settings)
    ((images, hits),) = await database.fetch_all(
        Sql.same("SELECT COUNT(*), SUM(hit_count) FROM image_classification_cache"), {}
    )
    ((records, paid),) = await database.fetch_all(Sql.same("SELECT COUNT(*), SUM(1 - from_cache) FROM request_log"), {})
    await database.close()
    return images, hits, records, paid


async def test_many_uploads_of_one_image_to_several_processes_are_one_call(
    settings: Settings, processes: list[httpx.AsyncClient], fake_models: FakeModels
) -> None:
    image = make_image()

    answers = await asyncio.gather(*(classify(processes[number % 3], image) for number in range(60)))

    assert len(fake_models.calls) == 1
    assert len({str(answer["data"]) for answer in answers}) == 1
    assert [answer["from_cache"] for answer in answers].count(False) == 1
    assert await totals(settings) == (1, 60, 60, 1)


async def test_uploads_of_different_images_are_a_call_each(
    settings: Settings, processes: list[httpx.AsyncClient], fake_models: FakeModels
) -> None:
    images = [make_image() for _ in range(12)]

    await asyncio.gather(*(classify(processes[number % 3], images[number % 12]) for number in range(48)))

    assert len(fake_models.calls) == 12
    assert await totals(settings) == (12, 48, 48, 12)


async def test_callers_who_all_hang_up_leave_the_answer_behind(
    client: httpx.AsyncClient, fake_models: FakeModels
) -> None:
    image = make_image()
    fake_models.behaviour = Behaviour(hang=True)
    callers = [asyncio.create_task(upload(client, image)) for _ in range(5)]
    await until(lambda: bool(fake_models.calls))

    for caller in callers:
        caller.cancel()
    await asyncio.wait(callers)
    fake_models.released.set()

    async with asyncio.timeout(5):
        while not (await check_cache(client, image))["cached"]:
            await asyncio.sleep(0.01)
    assert len(fake_models.calls) == 1


async def test_callers_in_one_process_share_a_failure(client: httpx.AsyncClient, fake_models: FakeModels) -> None:
    image = make_image()
    fake_models.behaviour = Behaviour(finish="refusal", text="no")

    answers = await asyncio.gather(*(upload(client, image) for _ in range(20)))

    assert [answer.json()["error"]["code"] for answer in answers] == ["model_refused"] * 20
    assert len(fake_models.calls) == 1


async def test_the_turn_of_a_process_that_died_is_taken_when_its_lease_ends(
    settings: Settings, client: httpx.AsyncClient, fake_models: FakeModels
) -> None:
    image = make_image()
    database = await open_database(settings)
    assert await LeaseRepository(database).claim(f"photo:{question_of(image)}", "a process that died", 60)
    waiting = asyncio.create_task(classify(client, image))
    await asyncio.sleep(0.3)  # nothing is to happen in this time
    assert fake_models.calls == []

    await database.execute(END_ALL, {})

    assert (await waiting)["from_cache"] is False
    async with asyncio.timeout(5):
        while await database.fetch_all(Sql.same("SELECT COUNT(*) FROM lease"), {}) != [(0,)]:
            await asyncio.sleep(0.01)
    await database.close()


async def test_the_embedded_network_takes_turns_too(database_settings: dict[str, Any], settings: Settings) -> None:
    offline = with_settings(settings, llm_provider="local")
    image = make_image()
    async with open_container(offline) as container, make_client(offline, container) as client:
        answers = await asyncio.gather(*(classify(client, image) for _ in range(10)))

    assert [answer["from_cache"] for answer in answers].count(False) == 1
    database = await open_database(settings)
    assert await database.fetch_all(Sql.same("SELECT model_used FROM image_classification_cache"), {}) == [
        (LOCAL_MODEL,)
    ]
    await database.close()
