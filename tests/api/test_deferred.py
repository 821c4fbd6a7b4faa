"""lane=deferred: a model at the vendor's reduced price for callers who have time, and what that costs."""

import asyncio
from typing import Any

import httpx
import pytest

from app.config import Settings
from app.container import Container, open_container
from app.database import Database, Sql
from tests.conftest import make_client, make_settings, settings_for_provider, with_settings
from tests.factories import make_image
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.waiting import until

STANDARD_COST = (412 * 10 + 37 * 100) / 1_000_000
CALLS = Sql.same("SELECT lane, outcome, cost FROM model_call ORDER BY id")


@pytest.fixture
def settings(database_settings: dict[str, Any], provider_settings: dict[str, Any]) -> Settings:
    prices = {"llm_price_input_per_mtok": 10, "llm_price_output_per_mtok": 100}
    return make_settings(**database_settings, **provider_settings, **prices)


async def defer(client: httpx.AsyncClient, image: bytes, lane: str = "deferred") -> httpx.Response:
    return await client.post("/classify", params={"lane": lane}, files={"image": image})


def tiers(models: FakeModels) -> list[str | None]:
    return [call.body.get("service_tier") for call in models.calls]


async def calls(database: Database) -> list[Any]:
    return [(lane, outcome, float(cost)) for lane, outcome, cost in await database.fetch_all(CALLS, {})]


@pytest.mark.on_both_databases
async def test_a_deferred_photo_is_asked_about_in_the_cheap_lane_and_costs_its_part(
    client: httpx.AsyncClient, fake_models: FakeModels, database: Database
) -> None:
    answer = (await defer(client, make_image())).json()
    plain = (await defer(client, make_image(), "standard")).json()

    assert list(answer) == list(plain)
    assert (answer["success"], answer["from_cache"], answer["degraded"]) == (True, False, False)
    assert tiers(fake_models) == ["flex", None]
    assert await calls(database) == [
        ("flex", "answered", pytest.approx(STANDARD_COST / 2)),
        ("standard", "answered", pytest.approx(STANDARD_COST)),
    ]
    lanes = {row["lane"]: row["calls"] for row in (await client.get("/stats/models")).json()["data"]["models"]}
    assert lanes == {"flex": 1, "standard": 1}


async def test_what_the_answer_says_of_its_lane_is_what_it_costs(
    client: httpx.AsyncClient, fake_models: FakeModels, database: Database
) -> None:
    fake_models.behaviour = Behaviour(flex="default")

    assert (await defer(client, make_image())).status_code == 200

    assert tiers(fake_models) == ["flex"]
    assert await calls(database) == [("standard", "answered", pytest.approx(STANDARD_COST))]


async def test_while_the_lane_has_no_room_it_is_asked_again_and_that_costs_nothing(
    client: httpx.AsyncClient, fake_models: FakeModels, database: Database
) -> None:
    fake_models.script = [Behaviour(flex="full")]

    assert (await defer(client, make_image())).status_code == 200

    assert tiers(fake_models) == ["flex", "flex"]
    assert [call[:2] for call in await calls(database)] == [("flex", "unavailable"), ("flex", "answered")]
    assert (await calls(database))[0][2] == 0


@pytest.mark.parametrize("flex", ["full", "hang"])
@pytest.mark.parametrize(("fallback", "status"), [("standard", 200), ("fail", None)])
async def test_at_the_end_of_its_time_the_standard_lane_is_asked_or_not_as_the_setting_says(
    flex: str, fallback: str, status: int | None, settings: Settings, fake_models: FakeModels
) -> None:
    fake_models.behaviour = Behaviour(flex=flex)

    response = None
    # A busy machine may have prepared the photo when the first time is over: then nobody is asked.
    for seconds in (1, 5, 25):
        fake_models.calls.clear()
        impatient = with_settings(settings, deferred_timeout=seconds, deferred_fallback=fallback)
        async with open_container(impatient) as container, make_client(impatient, container) as client:
            response = await defer(client, make_image())
        if "flex" in tiers(fake_models):
            break
    fake_models.released.set()
    assert response is not None

    asked = set(tiers(fake_models))
    if status:
        assert (response.status_code, asked) == (200, {"flex", None})
    else:
        code = "model_unavailable" if flex == "full" else "model_timeout"
        assert (response.json()["error"]["code"], asked) == (code, {"flex"})


