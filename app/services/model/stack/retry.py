"""One more try where it can help, within the same deadline."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from loguru import logger

from app.models.domain import ModelReply
from app.services.model.errors import ModelError
from app.services.model_client import ModelClient, Question

_PAUSE_SECONDS = (0.1, 0.5)
"""Drawn between these, so that callers who failed together do not come back together."""


@dataclass(frozen=True, slots=True)
class RetryingModel:
    """Repeats a question once if its failure was `retryable`.

    A `Retry-After` of the vendor is honoured where it fits into the budget; where it does not, the failure is final at
    once.
    """

    inner: ModelClient
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def ask(self, question: Question) -> ModelReply:
        try:
            return await self.inner.ask(question)
        except ModelError as error:
            jitter = random.uniform(*_PAUSE_SECONDS)  # noqa: S311  # nosec B311  # no secret
            pause = error.retry_after_seconds or jitter
            if not error.retryable or pause >= question.deadline.remaining_seconds():
                raise
            logger.info("asking the model again", code=error.code, detail=error.detail)
        await self.sleep(pause)
        return await self.inner.ask(question)
