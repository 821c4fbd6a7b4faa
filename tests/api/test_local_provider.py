"""The offline classifier is honest: modest, marked, and gone when a model comes."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.container import open_container
from app.models.domain import Category
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
async def test_an_offline_guess_is_no_hit_once_there_is_a_model_and_is_replaced_by_its_answer(
    offline_client: httpx.AsyncClient, client: httpx.AsyncClient, fake_models: FakeModels
) -> None:
    image = make_image()
    guess = await classify(offline_client, image)

    assert (await check_cache(offline_client, image))["cached"] is True
    assert (await check_cache(client, image))["cached"] is False
    answer = await classify(client, image)

    assert answer["from_cache"] is False
    assert answer["data"]["description"] != guess["data"]["description"]
    assert (await check_cache(client, image))["data"] == answer["data"]
    assert (await check_cache(offline_client, image))["data"] == answer["data"]  # a better answer is for all
    assert len(fake_models.calls) == 1


async def test_a_guess_says_that_it_is_one(offline_client: httpx.AsyncClient) -> None:
    for _ in range(10):
        data = (await classify(offline_client, make_image()))["data"]

        assert data["category"] in list(Category)
        assert 0 < data["confidence"] <= 0.6
        assert data["description"].startswith("Offline guess, no model was asked: ")


async def test_the_guesses_on_the_samples_are_those_that_the_readme_prints(offline_client: httpx.AsyncClient) -> None:
    readme = (SAMPLES.parent / "README.md").read_text(encoding="utf-8")

    for sample in sorted([*SAMPLES.glob("*.png"), *SAMPLES.glob("*.jpg")]):
        category = (await classify(offline_client, sample.read_bytes()))["data"]["category"]

        assert f"| `{sample.name}` | `{category}` |" in readme
