"""The product: which category is this photo? The story of both endpoints, in order. Neither HTTP nor SQL."""

import asyncio
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol, TypeVar

from app.errors import HashMismatch
from app.models.domain import Answer, KnownAnswer, RequestContext
from app.services.cache_service import CacheService
from app.services.model.errors import ModelTimeout
from app.services.one_call.paid_once import PaidOnce
from app.services.photo_in_question import PhotoInQuestion, QuestionParts
from app.utils.begun import Begun
from app.utils.clock import milliseconds_since
from app.utils.hash_utils import sha256_hex

_HASH_IN_THREAD_BYTES = 1024 * 1024
"""Hashing takes 0.7 ms a MiB: from here on it would hold up the event loop."""

T = TypeVar("T")
FoundTogether = list[KnownAnswer | Exception | None]
"""What is known of each of some photos: None where nothing is, an exception where that could not be found out, or where
a hit could not be recorded."""


@dataclass(slots=True)  # not frozen, for the reason that Outcome is not: a batch makes hundreds
class NamedPhoto:
    """A photo that is asked about by its names, the surest first."""

    names: Sequence[str]
    context: RequestContext


class OwnAnswers(Protocol):
    """What users have said of answers that they were given."""

    @property
    def voters(self) -> Container[str | None]:
        """The users who have said anything."""
        ...

    async def answers_for(self, user_id: str, photos: Sequence[tuple[Sequence[str], KnownAnswer]]) -> list[KnownAnswer]:
        """Return what this user is answered about each photo, which is given by its names and by what others are
        answered."""
        ...


@dataclass(frozen=True, slots=True)
class ClassifierService:
    """Answers from the cache where it can, asks the model where it must, records both."""

    paid_once: PaidOnce
    parts: QuestionParts
    cache: CacheService
    """For those who only ask whether a photo is known: nobody pays for what it does not know."""

    votes: OwnAnswers

    async def check_cache(
        self, names: Sequence[str], context: RequestContext, wait_seconds: float = 0
    ) -> KnownAnswer | None:
        """Return what is known of a photo by its names, the surest first, or None: then it has to be uploaded.

        A name is a SHA-256 (lower-case hex) or a content hash. If the photo is being asked about right now, its answer
        is waited for as long as `wait_seconds`. Raises `DatabaseUnavailable`: without the database it is not known
        whether a photo is known; `Overloaded`.
        """
        started = perf_counter()
        found = await self.cache.lookup(names)
        if found is None and wait_seconds:
            found = await self.paid_once.wait_for(names, wait_seconds)
        if found is not None:
            if context.user_id in self.votes.voters:
                found = await self._own(context, names, found)
            await self.parts.recorder.record(context, names[0], found, milliseconds_since(started))
            self.parts.metrics.answers.add(found.matched_by)
        return found

    async def check_cache_all(self, photos: Sequence[NamedPhoto], tell: Callable[[FoundTogether], T]) -> T:
        """Return what `tell` makes of what `check_cache` returns for each of one caller's photos, or raises: looked up
        together, recorded together.

        `tell` runs while the hits are being written down, and once more where some could not be. Raises `Overloaded` at
        once where there is no room for all of them.
        """
        started = perf_counter()
        found = await self.cache.lookup_all([photo.names for photo in photos])
        hits = {index: known for index, known in enumerate(found) if isinstance(known, KnownAnswer)}
        if hits and (user_id := photos[0].context.user_id) is not None and user_id in self.votes.voters:
            own = await self.votes.answers_for(user_id, [(photos[index].names, known) for index, known in hits.items()])
            hits = dict(zip(hits, own, strict=True))
        took_ms = milliseconds_since(started)
        recording = Begun(
            self.parts.recorder.record_hits(
                [(photos[index].context, photos[index].names[0], known, took_ms) for index, known in hits.items()]
            )
        )
        await asyncio.sleep(0)  # the commit leaves now: the answer is put together while the database works
        found = [hits.get(index, one) for index, one in enumerate(found)]
        told = tell(found)
        failed = False
        for (index, known), failure in zip(hits.items(), await recording, strict=True):
            if failure is None:
                self.parts.metrics.answers.add(known.matched_by)
            else:
                found[index], failed = failure, True
        return tell(found) if failed else told

    async def classify(
        self, image: bytes, claimed_hash: str | None, context: RequestContext, *, may_be_deferred: bool = False
    ) -> Answer:
        """Classify an uploaded image file. Without the database the model is asked all the same.

        `claimed_hash` (lower-case hex) is a checksum, never a key: what is stored is stored under names that were
        computed from the bytes. `may_be_deferred` says that the caller has time. Raises `HashMismatch`, `Overloaded`,
        `Refused`, the errors of `ImagePreparer` and of `ModelClient`, `DatabaseUnavailable` when the answer can be kept
        nowhere.
        """
        started = perf_counter()
        image_hash = await _hash(image)
        if claimed_hash not in (None, image_hash):
            raise HashMismatch
        photo = PhotoInQuestion(self.parts, image, image_hash, context, started, may_be_deferred)
        try:
            result = await self.paid_once.find(photo)
        except TimeoutError:
            raise ModelTimeout(detail="another process was asking all the time") from None
        known = result.known
        if context.user_id in self.votes.voters:
            known = await self._own(context, photo.names, known)
            photo.own = known.classification if known is not result.known else None
        if not result.paid:
            await photo.record_unpaid(result)
        given = result.given
        return Answer(
            known,
            from_cache=given is None,
            processing_time_ms=photo.took_ms,
            model_used=given.model_used if given else None,
            degraded=result.is_degraded,
        )

    async def _own(self, context: RequestContext, names: Sequence[str], known: KnownAnswer) -> KnownAnswer:
        assert context.user_id is not None
        (own,) = await self.votes.answers_for(context.user_id, [(names, known)])
        return own


async def _hash(image: bytes) -> str:
    if len(image) < _HASH_IN_THREAD_BYTES:
        return sha256_hex(image)
    return await asyncio.to_thread(sha256_hex, image)
