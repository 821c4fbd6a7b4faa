"""Settings that change what the service does, seen from outside."""

from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from app.config import Settings
from app.container import open_container
from app.database import Database, Sql
from app.services.images.decoding_server import DecodingServer
from tests.api.calls import check_cache, classify, get_data, upload
from tests.conftest import make_client, make_settings, settings_for_provider, with_settings
from tests.factories import make_image
from tests.support.fake_model_server import Behaviour, FakeModels

LOG_ROWS = Sql.same("SELECT COUNT(*) FROM request_log")
HITS = Sql.same("SELECT hit_count FROM image_classification_cache")


async def test_without_a_request_log_hits_are_still_counted(
    settings: Settings, database: Database, fake_models: FakeModels
) -> None:
    quiet = with_settings(settings, enable_request_log=False)
    async with open_container(quiet) as container, make_client(quiet, container) as client:
        image = make_image()
        await classify(client, image, "device-42")
        await check_cache(client, image, "device-42")

    assert await database.fetch_all(LOG_ROWS, {}) == [(0,)]
    assert await database.fetch_all(HITS, {}) == [(2,)]


@pytest.mark.parametrize(
    ("values", "image", "code"),
    [
        ({"max_image_size_mb": 0.01}, make_image("PNG", size=(500, 500)), "image_too_large"),
        ({"image_max_pixels": 10_000}, make_image(size=(101, 100)), "image_too_many_pixels"),
        ({"allowed_image_formats": "jpg"}, make_image("PNG"), "unsupported_format"),
    ],
)
async def test_limits_on_images_are_the_operators(
    values: dict[str, Any], image: bytes, code: str, sqlite_settings: dict[str, Any]
) -> None:
    settings = make_settings(**sqlite_settings, **values, llm_provider="local")
    async with open_container(settings) as container, make_client(settings, container) as client:
        response = await upload(client, image)

    assert response.json()["error"]["code"] == code


async def test_the_model_is_asked_with_the_operators_words_and_sizes(
    sqlite_settings: dict[str, Any], fake_models: FakeModels
) -> None:
    values = {**settings_for_provider("openai", fake_models), "llm_model": "gpt-x", "description_language": "French"}
    settings = make_settings(**sqlite_settings, **values, llm_image_max_side=300, llm_max_tokens=99)
    async with open_container(settings) as container, make_client(settings, container) as client:
        await classify(client, make_image(size=(900, 600)))

    (call,) = fake_models.calls
    assert (call.body["model"], call.body["max_completion_tokens"]) == ("gpt-x", 99)
    assert Image.open(BytesIO(call.jpeg)).size == (300, 200)
    assert "in French" in call.body["messages"][0]["content"]


async def test_a_question_ends_with_the_operators_budget(
    sqlite_settings: dict[str, Any], fake_models: FakeModels, decoders: DecodingServer
) -> None:
    fake_models.behaviour = Behaviour(hang=True)
    values = {**settings_for_provider("claude", fake_models), "llm_timeout": 1}
    settings = make_settings(**sqlite_settings, **values)
    async with open_container(settings, decoders=decoders) as container, make_client(settings, container) as client:
        response = await upload(client, make_image())

    assert response.status_code == 504
    assert response.json()["error"]["code"] == "model_timeout"


async def test_the_price_of_a_call_is_the_operators(client: httpx.AsyncClient, settings: Settings) -> None:
    dear = with_settings(settings, cost_per_api_call="0.25")
    async with open_container(dear) as container, make_client(dear, container) as other:
        await classify(other, make_image())

        assert (await get_data(other, "/stats/today"))["estimated_cost"] == 0.25
