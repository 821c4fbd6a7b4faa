"""`ModelClient` over the OpenAI SDK: OpenAI itself, and any server that speaks its chat completions."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import openai
from loguru import logger
from openai.types.chat import ChatCompletion

from app.models.domain import ModelReply, Usage
from app.services.model.errors import ModelBadAnswer, ModelError, ModelRefused
from app.services.model.prompt import ANSWER_SCHEMA, PROMPT_VERSION, parse_answer
from app.services.model.providers.vendor_errors import translate
from app.services.model.settings import ModelEndpoint
from app.utils.deadline import Deadline

STRICT_SCHEMA: dict[str, Any] = {
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "classification", "strict": True, "schema": ANSWER_SCHEMA},
    }
}
JSON_MODE: dict[str, Any] = {"response_format": {"type": "json_object"}}
PLAIN_TEXT: dict[str, Any] = {}
# OpenAI's own word, and those that servers in front of other vendors pass through.
_FILTERED = frozenset(
    {"content_filter", "refusal", "safety", "image_safety", "prohibited_content", "blocklist", "spii", "recitation"}
)
_NOT_UNDERSTOOD = (openai.BadRequestError, openai.UnprocessableEntityError)


@dataclass(slots=True)
class OpenAIProvider:
    """Asks one model over chat completions.

    `options` are the parameters in which OpenAI and compatible servers differ (`openai_options`, `custom_options`).
    `formats` are the ways to ask for JSON, strictest first: until a server has answered once, a 400 to one may mean
    that it takes only the next; from then on it is asked in what it answered to.
    """

    client: openai.AsyncOpenAI
    model: str
    prompt: str
    options: Mapping[str, Any]
    formats: Sequence[Mapping[str, Any]] = (STRICT_SCHEMA,)
    _format: int = field(default=0, init=False)
    _settled: bool = field(default=False, init=False)

    async def classify(self, jpeg: bytes, deadline: Deadline) -> ModelReply:
        try:
            async with asyncio.timeout_at(deadline.at):
                return self._reply(await self._ask(jpeg, deadline))
        except ModelError:
            raise
        except Exception as error:
            raise translate(error, openai) from error

    async def close(self) -> None:
        await self.client.close()

    async def _ask(self, jpeg: bytes, deadline: Deadline) -> ChatCompletion:
        """Ask in the format that the server has answered to, or find the strictest that it does answer to."""
        level = self._format
        while True:
            try:
                completion = await self._create(jpeg, self.formats[level], deadline)
            except _NOT_UNDERSTOOD as error:
                level += 1
                if self._settled or level == len(self.formats) or isinstance(translate(error, openai), ModelRefused):
                    raise
            else:
                if not self._settled and level > 0:
                    logger.info("the server takes no stricter format", format=level, model=self.model)
                self._format, self._settled = level, True
                return completion

    async def _create(self, jpeg: bytes, answer_format: Mapping[str, Any], deadline: Deadline) -> ChatCompletion:
        url = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"
        messages: Any = [
            {"role": "system", "content": self.prompt},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url, "detail": "low"}}]},
        ]
        completion: ChatCompletion = await self.client.chat.completions.create(
            model=self.model,
            messages=messages,
            timeout=deadline.remaining_seconds(),
            **answer_format,
            **self.options,
        )
        return completion

    def _reply(self, completion: ChatCompletion) -> ModelReply:
        usage = _usage_of(completion)
        try:
            return ModelReply(parse_answer(_text_of(completion)), self.model, PROMPT_VERSION, usage)
        except ModelError as error:
            error.usage = usage
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
    return Usage(_count(usage.prompt_tokens), _count(usage.completion_tokens), _count(cached))


def _count(value: object) -> int:
    """Return a token count: compatible servers leave it out, or send something else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else 0


def openai_options(max_tokens: int) -> dict[str, Any]:
    """Return what OpenAI's own models take. Reasoning is off: hidden reasoning costs more than the image."""
    return {"max_completion_tokens": max_tokens, "reasoning_effort": "none"}


def custom_options(max_tokens: int) -> dict[str, Any]:
    """Return what compatible servers take: many know neither `max_completion_tokens` nor `reasoning_effort`."""
    return {"max_tokens": max_tokens}


def connect_openai(model: ModelEndpoint, prompt: str, max_tokens: int) -> OpenAIProvider:
    """Return the provider for OpenAI itself. The SDK's own retries are off: one budget, one place that spends it."""
    client = openai.AsyncOpenAI(api_key=model.api_key, base_url=model.base_url, max_retries=0)
    return OpenAIProvider(client, model.model, prompt, openai_options(max_tokens))


def connect_custom(model: ModelEndpoint, prompt: str, max_tokens: int) -> OpenAIProvider:
    """Return the provider for a compatible server, whose answer formats are found out."""
    # Many compatible servers want no key, but the SDK does.
    client = openai.AsyncOpenAI(api_key=model.api_key or "none", base_url=model.base_url, max_retries=0)
    formats = (STRICT_SCHEMA, JSON_MODE, PLAIN_TEXT)
    return OpenAIProvider(client, model.model, prompt, custom_options(max_tokens), formats)
