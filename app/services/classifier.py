"""The product: which category is this photo? The story of both endpoints, in order. Neither HTTP nor SQL."""

import asyncio
from dataclasses import dataclass
from time import perf_counter

from loguru import logger

from app.errors import DatabaseUnavailable, HashMismatch, ModelRefused, ModelTimeout
from app.models.domain import Answer, Classification, ModelReply, RequestContext
from app.repositories.refusal_repository import RefusalRepository
from app.services.cache_service import CacheService
from app.services.image_preparer import ImagePreparer
from app.services.model_client import ModelClient
from app.services.recorder import Recorder
from app.utils.clock import Clock, milliseconds_since
from app.utils.deadline import Deadline
from app.utils.hash_utils import sha256_hex

_HASH_IN_THREAD_BYTES = 1024 * 1024
"""Hashing takes 0.7 ms a MiB: from here on it would hold up the event loop."""

_GRACE_SECONDS = 0.2


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

    async def check_cache(self, image_hash: str, context: RequestContext) -> Classification | None:
        """Return what is known of an image by its SHA-256 (lower-case hex), or None: then it has to be uploaded."""
        started = perf_counter()
        found = await self.cache.lookup(image_hash)
        if found is not None:
            await self.recorder.record(context, image_hash, found, milliseconds_since(started))
        return found

    async def classify(self, image: bytes, claimed_hash: str | None, context: RequestContext) -> Answer:
        """Classify an uploaded image file.

        `claimed_hash` (lower-case hex) is a checksum, never a key: what is stored is stored under the hash of the
        bytes. Raises `HashMismatch`, the errors of `ImagePreparer` and of `ModelClient`, `DatabaseUnavailable`.
        """
        started = perf_counter()
        image_hash = await _hash(image)
        if claimed_hash not in (None, image_hash):
            raise HashMismatch
        found = await self.cache.lookup(image_hash)
        if found is not None:
            took_ms = milliseconds_since(started)
            await self.recorder.record(context, image_hash, found, took_ms, image_size=len(image))
            return Answer(found, from_cache=True, processing_time_ms=took_ms)
        reply = await self._ask(image, image_hash)
        answer, took_ms = reply.classification, milliseconds_since(started)
        await self.recorder.record(context, image_hash, answer, took_ms, image_size=len(image), reply=reply)
        return Answer(answer, from_cache=False, processing_time_ms=took_ms)

    async def _ask(self, image: bytes, image_hash: str) -> ModelReply:
        """Ask the model, unless it has refused this image lately. All of it within the model's time budget."""
        if await self.refusals.is_refused(image_hash, self.clock()):
            raise ModelRefused(detail="remembered")
        deadline = Deadline.after(self.model_timeout_seconds)
        try:
            # A moment later than the model's own limit, which knows what was too slow and counts it against the model.
            async with asyncio.timeout_at(deadline.at + _GRACE_SECONDS):
                jpeg = await self.preparer.prepare(image)
                return await self.model.classify(jpeg, deadline)
        except TimeoutError:
            raise ModelTimeout(detail="the budget was spent") from None
        except ModelRefused as refusal:
            await self._remember(image_hash, refusal)
            raise

    async def _remember(self, image_hash: str, refusal: ModelRefused) -> None:
        try:
            await self.refusals.upsert(image_hash, self.clock(), self.refusal_ttl_seconds, refusal.usage)
        except DatabaseUnavailable as error:
            logger.warning("a refusal could not be remembered", detail=error.detail)


async def _hash(image: bytes) -> str:
    if len(image) < _HASH_IN_THREAD_BYTES:
        return sha256_hex(image)
    return await asyncio.to_thread(sha256_hex, image)
