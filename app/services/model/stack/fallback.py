"""A second model for what the first one will not or cannot answer."""

from dataclasses import dataclass, replace

from loguru import logger

from app.models.domain import ModelReply
from app.services.model.errors import ModelError, ModelRefused, NotAsked
from app.services.model_client import ModelClient, Question

PRIMARY_SHARE = 0.6
"""The first model's part of the budget, so that one that hangs leaves time for the second to answer."""


@dataclass(frozen=True, slots=True)
class FallbackModel:
    """Asks `primary`, and on any failure of it asks `secondary`, once, within the same deadline; but not where no model
    may be asked."""

    primary: ModelClient
    secondary: ModelClient

    async def ask(self, question: Question) -> ModelReply:
        try:
            return await self.primary.ask(replace(question, deadline=question.deadline.share(PRIMARY_SHARE)))
        except NotAsked:
            raise
        except ModelError as error:
            first = error
        logger.warning("falling back to the second model", code=first.code, detail=first.detail)
        try:
            return await self.secondary.ask(question)
        except ModelError as second:
            # One refusal is enough to know that asking again is money for nothing.
            raise (first if isinstance(first, ModelRefused) else second) from None
