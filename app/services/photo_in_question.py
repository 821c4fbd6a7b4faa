"""A photo that was uploaded: how it gets its names, is prepared, asked about and written down."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from loguru import logger

from app.errors import ServiceError
from app.models.domain import LOCAL_MODEL, Classification, KnownAnswer, ModelCall, ModelReply, RequestContext
from app.models.identity import Alias, MatchedBy, Naming, Trial
from app.observe.metrics import Metrics
from app.services.cache_service import CacheService
from app.services.identity.build import NearParts
from app.services.model.errors import ModelError, ModelRefused, ModelTimeout
from app.services.model_client import ModelClient, Question
from app.services.one_call.photo import Result
from app.services.records.recorder import Recorder
from app.utils.client_name import client_name
from app.utils.clock import Clock, milliseconds_since
from app.utils.content_hash.content_hash import content_hash
from app.utils.deadline import Deadline
from app.utils.hash_utils import question_name
from app.utils.image_utils import Prepared

_PREPARATION_SHARE = 2 / 3
"""Of the time budget, for the wait for a place and for decoding: the model is not blamed for what others needed."""

_GRACE_SECONDS = 0.2

_NAMING_SECONDS = 0.3
"""For preparing a photo whose answer is known already, while nobody else waits to be prepared. Its caller waits for it,
once in the photo's life."""


class Preparer(Protocol):
    """What makes images ready for a model."""

    @property
    def is_busy(self) -> bool:
        """Whether others wait to be prepared."""
        ...

    async def prepare(self, data: bytes, deadline: Deadline) -> Prepared:
        """Return a prepared image before the deadline. Raises a `ServiceError`."""
        ...


@dataclass(frozen=True, slots=True)
class QuestionParts:
    """What it takes to recognise a photo, and to ask about it."""

    preparer: Preparer
    model: ModelClient
    recorder: Recorder
    cache: CacheService
    near: NearParts
    refusal_ttl: timedelta
    clock: Clock
    metrics: Metrics
    being_named: set[str] = field(default_factory=set)
    """Photos from before there were names that are being prepared for them."""


