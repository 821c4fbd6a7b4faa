"""So many questions to a vendor at the same time, so many waiting, and no more."""

from app.models.domain import ModelReply
from app.services.model.errors import ModelOverloaded
from app.services.model_client import ModelClient, Question
from app.utils.places import Places

WAITING_PER_RUNNING = 4
"""Questions that may wait for each that runs: more would only wait to be too late."""


class LimitedModel:
    """Lets `max_concurrency` questions run and four times as many wait.

    The next one fails at once with `ModelOverloaded`, as does one that has no place by its deadline.
    """

    def __init__(self, inner: ModelClient, max_concurrency: int) -> None:
        self._inner = inner
        self._places = Places(max_concurrency, WAITING_PER_RUNNING * max_concurrency, ModelOverloaded)

    @property
    def running(self) -> int:
        """How many questions have a place."""
        return self._places.in_use

    @property
    def waiting(self) -> int:
        """How many questions wait for a place."""
        return self._places.waiting

    async def ask(self, question: Question) -> ModelReply:
        async with self._places.take(question.deadline.at):
            return await self._inner.ask(question)