async def test_somebody_in_a_hurry_does_not_wait_behind_a_deferred_photo(
    client: httpx.AsyncClient, fake_models: FakeModels, database: Database
) -> None:
    fake_models.behaviour = Behaviour(flex="hang")
    image = make_image()

    deferred = asyncio.create_task(defer(client, image))
    await until(lambda: tiers(fake_models) == ["flex"])
    answers = await asyncio.wait_for(asyncio.gather(deferred, defer(client, image, "standard")), 5)

    assert [answer.status_code for answer in answers] == [200, 200]
    assert len({str(answer.json()["data"]) for answer in answers}) == 1
    assert sorted(answer.json()["from_cache"] for answer in answers) == [False, True]
    assert tiers(fake_models) == ["flex", None]
    assert [call[:2] for call in await calls(database)] == [("flex", "cancelled"), ("standard", "answered")]
    assert (await calls(database))[0][2] == 0.01  # nobody told us: the whole flat price


async def test_a_model_without_the_lane_is_asked_in_the_standard_one_and_the_lane_is_not_tried_again(
    client: httpx.AsyncClient, fake_models: FakeModels
) -> None:
    fake_models.behaviour = Behaviour(flex="unknown")

    answers = [await defer(client, make_image()) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert tiers(fake_models) == ["flex", None, None]


@pytest.mark.parametrize("provider", ["claude", "custom", "local"])
async def test_every_provider_answers_deferred_photos(
    provider: str, database_settings: dict[str, Any], fake_models: FakeModels
) -> None:
    settings = make_settings(**database_settings, **settings_for_provider(provider, fake_models))
    async with open_container(settings) as container, make_client(settings, container) as client:
        assert (await defer(client, make_image())).status_code == 200

    assert tiers(fake_models) == {"claude": [None], "custom": ["flex"], "local": []}[provider]


async def test_the_photos_of_a_batch_may_be_deferred(client: httpx.AsyncClient, fake_models: FakeModels) -> None:
    files = [("images", make_image()), ("images", make_image())]

    response = await client.post("/classify/batch", params={"lane": "deferred"}, files=files)

    assert [one["success"] for one in response.json()["results"]] == [True, True]
    assert tiers(fake_models) == ["flex", "flex"]


@pytest.mark.parametrize("query", ["lane=cheap", "lane=", "lane", "lane=deferred&lane=standard", "lane=%64eferred"])
async def test_a_lane_that_there_is_not_is_400(query: str, client: httpx.AsyncClient) -> None:
    for path in ("/classify", "/classify/batch"):
        response = await client.post(f"{path}?{query}", files={"image": make_image()})

        assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_request")


async def test_a_lane_whose_name_the_proxy_would_not_read_is_none(
    client: httpx.AsyncClient, fake_models: FakeModels
) -> None:
    response = await client.post("/classify?l%61ne=deferred", files={"image": make_image()})

    assert response.status_code == 200
    assert tiers(fake_models) == [None]


async def test_deferred_uploads_have_half_of_the_room(container: Container) -> None:
    half = 128 * 1024 * 1024
    with container.deferred_uploads.upload() as first, container.deferred_uploads.upload() as second:
        first(half)
        assert container.uploads.in_flight == half
        with pytest.raises(Exception, match="too many bytes"):
            second(1)
        with container.uploads.upload() as other:
            other(half)
    assert container.uploads.in_flight == container.deferred_uploads.in_flight == 0


async def test_deferred_photos_take_no_place_from_others(settings: Settings, fake_models: FakeModels) -> None:
    fake_models.behaviour = Behaviour(flex="hang")
    small = with_settings(settings, llm_max_concurrency=1)
    async with open_container(small) as container, make_client(small, container) as client:
        deferred = [asyncio.create_task(defer(client, make_image())) for _ in range(3)]
        await until(lambda: tiers(fake_models) == ["flex"])

        assert (await defer(client, make_image(), "standard")).status_code == 200

        fake_models.released.set()
        assert [answer.status_code for answer in await asyncio.gather(*deferred)] == [200] * 3
