"""A second model for what the first one will not or cannot answer."""

from dataclasses import dataclass, replace

from loguru import logger

from app.models.domain import ModelReply
from app.services.model.errors import ModelError, ModelRefused
from app.services.model_client import ModelClient
from app.utils.deadline import Deadline

PRIMARY_SHARE = 0.6
"""The first model's part of the budget, so that one that hangs leaves time for the second to answer."""


@dataclass(frozen=True, slots=True)
class FallbackModel:
    """Asks `primary`, and on any failure of it asks `secondary`, once, within the same deadline."""

    primary: ModelClient
    secondary: ModelClient

    async def classify(self, jpeg: bytes, deadline: Deadline) -> ModelReply:
        try:
            return await self.primary.classify(jpeg, deadline.share(PRIMARY_SHARE))
        except ModelError as error:
            first = error
        logger.warning("falling back to the second model", code=first.code, detail=first.detail)
        try:
            reply = await self.secondary.classify(jpeg, deadline)
        except ModelError as second:
            # One refusal is enough to know that asking again is money for nothing.
            final = first if isinstance(first, ModelRefused) else second
            final.usage = first.usage + second.usage
            raise final from None
        return replace(reply, usage=first.usage + reply.usage)

    async def close(self) -> None:
        await self.primary.close()
        await self.secondary.close()
