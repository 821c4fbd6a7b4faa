"""Operators mend wrong answers: they look one up by any of its names, correct it or delete it, and read who did so."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from loguru import logger

from app.errors import InvalidRequest, NotFound
from app.models.correction import AnswerRecord, AnswerWithHistory, AuditEntry, NameRecord, Operator
from app.models.domain import Category
from app.models.identity import MatchedBy
from app.services.cache.changes import ChangeWatch
from app.utils.clock import Clock
from app.utils.hash_utils import is_image_hash

MOST_NAMES = 100
MOST_HISTORY = 100


class Answers(Protocol):
    """The answers. Every method raises `DatabaseUnavailable`."""

    async def find_key(self, name: str) -> tuple[str, MatchedBy | None] | None:
        """Return the key of the answer that a photo of this name is given, and what kind of name of it that is."""
        ...

    async def fetch_answer(self, image_hash: str) -> AnswerRecord | None:
        """Return the row of an answer."""
        ...

    async def fetch_names(self, image_hash: str, limit: int) -> list[NameRecord]:
        """Return the other names of an answer."""
        ...

    async def count_names(self, image_hash: str) -> int:
        """Return how many other names an answer has."""
        ...

    async def correct(
        self,
        image_hash: str,
        category: Category,
        reason: str,
        operator: Operator,
        now: datetime,
        *,
        neighbour: str | None = None,
    ) -> None:
        """Make `category` the answer of this key, for good."""
        ...

    async def delete(self, image_hash: str, reason: str, operator: Operator, now: datetime) -> None:
        """Delete the answer of this key with all that leads to it."""
        ...


class Audit(Protocol):
    """What operators have changed. Both methods raise `DatabaseUnavailable`."""

    async def fetch(self, limit: int, before: int | None) -> list[AuditEntry]:
        """Return the latest entries, of those before the entry `before` if it is given."""
        ...

    async def fetch_of(self, image_hash: str, limit: int) -> list[AuditEntry]:
        """Return the latest changes of one answer."""
        ...


@dataclass(frozen=True, slots=True)
class CorrectionService:
    """Shows, corrects and deletes single answers. Names are a SHA-256, or a prefix, a colon and a SHA-256."""

    answers: Answers
    audit: Audit
    watch: ChangeWatch
    clock: Clock

    async def find(self, name: str) -> AnswerWithHistory:
        """Return the answer that a photo of this name is given. Raises `NotFound`, `DatabaseUnavailable`."""
        image_hash, _ = await self._find_key(name)
        return await self._describe(image_hash)

    async def correct(self, name: str, category: Category, reason: str, operator: Operator) -> AnswerWithHistory:
        """Make `category` the answer of the photo of this name, for all of its names and for good; return it.

        A photo that was answered because it looks like another gets an answer of its own. Raises `NotFound`,
        `InvalidRequest` for a near name that no answer can have for its key, `DatabaseUnavailable`: then it is not
        known whether it was done.
        """
        image_hash, matched_by = await self._find_key(name)
        neighbour = None
        if matched_by is MatchedBy.NEAR:
            if not is_image_hash(name):
                raise InvalidRequest("image_hash: is only near an answer: correct it by the SHA-256 of the photo.")
            image_hash, neighbour = name, image_hash
        await self.answers.correct(image_hash, category, reason, operator, self.clock(), neighbour=neighbour)
        _log("corrected", image_hash, operator)
        await self.watch.look_with_others()
        return await self._describe(image_hash)

    async def delete(self, name: str, reason: str, operator: Operator) -> AnswerRecord:
        """Delete the answer to the photo of this name, so that a model is asked about it again; return what it was.

        Raises `NotFound`, `InvalidRequest` for a near name, `DatabaseUnavailable`: then it is not known whether it was
        done.
        """
        image_hash, matched_by = await self._find_key(name)
        if matched_by is MatchedBy.NEAR:
            raise InvalidRequest("image_hash: is only near an answer: correct it, or delete the answer itself.")
        answer = await self.answers.fetch_answer(image_hash)
        if answer is None:
            raise NotFound
        await self.answers.delete(image_hash, reason, operator, self.clock())
        _log("deleted", image_hash, operator)
        await self.watch.look_with_others()
        return answer

    async def read_audit(self, limit: int, before: int | None) -> list[AuditEntry]:
        """Return the latest changes, of those before the change `before` if it is given."""
        return await self.audit.fetch(limit, before)

    async def _find_key(self, name: str) -> tuple[str, MatchedBy | None]:
        found = await self.answers.find_key(name)
        if found is None:
            raise NotFound
        return found

    async def _describe(self, image_hash: str) -> AnswerWithHistory:
        answer = await self.answers.fetch_answer(image_hash)
        if answer is None:
            raise NotFound
        return AnswerWithHistory(
            answer=answer,
            names=await self.answers.fetch_names(image_hash, MOST_NAMES),
            names_total=await self.answers.count_names(image_hash),
            history=await self.audit.fetch_of(image_hash, MOST_HISTORY),
        )


def _log(change: str, image_hash: str, operator: Operator) -> None:
    logger.info("an operator has changed an answer", change=change, image_hash=image_hash, key=operator.key_name)
