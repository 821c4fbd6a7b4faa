"""How content filters and unknown models look behind a server that stands in front of the vendor."""

import json
from typing import Any

import pytest

from app.services.model.errors import ModelDenied, ModelRefused, ModelRejectedRequest, ModelUnavailable
from tests.conftest import make_settings, settings_for_provider
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.providers import ask, open_provider

# As LiteLLM 1.108 sends them: the vendor's code is replaced by the status, as a string.
LITELLM_FILTER = {
    "message": "litellm.BadRequestError: litellm.ContentPolicyViolationError: litellm.ContentPolicyViolationError: "
    "AzureException - The response was filtered due to the prompt triggering Azure OpenAI's content management policy. "
    "Please modify your prompt and retry. Received Model Group=photos",
    "type": "invalid_request_error",
    "param": None,
    "code": "400",
}
LITELLM_UNKNOWN_MODEL = {
    "message": "/chat/completions: Invalid model name passed in model=nosuch. Call `/v1/models` to view available "
    "models for your key.",
    "type": "invalid_request_error",
    "param": "model",
    "code": "400",
}
AZURE_FILTER = {
    "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
    "type": None,
    "param": "prompt",
    "code": "content_filter",
    "status": 400,
    "innererror": {"code": "ResponsibleAIPolicyViolation"},
}
OPENROUTER_MODERATION = {
    "code": 403,
    "message": 'gpt requires moderation on OpenAI. Your input was flagged for "violence". No credits were charged.',
    "metadata": {"reasons": ["violence"], "flagged_input": "...", "provider_name": "OpenAI", "model_slug": "gpt"},
}
OPENROUTER_POLICY = {"code": 403, "message": "The request is prohibited.", "error_type": "content_policy_violation"}


def behaviour(status: int, error: dict[str, Any], **headers: str) -> Behaviour:
    body = json.dumps({"error": error}).encode()
    return Behaviour(raw=body, status=status, headers={"content-type": "application/json", **headers})


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, LITELLM_FILTER),
        (400, AZURE_FILTER),
        (400, {**AZURE_FILTER, "code": None, "innererror": None}),
        (403, OPENROUTER_MODERATION),
        (403, {**OPENROUTER_MODERATION, "metadata": None}),
        (403, {**OPENROUTER_MODERATION, "message": "Forbidden"}),
        (403, OPENROUTER_POLICY),
        (403, {"code": "content_policy_violation", "message": "no"}),
    ],
)
@pytest.mark.parametrize("provider_name", ["openai", "claude", "custom"])
async def test_a_block_by_a_content_filter_is_a_refusal_after_one_call(
    provider_name: str, status: int, error: dict[str, Any], fake_models: FakeModels
) -> None:
    fake_models.behaviour = behaviour(status, error)

    async with open_provider(make_settings(**settings_for_provider(provider_name, fake_models))) as provider:
        with pytest.raises(ModelRefused):
            await ask(provider)

    assert len(fake_models.calls) == 1


async def test_an_unknown_model_behind_litellm_names_the_setting_after_one_call(fake_models: FakeModels) -> None:
    fake_models.behaviour = behaviour(400, LITELLM_UNKNOWN_MODEL)

    async with open_provider(make_settings(**settings_for_provider("custom", fake_models))) as provider:
        with pytest.raises(ModelDenied, match="LLM_MODEL"):
            await ask(provider)

    assert len(fake_models.calls) == 1


@pytest.mark.parametrize("error", [{"code": 403, "message": "Forbidden"}, {"metadata": {"reasons": []}}, {}])
async def test_a_403_that_says_nothing_of_a_filter_is_no_refusal(
    error: dict[str, Any], fake_models: FakeModels
) -> None:
    fake_models.behaviour = behaviour(403, error)

    async with open_provider(make_settings(**settings_for_provider("custom", fake_models))) as provider:
        with pytest.raises(ModelDenied):
            await ask(provider)


async def test_the_wish_to_wait_of_the_vendor_behind_litellm_is_read(fake_models: FakeModels) -> None:
    fake_models.behaviour = behaviour(429, {"code": "429"}, **{"llm_provider-retry-after": "17"})

    async with open_provider(make_settings(**settings_for_provider("custom", fake_models))) as provider:
        with pytest.raises(ModelUnavailable) as caught:
            await ask(provider)

    assert caught.value.retry_after_seconds == 17


async def test_a_message_that_was_looked_at_is_not_kept(fake_models: FakeModels) -> None:
    for error in (LITELLM_FILTER, LITELLM_UNKNOWN_MODEL, {**LITELLM_FILTER, "message": "Received Model Group=photos"}):
        fake_models.behaviour = behaviour(400, error)

        async with open_provider(make_settings(**settings_for_provider("custom", fake_models))) as provider:
            with pytest.raises((ModelRefused, ModelDenied, ModelRejectedRequest)) as caught:
                await ask(provider)

        assert "nosuch" not in f"{caught.value} {caught.value.detail}"
        assert "photos" not in f"{caught.value} {caught.value.detail}"
