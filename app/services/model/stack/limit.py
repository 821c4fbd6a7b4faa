"""So many questions to a vendor at the same time, so many waiting, and no more."""

import asyncio
from dataclasses import dataclass, field

from app.models.domain import ModelReply
from app.services.model.errors import ModelOverloaded
from app.services.model_client import ModelClient, Question
from app.utils.deadline import Deadline

WAITING_PER_RUNNING = 4
"""Questions that may wait for each that runs: more would only wait to be too late."""


@dataclass(slots=True)
class LimitedModel:
    """Lets `max_concurrency` questions run and four times as many wait; the next fails at once with
    `ModelOverloaded`, as do those whose turn does not come in time."""

    inner: ModelClient
    max_concurrency: int
    _running: asyncio.Semaphore = field(init=False)
    _present: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._running = asyncio.Semaphore(self.max_concurrency)

    @property
    def waiting(self) -> int:
        """How many questions wait for their turn."""
        return max(0, self._present - self.max_concurrency)

    async def ask(self, question: Question) -> ModelReply:
        if self._present >= self.max_concurrency * (1 + WAITING_PER_RUNNING):
            raise ModelOverloaded(detail="too many questions wait for the model")
        self._present += 1
        try:
            await self._wait_for_turn(question.deadline)
            try:
                return await self.inner.ask(question)
            finally:
                self._running.release()
        finally:
            self._present -= 1

    async def _wait_for_turn(self, deadline: Deadline) -> None:
        try:
            async with asyncio.timeout_at(deadline.at):
                await self._running.acquire()
        except TimeoutError:
            raise ModelOverloaded(detail="waited too long for a turn") from None
