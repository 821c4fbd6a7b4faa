"""The embedded network before a model: photos that it is sure of cost nothing."""

import hashlib
from dataclasses import dataclass, replace

from loguru import logger

from app.models.domain import Category, ModelCall, ModelReply, NetworkOutcome
from app.observe.metrics import Metrics
from app.services.model.errors import ModelError
from app.services.model_client import ModelClient, Question

AUDIT_EVERY = 50
"""A model is asked all the same about one in so many photos that the network is sure of."""

_SHARE = 0.25
"""Of the time budget, for the network: where too many photos wait for it, a model is asked instead."""


def is_audit(jpeg: bytes) -> bool:
    """Return whether a model is asked about this picture although the network is sure of it.

    It follows from the prepared picture, so that all processes say the same without sharing anything.
    """
    return int.from_bytes(hashlib.sha256(jpeg).digest()[-8:]) % AUDIT_EVERY == 0


@dataclass(frozen=True, slots=True)
class LocalFirstModel:
    """Answers what `network` is sure of, and asks `inner` about the rest.

    Sure is a confidence of at least `least_confidence` in another category than `other`. Of an audit the model's answer
    is the one that counts; where it cannot be had the network's stands.
    """

    inner: ModelClient
    network: ModelClient
    least_confidence: float
    metrics: Metrics

    async def ask(self, question: Question) -> ModelReply:
        look = replace(question, deadline=question.deadline.share(_SHARE), calls=[])
        try:
            reply = await self.network.ask(look)
        except ModelError as error:
            question.calls.extend(look.calls)
            logger.warning("the embedded network did not look", code=error.code, detail=error.detail)
            return await self.inner.ask(question)
        (call,) = look.calls
        if not self._is_sure(reply):
            answer = await self.inner.ask(question)
            self._note(question, call, "unsure")  # and not before: a photo that is sent again and again is one photo
            return answer
        if is_audit(question.jpeg):
            return await self._audit(question, reply, call)
        self._note(question, call, "sure")
        return reply

    async def _audit(self, question: Question, reply: ModelReply, call: ModelCall) -> ModelReply:
        try:
            second = await self.inner.ask(question)
        except ModelError:
            self._note(question, call, "sure")
            return reply
        agrees = second.classification.category is reply.classification.category
        self._note(question, call, "agreed" if agrees else "disagreed")
        return second

    def _is_sure(self, reply: ModelReply) -> bool:
        answer = reply.classification
        return answer.confidence >= self.least_confidence and answer.category is not Category.OTHER

    def _note(self, question: Question, call: ModelCall, outcome: NetworkOutcome) -> None:
        question.calls.append(replace(call, outcome=outcome))
        self.metrics.network_looks.add(outcome)
