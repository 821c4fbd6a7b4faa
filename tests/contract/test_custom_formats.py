"""`custom`: the strictest answer format that the server takes is found once and remembered."""

from collections.abc import AsyncIterator

import pytest

from app.services.model.errors import ModelRefused, ModelRejectedRequest
from app.services.model_client import ModelClient
from tests.conftest import make_settings, settings_for_provider
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.providers import ask, open_provider

ALL = frozenset({"json_schema", "json_object", "text"})


@pytest.fixture
async def provider(fake_models: FakeModels) -> AsyncIterator[ModelClient]:
    settings = make_settings(**settings_for_provider("custom", fake_models))
    async with open_provider(settings) as opened:
        yield opened


def formats_asked(models: FakeModels) -> list[str]:
    return [call.body.get("response_format", {"type": "text"})["type"] for call in models.calls]


@pytest.mark.parametrize(
    ("takes", "first", "afterwards"),
    [
        (ALL, ["json_schema"], ["json_schema"]),
        (ALL - {"json_schema"}, ["json_schema", "json_object"], ["json_object"]),
        (frozenset({"text"}), ["json_schema", "json_object", "text"], ["text"]),
    ],
)
async def test_the_server_is_asked_for_less_until_it_takes_it_and_then_for_that_at_once(
    takes: frozenset[str], first: list[str], afterwards: list[str], provider: ModelClient, fake_models: FakeModels
) -> None:
    fake_models.behaviour = Behaviour(takes=takes)

    await ask(provider)
    assert formats_asked(fake_models) == first

    await ask(provider)
    assert formats_asked(fake_models)[len(first) :] == afterwards


async def test_once_it_has_answered_a_400_is_about_the_image_and_costs_one_call(
    provider: ModelClient, fake_models: FakeModels
) -> None:
    await ask(provider)
    fake_models.behaviour = Behaviour(status=400)

    with pytest.raises(ModelRejectedRequest):
        await ask(provider)

    assert formats_asked(fake_models) == ["json_schema", "json_schema"]


async def test_a_content_filters_400_is_no_reason_to_ask_for_less(
    provider: ModelClient, fake_models: FakeModels
) -> None:
    fake_models.behaviour = Behaviour(status=400, text="content_filter")

    with pytest.raises(ModelRefused):
        await ask(provider)

    assert formats_asked(fake_models) == ["json_schema"]


async def test_a_server_that_takes_none_for_one_image_is_asked_strictly_for_the_next(
    provider: ModelClient, fake_models: FakeModels
) -> None:
    fake_models.behaviour = Behaviour(status=400)
    with pytest.raises(ModelRejectedRequest):
        await ask(provider)
    fake_models.behaviour = Behaviour()

    await ask(provider)

    assert formats_asked(fake_models)[-1] == "json_schema"
