"""The record of what was answered: new results, hit counts and request log rows, durable before the answer is sent."""

from dataclasses import dataclass

from app.models.domain import Classification, ModelReply, Outcome, RequestContext
from app.services.records.group_commit import GroupCommit
from app.utils.clock import Clock


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes outcomes down. `log_requests` is the operator's wish to keep a request log at all."""

    commits: GroupCommit
    clock: Clock
    log_requests: bool

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
        3.1). With a `reply` the answer is new and enters the cache; without, it is one more hit.
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
        )
        await self.commits.record(outcome)
