"""The embedded network in place of models that are away: better than no answer, and marked as what it is."""

from dataclasses import dataclass, replace

from loguru import logger

from app.models.domain import ModelReply
from app.observe.metrics import Metrics
from app.services.model.errors import (
    BudgetExhausted,
    BudgetUnknown,
    ModelError,
    ModelOverloaded,
    ModelTimeout,
    ModelUnavailable,
)
from app.services.model_client import ModelClient, Question
from app.utils.deadline import Deadline

AWAY = (ModelUnavailable, ModelTimeout, ModelOverloaded, BudgetExhausted, BudgetUnknown)
"""Failures that say nothing about the picture. A refusal, and an answer that is none, are about the picture."""

_RESERVED_SHARE = 0.1
_RESERVED_SECONDS = 1.0
"""What is kept of the time budget, so that the network can still look when a model hangs: a tenth, but a second where
that is no more than half."""


@dataclass(frozen=True, slots=True)
class LocalFallbackModel:
    """Asks `inner`, and where that is away lets `network` answer, degraded."""

    inner: ModelClient
    network: ModelClient
    metrics: Metrics

    async def ask(self, question: Question) -> ModelReply:
        try:
            return await self.inner.ask(replace(question, deadline=_for_models(question.deadline)))
        except AWAY as error:
            away = error
        look = replace(question, calls=[])
        try:
            reply = await self.network.ask(look)
        except ModelError as error:
            question.calls.extend(look.calls)
            logger.warning("the embedded network could not answer either", code=error.code, detail=error.detail)
            raise away from None
        question.calls.extend(replace(call, outcome="degraded") for call in look.calls)
        self.metrics.network_looks.add("degraded")
        logger.warning("answered by the embedded network", code=away.code, detail=away.detail)
        return replace(reply, degraded=True)


def _for_models(deadline: Deadline) -> Deadline:
    """Return by when the models must have answered."""
    left = deadline.remaining_seconds()
    return Deadline(deadline.at - max(left * _RESERVED_SHARE, min(left / 2, _RESERVED_SECONDS)))
