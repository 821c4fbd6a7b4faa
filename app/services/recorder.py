"""The record of what was answered: new results, hit counts and request log rows, durable before the answer is sent."""

from dataclasses import dataclass

from app.models.domain import Classification, ModelReply, Outcome, RequestContext
from app.repositories.ledger_repository import LedgerRepository
from app.utils.clock import Clock


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes outcomes down. `log_requests` is the operator's wish to keep a request log at all."""

    repository: LedgerRepository
    clock: Clock
    log_requests: bool

    async def record_lookup(
        self, context: RequestContext, image_hash: str, found: Classification, processing_time_ms: int
    ) -> None:
        """Record a hit of `check-cache`: it counts always, and is logged when the user is known (specification 3.1)."""
        await self._write(
            context, image_hash, None, found, processing_time_ms, logged=context.user_id is not None, reply=None
        )

    async def record_hit(
        self,
        context: RequestContext,
        image_hash: str,
        image_size: int,
        found: Classification,
        processing_time_ms: int,
    ) -> None:
        """Record an upload that was answered from the cache."""
        await self._write(context, image_hash, image_size, found, processing_time_ms, logged=True, reply=None)

    async def record_reply(
        self, context: RequestContext, image_hash: str, image_size: int, reply: ModelReply, processing_time_ms: int
    ) -> None:
        """Record an upload that the model answered, and store the answer in the cache."""
        await self._write(
            context, image_hash, image_size, reply.classification, processing_time_ms, logged=True, reply=reply
        )

    async def _write(
        self,
        context: RequestContext,
        image_hash: str,
        image_size: int | None,
        classification: Classification,
        processing_time_ms: int,
        *,
        logged: bool,
        reply: ModelReply | None,
    ) -> None:
        outcome = Outcome(
            context=context,
            image_hash=image_hash,
            image_size=image_size,
            classification=classification,
            processing_time_ms=processing_time_ms,
            created_at=self.clock(),
            logged=logged and self.log_requests,
            reply=reply,
        )
        await self.repository.write([outcome])
