"""Each provider through its real SDK over real HTTP: what is asked, and what becomes of every kind of answer."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.config import Settings
from app.models.domain import Usage
from app.services.model.errors import (
    ModelBadAnswer,
    ModelDenied,
    ModelError,
    ModelMisconfigured,
    ModelRefused,
    ModelRejectedRequest,
    ModelTimeout,
    ModelUnavailable,
)
from app.services.model.prompt import build_prompt
from app.services.model_client import ModelClient
from tests.conftest import make_settings, settings_for_provider
from tests.factories import make_image
from tests.support.fake_model_server import Behaviour, FakeModels, answer_for
from tests.support.providers import ask, open_provider

PROVIDERS = ["openai", "claude", "custom"]
A_LATE_DATE = "Fri, 31 Dec 2199 23:59:59 GMT"
GOOD = {"category": "pets", "confidence": 0.9, "description": "一只猫"}


@pytest.fixture(params=PROVIDERS)
def provider_settings(request: pytest.FixtureRequest, fake_models: FakeModels) -> Settings:
    return make_settings(**settings_for_provider(request.param, fake_models))


@pytest.fixture
async def provider(provider_settings: Settings) -> AsyncIterator[ModelClient]:
    async with open_provider(provider_settings) as opened:
        yield opened


async def test_the_answer_comes_back_with_model_and_tokens(
    provider: ModelClient, provider_settings: Settings, fake_models: FakeModels
) -> None:
    reply = await ask(provider)

    (call,) = fake_models.calls
    expected = answer_for(call.jpeg)
    assert reply.classification.category == expected["category"]
    assert reply.classification.confidence == round(expected["confidence"], 4)
    assert reply.classification.description == expected["description"]
    assert reply.model_used == provider_settings.primary.model
    assert reply.usage == Usage(412, 37, 0)


async def test_the_image_arrives_as_it_was_given(provider: ModelClient, fake_models: FakeModels) -> None:
    jpeg = make_image()

    await ask(provider, jpeg=jpeg)

    assert fake_models.calls[0].jpeg == jpeg


async def test_the_question_names_the_model_the_limit_and_the_prompt(
    provider: ModelClient, provider_settings: Settings, fake_models: FakeModels
) -> None:
    await ask(provider)

    body = fake_models.calls[0].body
    assert body["model"] == provider_settings.primary.model
    assert provider_settings.llm_max_tokens in (body.get("max_tokens"), body.get("max_completion_tokens"))
    assert build_prompt("Chinese") in json.loads(json.dumps([body.get("system"), body["messages"][0]["content"]]))


async def test_hidden_reasoning_is_off_where_the_vendor_has_it(fake_models: FakeModels) -> None:
    for name, parameter, off in (("openai", "reasoning_effort", "none"), ("claude", "thinking", {"type": "disabled"})):
        settings = make_settings(**settings_for_provider(name, fake_models))
        async with open_provider(settings) as provider:
            await ask(provider)

        assert fake_models.calls[-1].body[parameter] == off


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (Behaviour(finish="refusal", text="I can't help with that."), ModelRefused),
        (Behaviour(finish="content_filter", text=""), ModelRefused),
        (Behaviour(finish="length", text='{"category": "pe'), ModelBadAnswer),
        (Behaviour(text='{"category": "pe'), ModelBadAnswer),
        (Behaviour(text="I think it is a cat."), ModelBadAnswer),
        (Behaviour(text=json.dumps({**GOOD, "category": "cats"})), ModelBadAnswer),
        (Behaviour(text=json.dumps({**GOOD, "confidence": None})), ModelBadAnswer),
        (Behaviour(no_choices=True), ModelBadAnswer),
        (Behaviour(raw=b"<html>welcome to the proxy</html>"), ModelBadAnswer),
        (Behaviour(raw=b"[]"), ModelBadAnswer),
        (Behaviour(status=400), ModelRejectedRequest),
        (Behaviour(status=401), ModelMisconfigured),
        (Behaviour(status=403), ModelDenied),
        (Behaviour(status=404), ModelDenied),
        (Behaviour(status=429), ModelUnavailable),
        (Behaviour(status=500), ModelUnavailable),
        (Behaviour(status=529), ModelUnavailable),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else f"{value.status}-{value.finish}-{value.text}",
)
async def test_what_is_no_answer_is_our_error_after_one_call(
    behaviour: Behaviour, error: type[ModelError], provider: ModelClient, fake_models: FakeModels
) -> None:
    fake_models.behaviour = behaviour

    with pytest.raises(error) as caught:
        await ask(provider)

    assert caught.type is error
    formats = 3 if fake_models.calls[0].body["model"] == "qwen-vl" and behaviour.status == 400 else 1
    assert len(fake_models.calls) == formats  # the SDK's own retries are off


async def test_a_model_that_hangs_is_given_up_at_the_deadline(provider: ModelClient, fake_models: FakeModels) -> None:
    fake_models.behaviour = Behaviour(hang=True)

    with pytest.raises(ModelTimeout):
        await ask(provider, seconds=0.2)


async def test_a_vendor_that_is_not_there_is_unavailable() -> None:
    for name in ("openai", "claude"):
        settings = make_settings(llm_provider=name, llm_api_key="k", llm_base_url="http://127.0.0.1:9/v1")
        async with open_provider(settings) as provider:
            with pytest.raises(ModelUnavailable):
                await ask(provider)


async def test_the_vendors_wish_to_wait_is_passed_on(provider: ModelClient, fake_models: FakeModels) -> None:
    fake_models.behaviour = Behaviour(status=429, headers={"retry-after": "17"})

    with pytest.raises(ModelUnavailable) as caught:
        await ask(provider)

    assert caught.value.retry_after_seconds == 17


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", None),
        ("1.5", 2),
        ("99999", 3600),
        ("9" * 5000, None),
        ("soon", None),
        ("Fri, 31 Dec 2199 23:59:59 GMT", 3600),
    ],
)
async def test_a_wish_to_wait_is_read_in_all_its_forms(
    header: str, seconds: int | None, provider: ModelClient, fake_models: FakeModels
) -> None:
    fake_models.behaviour = Behaviour(status=429, headers={"retry-after": header})

    with pytest.raises(ModelUnavailable) as caught:
        await ask(provider)

    assert caught.value.retry_after_seconds == seconds


async def test_our_error_never_holds_the_vendors_text(provider: ModelClient, fake_models: FakeModels) -> None:
    fake_models.behaviour = Behaviour(raw=b'{"error": {"message": "MARKER"}}', status=500)

    with pytest.raises(ModelError) as caught:
        await ask(provider)

    assert "MARKER" not in f"{caught.value} {caught.value.message} {caught.value.detail}"


async def test_a_fence_around_the_json_is_read(provider: ModelClient, fake_models: FakeModels) -> None:
    fake_models.behaviour = Behaviour(text=f"```json\n{json.dumps(GOOD)}\n```")

    assert (await ask(provider)).classification.category == "pets"


@pytest.mark.parametrize("finish", ["SAFETY", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "content_filter"])
async def test_a_filter_behind_a_compatible_server_is_a_refusal(finish: str, fake_models: FakeModels) -> None:
    settings = make_settings(**settings_for_provider("custom", fake_models))
    async with open_provider(settings) as provider:
        fake_models.behaviour = Behaviour(text="", finish=finish)

        with pytest.raises(ModelRefused) as caught:
            await ask(provider)

        assert caught.value.usage == Usage(412, 37, 0)


@pytest.mark.parametrize(
    "usage",
    [None, {}, {"prompt_tokens": "12"}, {"prompt_tokens": 1.5, "prompt_tokens_details": "x"}, {"prompt_tokens": -1}],
)
async def test_a_usage_that_makes_no_sense_costs_no_answer(usage: Any, fake_models: FakeModels) -> None:
    settings = make_settings(**settings_for_provider("custom", fake_models))
    async with open_provider(settings) as provider:
        message = {"role": "assistant", "content": json.dumps(GOOD)}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        reply = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, "usage": usage}
        fake_models.behaviour = Behaviour(raw=json.dumps(reply).encode(), headers={"content-type": "application/json"})

        answer = await ask(provider)

        assert answer.classification.category == "pets"
        assert answer.usage == Usage(0, 0, 0)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, Usage()),
        ({}, Usage()),
        ({"input_tokens": -1, "output_tokens": "12"}, Usage()),
        ({"input_tokens": 10**12, "output_tokens": True, "cache_read_input_tokens": -5}, Usage()),
        (
            {"input_tokens": 400, "output_tokens": 37, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 7},
            Usage(412, 37, 5),
        ),
    ],
)
async def test_a_usage_of_claude_is_read_as_carefully(usage: Any, expected: Usage, fake_models: FakeModels) -> None:
    content = [{"type": "text", "text": json.dumps(GOOD)}]
    reply = {"id": "x", "type": "message", "role": "assistant", "model": "m", "content": content, "usage": usage}
    fake_models.behaviour = Behaviour(
        raw=json.dumps({**reply, "stop_reason": "end_turn"}).encode(), headers={"content-type": "application/json"}
    )

    async with open_provider(make_settings(**settings_for_provider("claude", fake_models))) as provider:
        answer = await ask(provider)

    assert answer.classification.category == "pets"
    assert answer.usage == expected


async def test_azures_filter_names_itself_further_inside(fake_models: FakeModels) -> None:
    settings = make_settings(**settings_for_provider("custom", fake_models))
    async with open_provider(settings) as provider:
        body = {"error": {"code": "BadRequest", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}
        fake_models.behaviour = Behaviour(
            raw=json.dumps(body).encode(), status=400, headers={"content-type": "application/json"}
        )

        with pytest.raises(ModelRefused):
            await ask(provider)
