"""The embedded network says that it is one, and its answers are gone when a model comes."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.container import open_container
from app.database import Sql
from app.drivers.build import open_database
from app.models.domain import EARLIER_LOCAL_MODEL, LOCAL_MODEL
from tests.api.calls import check_cache, classify
from tests.conftest import SAMPLES, make_client, make_settings
from tests.factories import make_image
from tests.support.fake_model_server import FakeModels


@pytest.fixture
async def offline_client(database_settings: dict[str, Any]) -> AsyncIterator[httpx.AsyncClient]:
    """The same database, served without a model."""
    settings = make_settings(**database_settings, llm_provider="local")
    async with open_container(settings) as container, make_client(settings, container) as made:
        yield made


@pytest.mark.on_both_databases
async def test_an_answer_of_the_network_is_no_hit_once_there_is_a_model_and_is_replaced_by_its_answer(
    offline_client: httpx.AsyncClient, client: httpx.AsyncClient, fake_models: FakeModels
) -> None:
    image = make_image()
    seen = await classify(offline_client, image)

    assert (await check_cache(offline_client, image))["cached"] is True
    assert (await check_cache(client, image))["cached"] is False
    answer = await classify(client, image)

    assert answer["from_cache"] is False
    assert answer["data"]["description"] != seen["data"]["description"]
    assert (await check_cache(client, image))["data"] == answer["data"]
    assert (await check_cache(offline_client, image))["data"] == answer["data"]  # a better answer is for all
    assert len(fake_models.calls) == 1


async def test_a_sample_is_what_it_shows_and_the_answer_says_who_gave_it(offline_client: httpx.AsyncClient) -> None:
    data = (await classify(offline_client, (SAMPLES / "cat.png").read_bytes()))["data"]

    assert data["category"] == "pets"
    assert data["confidence"] > 0.9
    assert data["description"] == "未询问模型；内置网络看到：1 张脸，像“Egyptian cat”。"


@pytest.mark.on_both_databases
async def test_what_the_colour_rules_of_earlier_versions_said_is_not_served_and_is_replaced(
    offline_client: httpx.AsyncClient, database_settings: dict[str, Any]
) -> None:
    image = (SAMPLES / "cat.png").read_bytes()
    new = await classify(offline_client, image)
    database = await open_database(make_settings(**database_settings))
    await database.execute(
        Sql.same("UPDATE image_classification_cache SET model_used = :earlier, category = 'foods'"),
        {"earlier": EARLIER_LOCAL_MODEL},
    )

    assert (await check_cache(offline_client, image))["cached"] is False
    again = await classify(offline_client, image)

    assert (again["from_cache"], again["data"]) == (False, new["data"])
    rows = await database.fetch_all(Sql.same("SELECT model_used, category FROM image_classification_cache"), {})
    assert list(rows) == [(LOCAL_MODEL, "pets")]
    await database.close()
