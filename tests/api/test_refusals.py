"""A refusal is remembered so that it is not paid for again, and forgotten when its time is over."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from app.config import Settings
from app.container import open_container
from app.database import Database
from app.repositories.refusal_repository import RefusalRepository
from tests.api.calls import check_cache, classify, get_data, upload
from tests.conftest import make_client, with_settings
from tests.factories import make_failure, make_image, make_image_hash
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.records import write_outcomes

pytestmark = pytest.mark.on_both_databases

REFUSAL = Behaviour(text="I can't help with that.", finish="refusal")


async def test_an_image_that_was_refused_is_refused_again_without_a_call(
    client: httpx.AsyncClient, fake_models: FakeModels
) -> None:
    image = make_image()
    fake_models.behaviour = REFUSAL
    first = await upload(client, image)
    fake_models.behaviour = Behaviour()

    again = await upload(client, image)

    assert first.status_code == again.status_code == 422
    assert again.json()["error"]["code"] == "model_refused"
    assert len(fake_models.calls) == 1
    assert (await check_cache(client, image))["cached"] is False


async def test_other_images_are_not_affected(client: httpx.AsyncClient, fake_models: FakeModels) -> None:
    fake_models.behaviour = REFUSAL
    await upload(client, make_image())
    fake_models.behaviour = Behaviour()

    await classify(client, make_image())


async def test_without_a_time_to_remember_every_upload_is_asked_about(
    settings: Settings, fake_models: FakeModels
) -> None:
    forgetful = with_settings(settings, llm_refusal_ttl_seconds=0)
    async with open_container(forgetful) as container, make_client(forgetful, container) as client:
        image = make_image()
        fake_models.behaviour = REFUSAL
        await upload(client, image)
        fake_models.behaviour = Behaviour()

        assert (await classify(client, image))["from_cache"] is False
    assert len(fake_models.calls) == 2


async def test_a_refusal_is_forgotten_when_its_time_is_over(database: Database) -> None:
    repository, now = RefusalRepository(database), datetime(2025, 10, 10, tzinfo=UTC)
    refusal = make_failure(created_at=now, refused_until=now + timedelta(seconds=60))

    await write_outcomes(database, [refusal])

    assert await repository.is_refused([refusal.image_hash], now + timedelta(seconds=59))
    assert not await repository.is_refused([refusal.image_hash], now + timedelta(seconds=60))
    assert not await repository.is_refused([make_image_hash()], now)


async def test_the_statistics_count_the_tokens_of_answers_and_of_refusals_and_price_them(
    settings: Settings, fake_models: FakeModels
) -> None:
    priced = with_settings(settings, llm_price_input_per_mtok="0.10", llm_price_output_per_mtok="0.50")
    async with open_container(priced) as container, make_client(priced, container) as client:
        await classify(client, make_image())
        fake_models.behaviour = REFUSAL
        await upload(client, make_image())

        tokens = await get_data(client, "/stats/tokens")

    cost = (2 * 412 * 0.10 + 2 * 37 * 0.50) / 1e6
    tokens_spent = {"input_tokens": 824, "cached_tokens": 0, "output_tokens": 74}
    expected = {"images": 2, **tokens_spent, "cost": round(cost, 10), "calls": 2}
    for told in (tokens["today"], tokens["total"]):
        assert {**told, "cost": round(told["cost"], 10)} == expected


async def test_without_prices_there_is_no_cost_but_there_are_tokens(client: httpx.AsyncClient) -> None:
    await classify(client, make_image())

    total = (await get_data(client, "/stats/tokens"))["total"]
    assert (total["input_tokens"], total["cost"]) == (412, None)
