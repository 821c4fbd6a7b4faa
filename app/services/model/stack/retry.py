"""One more try where it can help, within the same deadline."""

import random
from dataclasses import dataclass, replace

from loguru import logger
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from app.models.domain import ModelReply, Usage
from app.services.model.errors import ModelError
from app.services.model_client import ModelClient
from app.utils.deadline import Deadline

ATTEMPTS = 2
_PAUSE_SECONDS = (0.1, 0.5)
"""Drawn between these, so that callers who failed together do not come back together."""


@dataclass(frozen=True, slots=True)
class RetryingModel:
    """Repeats a question whose failure was `retryable`.

    A `Retry-After` of the vendor is honoured where it fits into the budget; where it does not, the failure is final at
    once. What failed attempts cost is added to what the answer cost.
    """

    inner: ModelClient

    async def classify(self, jpeg: bytes, deadline: Deadline) -> ModelReply:
        spent = Usage()
        pause = random.uniform(*_PAUSE_SECONDS)  # noqa: S311  # nosec B311  # jitter, no secret

        def seconds_before_next(state: RetryCallState) -> float:
            error = _error_of(state)
            return float(error.retry_after_seconds or pause) if error else pause

        def worth_it(error: BaseException) -> bool:
            if not isinstance(error, ModelError):
                return False
            return error.retryable and (error.retry_after_seconds or pause) < deadline.remaining_seconds()

        attempts = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            retry=retry_if_exception(worth_it),
            wait=seconds_before_next,
            before_sleep=_log_retry,
            reraise=True,
        )
        async for attempt in attempts:
            with attempt:
                try:
                    reply = await self.inner.classify(jpeg, deadline)
                except ModelError as error:
                    spent = error.usage = spent + error.usage
                    raise
                return replace(reply, usage=spent + reply.usage)
        raise AssertionError("tenacity ends by an answer or by the last error")

    async def close(self) -> None:
        await self.inner.close()


def _error_of(state: RetryCallState) -> ModelError | None:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, ModelError) else None


def _log_retry(state: RetryCallState) -> None:
    error = _error_of(state)
    if error is not None:
        logger.info("asking the model again", code=error.code, detail=error.detail)
