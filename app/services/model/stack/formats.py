"""Finds the strictest answer format that a compatible server takes, and stays with it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from loguru import logger

from app.models.domain import ModelReply
from app.services.model.errors import ModelRejectedRequest
from app.services.model_client import ModelClient, Question


@dataclass(slots=True)
class FormatsModel:
    """Asks in one of several answer formats.

    `formats` are the same model asked in each, the strictest first. Until one has given an answer, a rejected request
    may mean that the server does not know the format, and the next is tried; from the first answer on, questions go to
    the format that gave it, and a rejected request is about the image.
    """

    formats: Sequence[ModelClient]
    _level: int = field(default=0, init=False)
    _settled: bool = field(default=False, init=False)

    async def ask(self, question: Question) -> ModelReply:
        level = self._level
        while True:
            try:
                reply = await self.formats[level].ask(question)
            except ModelRejectedRequest:
                level += 1
                if self._settled or level == len(self.formats):
                    raise
            else:
                if not self._settled and level > 0:
                    logger.info("the server takes no stricter format", format=level, model=reply.model_used)
                self._level, self._settled = level, True
                return reply
