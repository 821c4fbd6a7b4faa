"""Tells of each question that is sent to one model, to whoever traces. Imported only where somebody does."""

from dataclasses import dataclass

from app.models.domain import ModelReply
from app.observe.gen_ai import GenAI
from app.services.model.errors import ModelError
from app.services.model_client import ModelClient, Question


@dataclass(frozen=True, slots=True)
class TracedModel:
    """Around `CountedModel`: of what is asked and answered it tells nothing but how much that was."""

    inner: ModelClient
    provider: str
    model: str
    gen_ai: GenAI

    async def ask(self, question: Question) -> ModelReply:
        with self.gen_ai.call(self.provider, self.model) as call:
            try:
                reply = await self.inner.ask(question)
            except ModelError as error:
                call.usage, call.error = error.usage, error.code
                raise
            call.usage = reply.usage
            return reply
