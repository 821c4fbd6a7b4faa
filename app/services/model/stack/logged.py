"""Times every question, with all that was done to get it answered, and logs what came of it."""

from dataclasses import dataclass
from time import perf_counter

from loguru import logger

from app.models.domain import ModelReply
from app.services.model.errors import ModelError
from app.services.model_client import ModelClient, Question
from app.utils.clock import milliseconds_since


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """The outermost layer: one line a question, with the tokens of all its calls."""

    inner: ModelClient

    async def ask(self, question: Question) -> ModelReply:
        started = perf_counter()
        try:
            reply = await self.inner.ask(question)
        except ModelError as error:
            usage = question.usage
            logger.warning(
                "model call failed",
                code=error.code,
                detail=error.detail,
                calls=len(question.calls),
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                duration_ms=milliseconds_since(started),
            )
            raise
        usage = question.usage
        logger.info(
            "model call",
            model=reply.model_used,
            category=str(reply.classification.category),
            calls=len(question.calls),
            input_tokens=usage.input_tokens,
            cached_tokens=usage.cached_tokens,
            output_tokens=usage.output_tokens,
            duration_ms=milliseconds_since(started),
        )
        return reply
