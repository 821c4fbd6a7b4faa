"""The product: which category is this photo? The story of both endpoints, in order. Neither HTTP nor SQL."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import perf_counter

from loguru import logger

from app.errors import HashMismatch, ServiceError
from app.models.domain import Answer, Classification, ModelCall, ModelReply, RequestContext
from app.observe.metrics import Metrics
from app.services.cache_service import CacheService
from app.services.images.preparer import ImagePreparer
from app.services.model.errors import ModelError, ModelRefused, ModelTimeout
from app.services.model_client import ModelClient, Question
from app.services.one_call.paid_once import PaidOnce
from app.services.records.recorder import Recorder
from app.utils.clock import Clock, milliseconds_since
from app.utils.deadline import Deadline
from app.utils.hash_utils import sha256_hex

_HASH_IN_THREAD_BYTES = 1024 * 1024
"""Hashing takes 0.7 ms a MiB: from here on it would hold up the event loop."""

_PREPARATION_SHARE = 2 / 3
"""Of the time budget, for the wait for a place and for decoding: the model is not blamed for what others needed."""

_GRACE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class ClassifierService:
    """Answers from the cache where it can, asks the model where it must, records both."""

    cache: CacheService
    paid_once: PaidOnce
    preparer: ImagePreparer
    model: ModelClient
    recorder: Recorder
    refusal_ttl: timedelta
    clock: Clock
    metrics: Metrics

    async def check_cache(self, image_hash: str, context: RequestContext) -> Classification | None:
        """Return what is known of a photo by its SHA-256 (lower-case hex), or None: then it has to be uploaded.

        Raises `DatabaseUnavailable`: without the database it is not known whether a photo is known; `Overloaded`.
        """
        started = perf_counter()
        found = await self.cache.lookup(image_hash)
        if found is not None:
            await self.recorder.record(context, image_hash, found, milliseconds_since(started))
        return found

    async def classify(self, image: bytes, claimed_hash: str | None, context: RequestContext) -> Answer:
        """Classify an uploaded image file. Without the database the model is asked all the same.

        `claimed_hash` (lower-case hex) is a checksum, never a key: what is stored is stored under the hash of the
        bytes. Raises `HashMismatch`, `Overloaded`, `Refused`, the errors of `ImagePreparer` and of `ModelClient`,
        `DatabaseUnavailable` when the answer can be kept nowhere.
        """
        started = perf_counter()
        image_hash = await _hash(image)
        if claimed_hash not in (None, image_hash):
            raise HashMismatch
        upload = _Upload(self, image, image_hash, context, started)
        try:
            result = await self.paid_once.find(image_hash, upload)
        except TimeoutError:
            raise ModelTimeout(detail="another process was asking all the time") from None
        if not result.paid:
            await upload.record(result.classification)
        return Answer(result.classification, not result.paid, upload.took_ms)


@dataclass(slots=True)
class _Upload:
    """One uploaded photo on its way to an answer: the work of `PaidOnce` where nobody knows one."""

    service: ClassifierService
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
            self.service.metrics.refusals.add("model")
            await self._record_failure(self.service.clock() + self.service.refusal_ttl)
            raise
        except (ModelError, asyncio.CancelledError):  # what was cut off at the end of the process may be billed, too
            await self._record_failure()
            raise

    async def _ask(self, deadline: Deadline) -> ModelReply:
        try:
            # A moment later than the model's own limit, which knows what was too slow and counts it against the model.
            async with asyncio.timeout_at(deadline.at + _GRACE_SECONDS):
                prepared = await self.service.preparer.prepare(self.image, deadline.share(_PREPARATION_SHARE))
                question = Question(prepared.jpeg, deadline, self.calls)
                reply = await self.service.model.ask(question)
                return replace(reply, usage=question.usage, calls=tuple(question.calls))
        except TimeoutError:
            raise ModelTimeout(detail="the budget was spent") from None

    async def _record_failure(self, refused_until: datetime | None = None) -> None:
        """Write down what was paid for, and the refusal if it was one. The caller is answered all the same."""
        if not self.calls and refused_until is None:
            return
        try:
            await self.service.recorder.record_failure(
                self.context, self.image_hash, self.calls, refused_until=refused_until
            )
        except ServiceError as error:
            logger.warning("what a failed question cost could not be written down", detail=error.detail)

    async def store(self, reply: ModelReply) -> None:
        """Make a new answer durable, and remember it."""
        await self.record(reply.classification, reply)
        self.service.cache.remember(self.image_hash, reply.classification)

    async def record(self, classification: Classification, reply: ModelReply | None = None) -> None:
        """Record what this caller is answered: a new answer with its `reply`, without it one more hit."""
        self.took_ms = milliseconds_since(self.started)
        await self.service.recorder.record(
            self.context, self.image_hash, classification, self.took_ms, image_size=len(self.image), reply=reply
        )


async def _hash(image: bytes) -> str:
    if len(image) < _HASH_IN_THREAD_BYTES:
        return sha256_hex(image)
    return await asyncio.to_thread(sha256_hex, image)
