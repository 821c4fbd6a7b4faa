"""What the service asks of a model, and the behaviour that is stacked around a provider."""

from dataclasses import dataclass, field
from time import perf_counter
from typing import Protocol

from loguru import logger

from app.errors import ModelError, ModelRefused
from app.models.domain import ModelReply
from app.utils.deadline import Deadline


class ModelClient(Protocol):
    """Something that can say which category a picture belongs to."""

    async def classify(self, jpeg: bytes, deadline: Deadline) -> ModelReply:
        """Return a validated answer for a prepared JPEG.

        Raises `ModelRefused`, `ModelBadAnswer`, `ModelUnavailable` or `ModelTimeout`, and nothing else.
        """
        ...

    async def close(self) -> None:
        """Let go of the connections to the vendor."""
        ...


@dataclass(slots=True)
class ModelHealth:
    """What recent calls did. Health checks read this instead of making a paid call."""

    failures_until_unavailable: int = 3
    _failures_in_a_row: int = field(default=0, init=False)

    @property
    def available(self) -> bool:
        return self._failures_in_a_row < self.failures_until_unavailable

    def count(self, *, failed: bool) -> None:
        """Take note of one call."""
        self._failures_in_a_row = self._failures_in_a_row + 1 if failed else 0


@dataclass(frozen=True, slots=True)
class MeasuredModel:
    """Times every call, logs it, and keeps the health up to date."""

    inner: ModelClient
    health: ModelHealth

    async def classify(self, jpeg: bytes, deadline: Deadline) -> ModelReply:
        started = perf_counter()
        try:
            reply = await self.inner.classify(jpeg, deadline)
        except ModelError as error:
            # A refusal is about one image; it says that the model works.
            self.health.count(failed=not isinstance(error, ModelRefused))
            logger.warning(
                "model call failed", code=error.code, detail=error.detail, duration_ms=_milliseconds_since(started)
            )
            raise
        self.health.count(failed=False)
        logger.info(
            "model call",
            model=reply.model_used,
            category=str(reply.classification.category),
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
            duration_ms=_milliseconds_since(started),
        )
        return reply

    async def close(self) -> None:
        await self.inner.close()


def _milliseconds_since(started: float) -> int:
    return round((perf_counter() - started) * 1000)
