"""The record of what was answered and what was paid for, durable before the answer is sent."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.models.domain import Classification, Failure, ModelCall, ModelReply, Outcome, RequestContext
from app.models.prices import Prices
from app.services.records.group_commit import GroupCommit
from app.utils.clock import Clock


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes outcomes down, and what questions to models cost at the present prices.

    `log_requests` is the operator's wish to keep a request log at all.
    """

    commits: GroupCommit
    clock: Clock
    log_requests: bool
    prices: Prices

    async def record(
        self,
        context: RequestContext,
        image_hash: str,
        classification: Classification,
        processing_time_ms: int,
        *,
        image_size: int | None = None,
        reply: ModelReply | None = None,
    ) -> None:
        """Record one answer. Raises `Overloaded`, `DatabaseUnavailable`.

        `image_size` is given for uploads, which are always logged; lookups are when the user is known (specification
        3.1). With a `reply` the answer is new: it enters the cache, and the questions that were sent for it are
        recorded. Without, it is one more hit.
        """
        outcome = Outcome(
            context=context,
            image_hash=image_hash,
            image_size=image_size,
            classification=classification,
            processing_time_ms=processing_time_ms,
            created_at=self.clock(),
            logged=self.log_requests and (image_size is not None or context.user_id is not None),
            reply=reply,
            calls=self._priced(reply.calls) if reply else (),
        )
        await self.commits.record(outcome)

    async def record_failure(
        self,
        context: RequestContext,
        image_hash: str,
        calls: Sequence[ModelCall],
        *,
        refused_until: datetime | None = None,
    ) -> None:
        """Record the questions of a request that got no answer. Raises `DatabaseUnavailable`.

        With `refused_until` a model has refused the image, and it is not asked about again before that moment.
        """
        failure = Failure(context.request_id, image_hash, self._priced(calls), self.clock(), refused_until)
        await self.commits.record(failure)

    def _priced(self, calls: Sequence[ModelCall]) -> tuple[ModelCall, ...]:
        return tuple(replace(call, cost=self.prices.cost_of(call)) for call in calls)
