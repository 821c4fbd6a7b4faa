"""Counts what is asked of one model, what comes of it and what it costs."""

from dataclasses import dataclass
from time import perf_counter

from app.models.domain import ModelReply, Usage
from app.observe.metrics import Metrics
from app.services.model.errors import (
    ModelBadAnswer,
    ModelCircuitOpen,
    ModelError,
    ModelMisconfigured,
    ModelOverloaded,
    ModelRefused,
    ModelRejectedRequest,
    ModelTimeout,
    ModelUnavailable,
)
from app.services.model_client import ModelClient
from app.utils.deadline import Deadline

_OUTCOMES: dict[type[ModelError], str] = {
    ModelRefused: "refused",
    ModelBadAnswer: "bad_answer",
    ModelRejectedRequest: "rejected",
    ModelUnavailable: "unavailable",
    ModelMisconfigured: "misconfigured",
    ModelTimeout: "timeout",
}


@dataclass(frozen=True, slots=True)
class CountedModel:
    """The innermost layer, around a provider: every question that is really sent."""

    inner: ModelClient
    provider: str
    model: str
    metrics: Metrics

    async def classify(self, jpeg: bytes, deadline: Deadline) -> ModelReply:
        started, outcome, usage = perf_counter(), "cancelled", Usage()
        try:
            reply = await self.inner.classify(jpeg, deadline)
            outcome, usage = "answered", reply.usage
            return reply
        except ModelError as error:
            outcome, usage = _OUTCOMES.get(type(error), error.code), error.usage
            raise
        finally:
            self._count(outcome, perf_counter() - started, usage)

    async def close(self) -> None:
        await self.inner.close()

    def _count(self, outcome: str, seconds: float, usage: Usage) -> None:
        self.metrics.model_calls.add(self.provider, self.model, outcome)
        self.metrics.model_seconds.observe(seconds, self.provider, self.model)
        tokens = {"input": usage.input_tokens, "cached": usage.cached_tokens, "output": usage.output_tokens}
        for kind, count in tokens.items():
            self.metrics.model_tokens.add(self.provider, self.model, kind, amount=count)


@dataclass(frozen=True, slots=True)
class CountedSkips:
    """Around a breaker and a limit: the questions that they did not let through."""

    inner: ModelClient
    provider: str
    model: str
    metrics: Metrics

    async def classify(self, jpeg: bytes, deadline: Deadline) -> ModelReply:
        try:
            return await self.inner.classify(jpeg, deadline)
        except ModelCircuitOpen:
            self.metrics.model_skips.add(self.provider, self.model, "circuit_open")
            raise
        except ModelOverloaded:
            self.metrics.model_skips.add(self.provider, self.model, "overloaded")
            raise

    async def close(self) -> None:
        await self.inner.close()
