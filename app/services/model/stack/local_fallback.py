"""The embedded network in place of models that are away: better than no answer, and marked as what it is."""

from dataclasses import dataclass, replace

from loguru import logger

from app.models.domain import ModelReply
from app.observe.metrics import Metrics
from app.services.model.errors import ModelError, ModelOverloaded, ModelTimeout, ModelUnavailable
from app.services.model_client import ModelClient, Question

AWAY = (ModelUnavailable, ModelTimeout, ModelOverloaded)
"""Failures that say nothing about the picture. A refusal, and an answer that is none, are about the picture."""

_SHARE = 0.9
"""The models' part of the time budget, so that the network can still look when one of them hangs."""


@dataclass(frozen=True, slots=True)
class LocalFallbackModel:
    """Asks `inner`, and where that is away lets `network` answer, degraded."""

    inner: ModelClient
    network: ModelClient
    metrics: Metrics

    async def ask(self, question: Question) -> ModelReply:
        try:
            return await self.inner.ask(replace(question, deadline=question.deadline.share(_SHARE)))
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
