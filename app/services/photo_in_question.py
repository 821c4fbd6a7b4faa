"""A photo that was uploaded and may have to be asked about: prepared, asked about and written down in one budget."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from loguru import logger

from app.errors import ServiceError
from app.models.domain import Classification, ModelCall, ModelReply, RequestContext
from app.observe.metrics import Metrics
from app.services.cache_service import CacheService
from app.services.images.preparer import ImagePreparer
from app.services.model.errors import ModelError, ModelRefused, ModelTimeout
from app.services.model_client import ModelClient, Question
from app.services.records.recorder import Recorder
from app.utils.clock import Clock, milliseconds_since
from app.utils.deadline import Deadline

_PREPARATION_SHARE = 2 / 3
"""Of the time budget, for the wait for a place and for decoding: the model is not blamed for what others needed."""

_GRACE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class QuestionParts:
    """What it takes to ask about a photo."""

    preparer: ImagePreparer
    model: ModelClient
    recorder: Recorder
    cache: CacheService
    refusal_ttl: timedelta
    clock: Clock
    metrics: Metrics


@dataclass(slots=True)
class PhotoInQuestion:
    """One uploaded photo on its way to an answer: the work of `PaidOnce` where nobody knows one."""

    parts: QuestionParts
    image: bytes
    image_hash: str
    context: RequestContext
    started: float
    took_ms: int = 0
    calls: list[ModelCall] = field(default_factory=list)

    async def ask(self, budget_seconds: float) -> ModelReply:
        """Ask the model. All of it, preparing the picture included, within the budget."""
        try:
            return await self._ask(Deadline.after(budget_seconds))
        except ModelRefused:
            self.parts.metrics.refusals.add("model")
            await self._record_failure(self.parts.clock() + self.parts.refusal_ttl)
            raise
        except (ModelError, asyncio.CancelledError):  # what was cut off at the end of the process may be billed, too
            await self._record_failure()
            raise

    async def _ask(self, deadline: Deadline) -> ModelReply:
        try:
            # A moment later than the model's own limit, which knows what was too slow and counts it against the model.
            async with asyncio.timeout_at(deadline.at + _GRACE_SECONDS):
                prepared = await self.parts.preparer.prepare(self.image, deadline.share(_PREPARATION_SHARE))
                question = Question(prepared.jpeg, deadline, self.calls)
                reply = await self.parts.model.ask(question)
                return replace(reply, usage=question.usage, calls=tuple(question.calls))
        except TimeoutError:
            raise ModelTimeout(detail="the budget was spent") from None

    async def _record_failure(self, refused_until: datetime | None = None) -> None:
        """Write down what was paid for, and the refusal if it was one. The caller is answered all the same."""
        if not self.calls and refused_until is None:
            return
        try:
            await self.parts.recorder.record_failure(
                self.context, self.image_hash, self.calls, refused_until=refused_until
            )
        except ServiceError as error:
            logger.warning("what a failed question cost could not be written down", detail=error.detail)

    async def store(self, reply: ModelReply) -> None:
        """Make a new answer durable, and remember it."""
        await self.record(reply.classification, reply)
        self.parts.cache.remember(self.image_hash, reply.classification)

    async def record(self, classification: Classification, reply: ModelReply | None = None) -> None:
        """Record what this caller is answered: a new answer with its `reply`, without it one more hit."""
        self.took_ms = milliseconds_since(self.started)
        await self.parts.recorder.record(
            self.context, self.image_hash, classification, self.took_ms, image_size=len(self.image), reply=reply
        )
