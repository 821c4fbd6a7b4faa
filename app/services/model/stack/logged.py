"""Times every question, with all that was done to get it answered, and logs what came of it."""

from dataclasses import dataclass
from time import perf_counter

from loguru import logger

from app.models.domain import ModelReply
from app.services.model.errors import ModelError
from app.services.model_client import ModelClient
from app.utils.clock import milliseconds_since
from app.utils.deadline import Deadline


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """The outermost layer: one line a question."""

    inner: ModelClient

    async def classify(self, jpeg: bytes, deadline: Deadline) -> ModelReply:
        started = perf_counter()
        try:
            reply = await self.inner.classify(jpeg, deadline)
        except ModelError as error:
            logger.warning(
                "model call failed",
                code=error.code,
                detail=error.detail,
                input_tokens=error.usage.input_tokens,
                output_tokens=error.usage.output_tokens,
                duration_ms=milliseconds_since(started),
            )
            raise
        logger.info(
            "model call",
            model=reply.model_used,
            category=str(reply.classification.category),
            input_tokens=reply.usage.input_tokens,
            cached_tokens=reply.usage.cached_tokens,
            output_tokens=reply.usage.output_tokens,
            duration_ms=milliseconds_since(started),
        )
        return reply

    async def close(self) -> None:
        await self.inner.close()
