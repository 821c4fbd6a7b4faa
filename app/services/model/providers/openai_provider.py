"""`ModelClient` over the OpenAI SDK: OpenAI itself, and any server that speaks its chat completions."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import openai
from openai.types.chat import ChatCompletion

from app.models.domain import ModelReply, Usage
from app.models.lanes import FLEX, STANDARD
from app.services.model.errors import ModelBadAnswer, ModelError, ModelRefused
from app.services.model.prompt import ANSWER_SCHEMA, PROMPT_VERSION, parse_answer
from app.services.model.providers.connection import Connection
from app.services.model.providers.token_count import token_count
from app.services.model.providers.vendor_errors import translate
from app.services.model.providers.vendor_http import VendorHTTPClient
from app.services.model.settings import ModelEndpoint
from app.services.model_client import Question

STRICT_SCHEMA: dict[str, Any] = {
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "classification", "strict": True, "schema": ANSWER_SCHEMA},
    }
}
JSON_MODE: dict[str, Any] = {"response_format": {"type": "json_object"}}
PLAIN_TEXT: dict[str, Any] = {}
_TIERS: Mapping[str, dict[str, Any]] = {STANDARD: {}, FLEX: {"service_tier": "flex"}}
# OpenAI's own word, and those that servers in front of other vendors pass through.
_FILTERED = frozenset(
    {"content_filter", "refusal", "safety", "image_safety", "prohibited_content", "blocklist", "spii", "recitation"}
)


@dataclass(frozen=True, slots=True)
class OpenAIProvider:
    """Asks one model over chat completions, in one answer format.

    `options` are the parameters in which OpenAI and compatible servers differ (`openai_options`, `custom_options`).
    """

    client: openai.AsyncOpenAI
    model: str
    prompt: str
    options: Mapping[str, Any]
    answer_format: Mapping[str, Any]

    async def ask(self, question: Question) -> ModelReply:
        try:
            async with asyncio.timeout_at(question.deadline.at):
                return self._reply(await self._create(question))
        except ModelError:
            raise
        except Exception as error:
            raise translate(error, openai) from error

    async def _create(self, question: Question) -> ChatCompletion:
        url = f"data:image/jpeg;base64,{base64.b64encode(question.jpeg).decode('ascii')}"
        messages: Any = [
            {"role": "system", "content": self.prompt},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url, "detail": "low"}}]},
        ]
        completion: ChatCompletion = await self.client.chat.completions.create(
            model=self.model,
            messages=messages,
            timeout=question.deadline.remaining_seconds(),
            **self.answer_format,
            **self.options,
        )
        return completion

    def _reply(self, completion: ChatCompletion) -> ModelReply:
        usage, lane = _usage_of(completion), FLEX if completion.service_tier == FLEX else STANDARD
        try:
            return ModelReply(parse_answer(_text_of(completion)), self.model, PROMPT_VERSION, usage, lane)
        except ModelError as error:
            error.usage, error.lane = usage, lane
            raise


def _text_of(completion: ChatCompletion) -> str:
    if not completion.choices:
        raise ModelBadAnswer(detail="the reply has no choices")
    choice = completion.choices[0]
    if choice.message.refusal or str(choice.finish_reason).lower() in _FILTERED:
        raise ModelRefused(detail=f"finish_reason {choice.finish_reason}")
    if choice.finish_reason == "length":
        raise ModelBadAnswer(detail="the answer was cut off at LLM_MAX_TOKENS")
    return choice.message.content or ""


def _usage_of(completion: ChatCompletion) -> Usage:
    usage = completion.usage
    if usage is None:
        return Usage()
    cached = getattr(usage.prompt_tokens_details, "cached_tokens", None)
    return Usage(token_count(usage.prompt_tokens), token_count(usage.completion_tokens), token_count(cached))


def openai_options(max_tokens: int) -> dict[str, Any]:
    """Return what OpenAI's own models take. Reasoning is off: hidden reasoning costs more than the image."""
    return {"max_completion_tokens": max_tokens, "reasoning_effort": "none"}


def custom_options(max_tokens: int) -> dict[str, Any]:
    """Return what compatible servers take: many know neither `max_completion_tokens` nor `reasoning_effort`."""
    return {"max_tokens": max_tokens}


def connect_openai(model: ModelEndpoint, prompt: str, max_tokens: int, lane: str = STANDARD) -> Connection:
    """Connect to a model of OpenAI itself."""
    return _connect(model, prompt, {**openai_options(max_tokens), **_TIERS[lane]}, [STRICT_SCHEMA])


def connect_custom(model: ModelEndpoint, prompt: str, max_tokens: int, lane: str = STANDARD) -> Connection:
    """Connect to a model of a compatible server, whose answer formats are found out."""
    options = {**custom_options(max_tokens), **_TIERS[lane]}
    return _connect(model, prompt, options, [STRICT_SCHEMA, JSON_MODE, PLAIN_TEXT])


def _connect(
    model: ModelEndpoint, prompt: str, options: Mapping[str, Any], formats: Sequence[Mapping[str, Any]]
) -> Connection:
    # Many compatible servers want no key, but the SDK does. Its own retries are off: one budget, one place to spend it.
    key = model.api_key or "none"
    http = VendorHTTPClient({"authorization": f"Bearer {key}"})
    client = openai.AsyncOpenAI(api_key=key, base_url=model.base_url, max_retries=0, http_client=http)
    return Connection([OpenAIProvider(client, model.model, prompt, options, each) for each in formats], client.close)
