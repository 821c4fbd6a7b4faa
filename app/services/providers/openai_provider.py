"""`ModelClient` over the OpenAI SDK: OpenAI itself, and any server that speaks its chat completions."""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import openai
from openai.types.chat import ChatCompletion

from app.errors import ModelBadAnswer, ModelRefused
from app.models.domain import ModelReply
from app.services.prompt import ANSWER_SCHEMA, PROMPT_VERSION, parse_answer
from app.services.providers.errors import translate
from app.utils.deadline import Deadline


@dataclass(frozen=True, slots=True)
class OpenAIProvider:
    """Asks one model over chat completions with a strict JSON schema.

    `options` are the parameters in which OpenAI and compatible servers differ (`openai_options`, `custom_options`).
    """

    client: openai.AsyncOpenAI
    model: str
    prompt: str
    options: Mapping[str, Any]

    async def classify(self, jpeg: bytes, deadline: Deadline) -> ModelReply:
        try:
            async with asyncio.timeout_at(deadline.at):
                completion = await self.client.chat.completions.create(
                    model=self.model,
                    messages=self._messages(jpeg),
                    response_format=_RESPONSE_FORMAT,
                    timeout=deadline.remaining_seconds(),
                    **self.options,
                )
            return self._reply(completion)
        except Exception as error:
            raise translate(error, openai) from error

    async def close(self) -> None:
        await self.client.close()

    def _messages(self, jpeg: bytes) -> Any:
        url = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"
        return [
            {"role": "system", "content": self.prompt},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url, "detail": "low"}}]},
        ]

    def _reply(self, completion: ChatCompletion) -> ModelReply:
        if not completion.choices:
            raise ModelBadAnswer(detail="the reply has no choices")
        choice = completion.choices[0]
        if choice.message.refusal or choice.finish_reason == "content_filter":
            raise ModelRefused(detail=f"finish_reason {choice.finish_reason}")
        if choice.finish_reason == "length":
            raise ModelBadAnswer(detail="the answer was cut off at LLM_MAX_TOKENS")
        usage = completion.usage
        return ModelReply(
            classification=parse_answer(choice.message.content or ""),
            model_used=self.model,
            prompt_version=PROMPT_VERSION,
            input_tokens=usage.prompt_tokens if usage else None,
            output_tokens=usage.completion_tokens if usage else None,
        )


_RESPONSE_FORMAT: Any = {
    "type": "json_schema",
    "json_schema": {"name": "classification", "strict": True, "schema": ANSWER_SCHEMA},
}


def openai_options(max_tokens: int) -> dict[str, Any]:
    """Return what OpenAI's own models take. Reasoning is off: hidden reasoning costs more than the image."""
    return {"max_completion_tokens": max_tokens, "reasoning_effort": "none"}


def custom_options(max_tokens: int) -> dict[str, Any]:
    """Return what compatible servers take: many know neither `max_completion_tokens` nor `reasoning_effort`."""
    return {"max_tokens": max_tokens}
