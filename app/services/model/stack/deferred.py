"""The vendor's cheap lane for questions that can wait, and the standard one where that comes to nothing."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from loguru import logger

from app.models.domain import ModelReply
from app.services.model.errors import (
    ModelError,
    ModelLaneFull,
    ModelOverloaded,
    ModelRefused,
    ModelRejectedRequest,
    NotAsked,
)
from app.services.model_client import ModelClient, Question
from app.utils.deadline import Deadline

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_WITHOUT_LANE_SECONDS = 600.0
"""For so long the lane is not tried again where the vendor has none for this model."""


class _Hurried(Exception):
    """Somebody waits for the answer who will not wait so long."""


@dataclass(slots=True)
class DeferredModel:
    """Asks a question that may be deferred in the `deferred` lane, and all others as ever: of `standard`.

    While the vendor has no room in the lane, which costs nothing, it is asked again, ever more seldom. Where nothing
    came of the lane before the question's deadline less `standard_seconds`, the standard lane is asked, if it
    `falls_back`; and always at once where somebody is in a hurry, or where the model has no such lane.
    """

    standard: ModelClient
    deferred: ModelClient | None
    standard_seconds: float
    falls_back: bool
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _no_lane_until: float = field(default=float("-inf"), init=False)

    async def ask(self, question: Question) -> ModelReply:
        if not question.may_be_deferred:
            return await self.standard.ask(question)
        if self.deferred is None or asyncio.get_running_loop().time() < self._no_lane_until:
            return await self._ask_standard(question)
        try:
            return await self._ask_unless_hurried(self.deferred, question)
        except _Hurried:
            logger.info("a deferred question is asked at once: somebody is waiting")
        except (ModelRefused, NotAsked):
            raise
        except ModelRejectedRequest:
            return await self._ask_without_lane(question)
        except ModelError as error:
            if not self.falls_back or self._is_full(error, question):
                raise
            logger.info("a deferred question is asked in the standard lane", code=error.code, detail=error.detail)
        return await self._ask_standard(question)

    async def _ask_standard(self, question: Question) -> ModelReply:
        at = min(question.deadline.at, Deadline.after(self.standard_seconds).at)
        return await self.standard.ask(replace(question, deadline=Deadline(at)))

    async def _ask_without_lane(self, question: Question) -> ModelReply:
        reply = await self._ask_standard(question)
        logger.warning("the model has no deferred lane: it is asked in the standard one", model=reply.model_used)
        self._no_lane_until = asyncio.get_running_loop().time() + _WITHOUT_LANE_SECONDS
        return reply

    def _is_full(self, error: ModelError, question: Question) -> bool:
        """Whether our own places for the lane were taken, so that it was not even tried: that is no reason to pay
        more."""
        return isinstance(error, ModelOverloaded) and self._of_lane(question).remaining_seconds() > 0

    def _of_lane(self, question: Question) -> Deadline:
        return Deadline(question.deadline.at - self.standard_seconds)

    async def _ask_unless_hurried(self, lane: ModelClient, question: Question) -> ModelReply:
        asking = asyncio.create_task(self._ask_lane(lane, replace(question, deadline=self._of_lane(question))))
        hurry = asyncio.create_task(question.hurried.wait())
        try:
            await asyncio.wait({asking, hurry}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hurry.cancel()
            if not asking.done():
                asking.cancel()
                await asyncio.wait({asking})  # what was sent is noted, and may have been answered just now
        if asking.cancelled():
            raise _Hurried
        return asking.result()

    async def _ask_lane(self, lane: ModelClient, question: Question) -> ModelReply:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return await lane.ask(question)
            except ModelLaneFull as error:
                jitter = random.uniform(0.5, 1.0)  # noqa: S311  # nosec B311  # no secret
                wait = max(error.retry_after_seconds or 0, pause * jitter)
                if wait >= question.deadline.remaining_seconds():
                    raise
            await self.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
