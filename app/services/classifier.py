"""The product: which category is this photo? The story of both endpoints, in order. Neither HTTP nor SQL."""

import asyncio
from dataclasses import dataclass, field
from time import perf_counter

from loguru import logger

from app.errors import DatabaseUnavailable, HashMismatch
from app.models.domain import Answer, Classification, ModelReply, RequestContext
from app.observe.metrics import Metrics
from app.repositories.refusal_repository import RefusalRepository
from app.services.cache_service import CacheService
from app.services.images.preparer import ImagePreparer
from app.services.model.errors import ModelRefused, ModelTimeout
from app.services.model_client import ModelClient
from app.services.one_call.lease import LEASE_SECONDS, Leases
from app.services.one_call.single_flight import SingleFlight
from app.services.records.recorder import Recorder
from app.utils.clock import Clock, milliseconds_since
from app.utils.deadline import Deadline
from app.utils.hash_utils import sha256_hex

_HASH_IN_THREAD_BYTES = 1024 * 1024
"""Hashing takes 0.7 ms a MiB: from here on it would hold up the event loop."""

_PREPARATION_SHARE = 2 / 3
"""Of the time budget, for the wait for a place and for decoding: the model is not blamed for what others needed."""

_GRACE_SECONDS = 0.2
_MAX_UNWRITTEN = 1000


@dataclass(frozen=True, slots=True)
class ClassifierService:
    """Answers from the cache where it can, asks the model where it must, records both."""

    cache: CacheService
    recorder: Recorder
    preparer: ImagePreparer
    model: ModelClient
    model_timeout_seconds: float
    refusals: RefusalRepository
    refusal_ttl_seconds: int
    clock: Clock
    flights: SingleFlight[Answer]
    turns: Leases
    metrics: Metrics
    unwritten: dict[str, ModelReply] = field(default_factory=dict)
    """Replies that were paid for and could be kept nowhere, for whoever asks next; the oldest first."""

    async def check_cache(self, image_hash: str, context: RequestContext) -> Classification | None:
        """Return what is known of an image by its SHA-256 (lower-case hex), or None: then it has to be uploaded.

        Raises `DatabaseUnavailable`: without the database it is not known whether an image is known; `Overloaded`.
        """
        started = perf_counter()
        found = await self.cache.lookup(image_hash)
        if found is not None:
            await self.recorder.record(context, image_hash, found, milliseconds_since(started))
        return found

    async def classify(self, image: bytes, claimed_hash: str | None, context: RequestContext) -> Answer:
        """Classify an uploaded image file. Without the database the model is asked all the same.

        `claimed_hash` (lower-case hex) is a checksum, never a key: what is stored is stored under the hash of the
        bytes. Raises `HashMismatch`, `Overloaded`, the errors of `ImagePreparer` and of `ModelClient`,
        `DatabaseUnavailable` when the answer can be kept nowhere.
        """
        started = perf_counter()
        image_hash = await _hash(image)
        if claimed_hash not in (None, image_hash):
            raise HashMismatch
        found = await self._lookup(image_hash)
        if found is None:
            answer, mine = await self.flights.run(
                image_hash, lambda: self._find_out(image, image_hash, context, started)
            )
            if mine and not answer.from_cache:
                return answer
            found = answer.classification
        took_ms = milliseconds_since(started)
        await self.recorder.record(context, image_hash, found, took_ms, image_size=len(image))
        return Answer(found, from_cache=True, processing_time_ms=took_ms)

    async def _find_out(self, image: bytes, image_hash: str, context: RequestContext, started: float) -> Answer:
        """Get an answer that nobody has yet, in one process at a time; keep it, and record who asked first."""
        deadline = Deadline.after(LEASE_SECONDS + self.model_timeout_seconds)
        try:
            async with asyncio.timeout_at(deadline.at) as waiting, self.turns.take(image_hash) as found:
                waiting.reschedule(None)  # from here on the model's budget counts, and what is asked is kept
                if found is not None:
                    return Answer(found, from_cache=True, processing_time_ms=milliseconds_since(started))
                reply = self.unwritten.pop(image_hash, None) or await self._ask(
                    image, image_hash, min(self.model_timeout_seconds, deadline.remaining_seconds())
                )
                answer, took_ms = reply.classification, milliseconds_since(started)
                try:
                    await self.recorder.record(context, image_hash, answer, took_ms, image_size=len(image), reply=reply)
                except DatabaseUnavailable:
                    self._keep(image_hash, reply)
                    raise
                self.cache.remember(image_hash, answer)
                return Answer(answer, from_cache=False, processing_time_ms=took_ms)
        except TimeoutError:
            raise ModelTimeout(detail="another process was asking all the time") from None

    async def _ask(self, image: bytes, image_hash: str, budget_seconds: float) -> ModelReply:
        """Ask the model, unless it has refused this image lately. All of it within the time budget."""
        deadline = Deadline.after(budget_seconds)
        if await self._is_refused(image_hash):
            self.metrics.refusals.add("remembered")
            raise ModelRefused(detail="remembered")
        try:
            # A moment later than the model's own limit, which knows what was too slow and counts it against the model.
            async with asyncio.timeout_at(deadline.at + _GRACE_SECONDS):
                prepared = await self.preparer.prepare(image, deadline.share(_PREPARATION_SHARE))
                return await self.model.classify(prepared.jpeg, deadline)
        except TimeoutError:
            raise ModelTimeout(detail="the budget was spent") from None
        except ModelRefused as refusal:
            self.metrics.refusals.add("model")
            await self._remember(image_hash, refusal)
            raise

    def _keep(self, image_hash: str, reply: ModelReply) -> None:
        self.unwritten[image_hash] = reply
        if len(self.unwritten) > _MAX_UNWRITTEN:
            del self.unwritten[next(iter(self.unwritten))]

    async def _lookup(self, image_hash: str) -> Classification | None:
        try:
            return await self.cache.lookup(image_hash)
        except DatabaseUnavailable as error:
            logger.warning("answering without the cache", detail=error.detail)
            return None

    async def _is_refused(self, image_hash: str) -> bool:
        try:
            return await self.refusals.is_refused(image_hash, self.clock())
        except DatabaseUnavailable:
            return False

    async def _remember(self, image_hash: str, refusal: ModelRefused) -> None:
        try:
            await self.refusals.upsert(image_hash, self.clock(), self.refusal_ttl_seconds, refusal.usage)
        except DatabaseUnavailable as error:
            logger.warning("a refusal could not be remembered", detail=error.detail)


async def _hash(image: bytes) -> str:
    if len(image) < _HASH_IN_THREAD_BYTES:
        return sha256_hex(image)
    return await asyncio.to_thread(sha256_hex, image)
