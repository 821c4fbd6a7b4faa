"""The record of what was answered and what was paid for, durable before the answer is sent."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from app.models.domain import Failure, KnownAnswer, ModelCall, ModelReply, Outcome, RequestContext
from app.models.identity import Naming, Trial
from app.models.prices import Prices
from app.utils.clock import Clock

Hit = tuple[RequestContext, str, KnownAnswer, int]
"""Who was answered, the name that was asked for, what was found, and the milliseconds that took."""


class Commits(Protocol):
    """What makes records durable."""

    async def record(self, outcome: Outcome | Failure) -> None:
        """Return when it is durable. Raises `Overloaded`, `DatabaseUnavailable`."""
        ...

    async def record_all(self, outcomes: Sequence[Outcome]) -> list[Exception | None]:
        """Record them together, and return what each failed with. Raises `Overloaded`."""
        ...


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes outcomes down, and what questions to models cost at the present prices.

    `log_requests` is the operator's wish to keep a request log at all.
    """

    commits: Commits
    clock: Clock
    log_requests: bool
    prices: Prices

    async def record(
        self,
        context: RequestContext,
        image_hash: str,
        known: KnownAnswer,
        processing_time_ms: int,
        *,
        image_size: int | None = None,
        reply: ModelReply | None = None,
        naming: Naming | None = None,
        trial: Trial | None = None,
    ) -> None:
        """Record one answer, `known` by the name `image_hash`. Raises `Overloaded`, `DatabaseUnavailable`.

        `image_size` is given for uploads, which are always logged; lookups are when the user is known (specification
        3.1). With a `reply` the answer is new: it enters the cache, and the questions that were sent for it are
        recorded. Without, it is one more hit. `naming` adds names to the answer, `trial` is a near match that the
        reply is compared with.
        """
        outcome = self._outcome(context, image_hash, known, processing_time_ms, image_size, reply, naming, trial)
        await self.commits.record(outcome)

    async def record_hits(self, hits: Sequence[Hit]) -> list[Exception | None]:
        """Record answers that were given to lookups, together. Return what each failed with.

        Raises `Overloaded` at once where there is no room for all of them.
        """
        now = self.clock()
        return await self.commits.record_all([self._outcome(*hit, moment=now) for hit in hits])

    def _outcome(
        self,
        context: RequestContext,
        image_hash: str,
        known: KnownAnswer,
        processing_time_ms: int,
        image_size: int | None = None,
        reply: ModelReply | None = None,
        naming: Naming | None = None,
        trial: Trial | None = None,
        moment: datetime | None = None,
    ) -> Outcome:
        logged = self.log_requests and (image_size is not None or context.user_id is not None)
        calls = self._priced(reply.calls) if reply else ()
        # By place: by name it takes twice as long, and each hit makes one.
        return Outcome(
            context,
            image_hash,
            image_size,
            known.classification,
            processing_time_ms,
            moment or self.clock(),
            logged,
            reply,
            calls,
            known if reply is None else None,
            naming,
            trial,
        )

    async def record_failure(
        self,
        context: RequestContext,
        names: Sequence[str],
        calls: Sequence[ModelCall],
        *,
        refused_until: datetime | None = None,
    ) -> None:
        """Record the questions about a photo that got no answer. Raises `DatabaseUnavailable`.

        `names` are the photo's, its SHA-256 first. With `refused_until` a model has refused the photo, and it is not
        asked about again before that moment.
        """
        failure = Failure(
            context.request_id,
            names[0],
            self._priced(calls),
            self.clock(),
            refused_until,
            other_names=tuple(names[1:]),
        )
        await self.commits.record(failure)

    def _priced(self, calls: Sequence[ModelCall]) -> tuple[ModelCall, ...]:
        return tuple(replace(call, cost=self.prices.cost_of(call)) for call in calls)