@dataclass(slots=True)
class PhotoInQuestion:
    """One uploaded photo on its way to an answer: the `Photo` of `PaidOnce`."""

    parts: QuestionParts
    image: bytes
    image_hash: str
    context: RequestContext
    started: float
    may_be_deferred: bool = False
    """Whether its caller has time."""

    took_ms: int = 0
    content: str | None = None
    question: str | None = None
    prepared: Prepared | None = None
    trial: Trial | None = None
    own: Classification | None = None
    """What its user is answered where that is not what all others are: recorded, and never remembered."""

    calls: list[ModelCall] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """All of its names that have been found out so far, the surest first."""
        return [name for name in (self.image_hash, self.content, self.question) if name is not None]

    async def find_content_name(self) -> str | None:
        """Return the name of what decodes, if it has one: a damaged file has none."""
        # Always in a thread: a small PNG may hold much text that has to be inflated.
        self.content = await asyncio.to_thread(content_hash, self.image)
        return self.content

    async def prepare(self, budget: Deadline) -> str:
        """Prepare it for a model within a part of the budget; return the name of the question."""
        self.prepared = await self.parts.preparer.prepare(self.image, budget.share(_PREPARATION_SHARE))
        self.question = question_name(self.prepared.jpeg)
        return self.question

    async def find_near(self) -> KnownAnswer | None:
        """Return the answer to a picture that looks alike, where that may be given.

        Where it may not, or the model is asked all the same to see whether both agree, the match becomes a trial.
        Raises `DatabaseUnavailable`.
        """
        near = self.parts.near
        if not near.mode.looks or self.prepared is None:
            return None
        neighbour = await near.search.find(self.prepared.fingerprint)
        if neighbour is None or neighbour.category is None:
            return None
        if near.mode.is_audit(self.image_hash) or not await near.mode.serves():
            self.trial = Trial(neighbour.image_hash, neighbour.distance, neighbour.category)
            return None
        classification = Classification(neighbour.category, neighbour.confidence, description=None)
        return KnownAnswer(
            classification, neighbour.image_hash, MatchedBy.NEAR, neighbour.image_size, neighbour.distance
        )

    async def ask(self, budget_seconds: float, hurried: asyncio.Event | None = None) -> ModelReply:
        """Ask the model within the budget; the sooner from when `hurried` is set."""
        try:
            return await self._ask(Deadline.after(budget_seconds), hurried or asyncio.Event())
        except ModelRefused:
            self.parts.metrics.refusals.add("model")
            await self._record_failure(self.parts.clock() + self.parts.refusal_ttl)
            raise
        except (ModelError, asyncio.CancelledError):  # what was cut off at the end of the process may be billed, too
            await self._record_failure()
            raise

    async def _ask(self, deadline: Deadline, hurried: asyncio.Event) -> ModelReply:
        assert self.prepared is not None
        try:
            # A moment later than the model's own limit, which knows what was too slow and counts it against the model.
            async with asyncio.timeout_at(deadline.at + _GRACE_SECONDS):
                question = Question(
                    self.prepared.jpeg, deadline, self._client, self.calls, self.may_be_deferred, hurried
                )
                reply = await self.parts.model.ask(question)
                return replace(reply, usage=question.usage, calls=tuple(question.calls))
        except TimeoutError:
            raise ModelTimeout(detail="the budget was spent") from None

    @property
    def _client(self) -> str:
        return client_name(self.context.key_id, self.context.user_id, self.context.ip_address)

    async def _record_failure(self, refused_until: datetime | None = None) -> None:
        """Write down what was paid for, and the refusal if it was one. The caller is answered all the same."""
        if not self.calls and refused_until is None:
            return
        try:
            await self.parts.recorder.record_failure(self.context, self.names, self.calls, refused_until=refused_until)
        except ServiceError as error:
            logger.warning("what a failed question cost could not be written down", detail=error.detail)

    async def store(self, reply: ModelReply) -> KnownAnswer:
        """Make a new answer durable with all of the photo's names, and remember it. A degraded one is only recorded."""
        if reply.model_used == LOCAL_MODEL:
            self.trial = None  # what no model said is no evidence
        known = KnownAnswer(reply.classification, self.image_hash, MatchedBy.BYTES, len(self.image))
        if reply.degraded:
            await self._record(known, reply, None)
            return known
        fingerprint = self.prepared.fingerprint if self.prepared else None
        naming = Naming(self.image_hash, self._aliases(known), fingerprint)
        await self._record(known, reply, naming)
        self._remember(known, naming)
        if self.trial is not None:
            agreed = self.trial.category == reply.classification.category
            self.parts.metrics.near_trials.add("agreed" if agreed else "disagreed")
        return known

    async def record_unpaid(self, result: Result) -> None:
        """Record an answer that was known, with the names of the photo that it did not have yet; or a degraded one,
        whose questions are on record with the caller for whom they were asked."""
        known = result.known
        reply = result.reply
        if reply is not None and reply.degraded:
            await self._record(known, replace(reply, calls=()), None)
            return
        naming: Naming | None = None
        if not result.is_named:
            naming = Naming(known.image_hash, self._aliases(known))
        elif known.image_size is None and known.matched_by is MatchedBy.BYTES:
            naming = await self._first_naming(known)
        await self._record(known, None, naming)
        if naming is not None:
            self._remember(replace(known, image_size=known.image_size or naming.image_size), naming)

    async def _first_naming(self, known: KnownAnswer) -> Naming | None:
        """Return all names of a photo whose answer is from before there were any.

        None where another caller is at it, or where it cannot be prepared just now: it will come again.
        """
        if self.image_hash in self.parts.being_named or self.parts.preparer.is_busy:
            return None
        self.parts.being_named.add(self.image_hash)
        try:
            await self.find_content_name()
            await self.prepare(Deadline.after(_NAMING_SECONDS))
        except ServiceError as error:
            logger.info("a known photo stays without further names for now", code=error.code)
            return None
        finally:
            self.parts.being_named.discard(self.image_hash)
        assert self.prepared is not None
        return Naming(known.image_hash, self._aliases(known), self.prepared.fingerprint, len(self.image))

    def _aliases(self, known: KnownAnswer) -> tuple[Alias, ...]:
        """Return the photo's names as names of this answer. None of them is surer than what it was found by."""
        kinds = (
            (self.image_hash, MatchedBy.BYTES),
            (self.content, MatchedBy.CONTENT),
            (self.question, MatchedBy.QUESTION),
        )
        return tuple(
            Alias(name, known.matched_at_best(kind).matched_by, known.distance)
            for name, kind in kinds
            if name is not None and name != known.image_hash
        )

    def _remember(self, known: KnownAnswer, naming: Naming) -> None:
        self.parts.cache.remember(self.image_hash, known)
        for alias in naming.aliases:
            self.parts.cache.remember(alias.name, known.matched_at_best(alias.matched_by))

    async def _record(self, known: KnownAnswer, reply: ModelReply | None, naming: Naming | None) -> None:
        """Record what this caller is answered: a new answer with its `reply`, without it one more hit."""
        self.took_ms = milliseconds_since(self.started)
        await self.parts.recorder.record(
            self.context,
            self.image_hash,
            known if self.own is None else replace(known, classification=self.own),
            self.took_ms,
            image_size=len(self.image),
            reply=reply,
            naming=naming,
            trial=self.trial if reply is not None else None,
        )
        self.parts.metrics.answers.add(known.matched_by if reply is None else _paid_with(reply))


def _paid_with(reply: ModelReply) -> str:
    """Return how the metrics tell an answer that was not known."""
    if reply.degraded:
        return "degraded"
    return "network" if reply.model_used == LOCAL_MODEL else "paid"
