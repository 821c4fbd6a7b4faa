"""Counts what is asked of one model, what comes of it and what it costs."""

from dataclasses import dataclass
from time import perf_counter

from app.models.domain import ModelCall, ModelReply, Usage
from app.models.lanes import STANDARD
from app.observe.metrics import Metrics
from app.services.model.errors import (
    ModelBadAnswer,
    ModelCircuitOpen,
    ModelDenied,
    ModelError,
    ModelLaneFull,
    ModelMisconfigured,
    ModelOverloaded,
    ModelRefused,
    ModelRejectedRequest,
    ModelTimeout,
    ModelUnavailable,
)
from app.services.model_client import ModelClient, Question
from app.utils.clock import Clock, milliseconds_since, utc_now

_OUTCOMES: dict[type[ModelError], str] = {
    ModelRefused: "refused",
    ModelBadAnswer: "bad_answer",
    ModelRejectedRequest: "rejected",
    ModelUnavailable: "unavailable",
    ModelLaneFull: "unavailable",
    ModelDenied: "misconfigured",
    ModelMisconfigured: "misconfigured",
    ModelTimeout: "timeout",
}
_NOT_SENT = ModelOverloaded.code
"""The embedded network has a queue of its own: what finds it full was not looked at."""


@dataclass(frozen=True, slots=True)
class CountedModel:
    """The innermost layer, around a provider: it counts every question that is really sent, and adds it to the
    question's `calls`, whatever becomes of it."""

    inner: ModelClient
    provider: str
    model: str
    prompt_version: str
    metrics: Metrics
    clock: Clock = utc_now
    lane: str = STANDARD
    """Which of the vendor's price lanes is asked."""

    async def ask(self, question: Question) -> ModelReply:
        started_at, started = self.clock(), perf_counter()
        outcome, usage, lane = "cancelled", Usage(), self.lane
        try:
            reply = await self.inner.ask(question)
            outcome, usage, lane = "answered", reply.usage, reply.lane or STANDARD
            return reply
        except ModelError as error:
            outcome, usage = _OUTCOMES.get(type(error), error.code), error.usage
            lane = error.lane or self.lane
            raise
        finally:
            if outcome != _NOT_SENT:
                self._count(outcome, perf_counter() - started, usage)
                question.calls.append(
                    ModelCall(
                        provider=self.provider,
                        model=self.model,
                        prompt_version=self.prompt_version,
                        outcome=outcome,
                        usage=usage,
                        started_at=started_at,
                        duration_ms=milliseconds_since(started),
                        lane=lane,
                    )
                )

    def _count(self, outcome: str, seconds: float, usage: Usage) -> None:
        self.metrics.model_calls.add(self.provider, self.model, outcome)
        self.metrics.model_seconds.observe(seconds, self.provider, self.model)
        tokens = {"input": usage.input_tokens, "cached": usage.cached_tokens, "output": usage.output_tokens}
        for kind, count in tokens.items():
            self.metrics.model_tokens.add(self.provider, self.model, kind, amount=count)


@dataclass(frozen=True, slots=True)
class CountedSkips:
    """Around a breaker and a limit: it counts the questions that they did not let through."""

    inner: ModelClient
    provider: str
    model: str
    metrics: Metrics

    async def ask(self, question: Question) -> ModelReply:
        try:
            return await self.inner.ask(question)
        except ModelCircuitOpen:
            self.metrics.model_skips.add(self.provider, self.model, "circuit_open")
            raise
        except ModelOverloaded:
            self.metrics.model_skips.add(self.provider, self.model, "overloaded")
            raise
