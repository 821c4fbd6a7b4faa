"""`ModelClient` over the Anthropic SDK."""

import asyncio
import base64
from dataclasses import dataclass
from typing import Any

import anthropic
from anthropic.types import Message

from app.models.domain import ModelReply, Usage
from app.services.model.errors import ModelBadAnswer, ModelError, ModelRefused
from app.services.model.prompt import ANSWER_SCHEMA, PROMPT_VERSION, parse_answer
from app.services.model.providers.connection import Connection
from app.services.model.providers.token_count import token_count
from app.services.model.providers.vendor_errors import translate
from app.services.model.providers.vendor_http import VendorHTTPClient
from app.services.model.settings import ModelEndpoint
from app.services.model_client import Question

_CUT_OFF = frozenset({"max_tokens", "model_context_window_exceeded"})
_API_VERSION = "2026-10-21"
"""The version of the API that the installed SDK is made for; a contract test compares it with what the SDK sends."""


@dataclass(frozen=True, slots=True)
class ClaudeProvider:
    """Asks one Claude model over the messages API with a JSON schema for the answer."""

    client: anthropic.AsyncAnthropic
    model: str
    prompt: str
    max_tokens: int

    async def ask(self, question: Question) -> ModelReply:
        try:
            async with asyncio.timeout_at(question.deadline.at):
                message = await self.client.messages.create(
                    model=self.model,
                    max_tokens=self.max_tokens,
                    system=self.prompt,
                    messages=_messages(question.jpeg),
                    output_config={"format": {"type": "json_schema", "schema": ANSWER_SCHEMA}},
                    thinking={"type": "disabled"},  # thinking tokens are billed, and cost more than the image
                    timeout=question.deadline.remaining_seconds(),
                )
            return self._reply(message)
        except ModelError:
            raise
        except Exception as error:
            raise translate(error, anthropic) from error

    def _reply(self, message: Message) -> ModelReply:
        usage = _usage_of(message)
        try:
            return ModelReply(parse_answer(_text_of(message)), self.model, PROMPT_VERSION, usage)
        except ModelError as error:
            error.usage = usage
            raise


def _text_of(message: Message) -> str:
    if message.stop_reason == "refusal":
        raise ModelRefused(detail="stop_reason refusal")
    if message.stop_reason in _CUT_OFF:
        raise ModelBadAnswer(detail=f"the answer was cut off: {message.stop_reason}")
    # By type, not by place: other kinds of blocks may come first.
    return "".join(block.text for block in message.content if block.type == "text")


def _usage_of(message: Message) -> Usage:
    # Unlike OpenAI's, this vendor's input_tokens leave out what was read from or written to its cache.
    usage = getattr(message, "usage", None)
    fresh, read, written, output = (
        token_count(getattr(usage, name, None))
        for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
    )
    return Usage(fresh + read + written, output, read)


def _messages(jpeg: bytes) -> Any:
    source = {"type": "base64", "media_type": "image/jpeg", "data": base64.b64encode(jpeg).decode("ascii")}
    return [{"role": "user", "content": [{"type": "image", "source": source}]}]


def connect_claude(model: ModelEndpoint, prompt: str, max_tokens: int) -> Connection:
    """Connect to a Claude model. The SDK's own retries are off: one budget, one place that spends it."""
    http = VendorHTTPClient({"authorization": f"Bearer {model.api_key}", "anthropic-version": _API_VERSION})
    client = anthropic.AsyncAnthropic(api_key=model.api_key, base_url=model.base_url, max_retries=0, http_client=http)
    return Connection([ClaudeProvider(client, model.model, prompt, max_tokens)], client.close)
