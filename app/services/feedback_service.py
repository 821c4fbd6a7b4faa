"""Users say that an answer is wrong: their own changes at once, nobody else's does, and operators see who disagrees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from loguru import logger

from app.errors import DatabaseUnavailable, NotFound
from app.models.correction import AnswerRecord
from app.models.domain import Category, Classification, KnownAnswer, OwnAnswer, RequestRecord
from app.models.feedback import DisputedAnswer, Vote
from app.models.identity import MatchedBy
from app.services.cache.changes import ChangeWatch
from app.utils.clock import Clock

_TOPIC = "votes"
_PAGE = 10_000


class Votes(Protocol):
    """The votes. Every method raises `DatabaseUnavailable`."""

    async def write(self, vote: Vote, now: datetime) -> None:
        """Write a vote, in place of the same user's about the same photo."""
        ...

    async def fetch_voters(self, after: int, limit: int) -> list[tuple[int, str]]:
        """Return number and user of the first votes behind this number."""
        ...

    async def fetch_categories(self, user_id: str, photos: Sequence[Sequence[str]]) -> list[Category | None]:
        """Return what the user says that each photo shows, which is given by its names."""
        ...

    async def fetch_disputed(self, limit: int) -> list[DisputedAnswer]:
        """Return the answers that most users say are wrong."""
        ...

    async def erase(self, user_id: str) -> None:
        """Delete the votes of a user."""
        ...


class Records(Protocol):
    """The records of requests. Raises `DatabaseUnavailable`."""

    async def fetch_one(self, request_id: str) -> RequestRecord | None:
        """Return the record of a request."""
        ...


class Answers(Protocol):
    """The answers. Both methods raise `DatabaseUnavailable`."""

    async def find_key(self, name: str) -> tuple[str, MatchedBy | None] | None:
        """Return the key of the answer that a photo of this name is given."""
        ...

    async def fetch_answer(self, image_hash: str) -> AnswerRecord | None:
        """Return the row of an answer."""
        ...


@dataclass(slots=True)
class OwnVotes:
    """Who has voted, so that all others' answers cost nothing more, and what it was."""

    votes: Votes
    voters: set[str] = field(default_factory=set)
    _last: int = 0

    async def hear(self, numbers: Mapping[str, int]) -> None:
        """Read who has voted since the last time, where the number of votes says that somebody has."""
        number = numbers.get(_TOPIC, 0)
        if number < self._last:  # a copy of the database from before
            self._last = 0
        while self._last < number:
            page = await self.votes.fetch_voters(self._last, _PAGE)
            self.voters.update(user_id for _, user_id in page)
            self._last = page[-1][0] if len(page) == _PAGE else number

    async def answers_for(self, user_id: str, photos: Sequence[tuple[Sequence[str], KnownAnswer]]) -> list[KnownAnswer]:
        """Return what this voter is answered about each photo, which is given by its names and by what others are
        answered; with one question to the database."""
        keys = [
            [*names] if known.matched_by is MatchedBy.NEAR else [*names, known.image_hash] for names, known in photos
        ]
        answers = [known for _, known in photos]
        try:
            categories = await self.votes.fetch_categories(user_id, keys)
        except DatabaseUnavailable as error:
            logger.warning("a user's own answers are not known", detail=error.detail)
            return answers
        return [_own(known, category) for known, category in zip(answers, categories, strict=True)]


def _own(known: KnownAnswer, category: Category | None) -> KnownAnswer:
    if category is None or category == known.classification.category:
        return known
    own = Classification(category, 1.0, None)
    return OwnAnswer(own, known.image_hash, known.matched_by, known.image_size, known.distance)


@dataclass(frozen=True, slots=True)
class FeedbackService:
    """Takes votes, and shows operators the answers that users disagree with."""

    votes: Votes
    records: Records
    answers: Answers
    own: OwnVotes
    watch: ChangeWatch
    clock: Clock

    async def vote(self, user_id: str | None, request_id: str, category: Category | None) -> Vote:
        """Take what a user says of the answer to a request of theirs; return it.

        Raises `NotFound` where the request is not on record, or is not this user's; `DatabaseUnavailable`.
        """
        record = await self.records.fetch_one(request_id)
        if record is None or user_id is None or record.user_id != user_id:
            raise NotFound
        image_hash, answered = await self._find_answer(record)
        vote = Vote(user_id, image_hash, request_id, category, answered)
        await self.votes.write(vote, self.clock())
        await self.watch.look_with_others()
        return vote

    async def list_disputed(self, limit: int) -> list[DisputedAnswer]:
        """Return the answers that most users say are wrong, and that no operator has decided about."""
        return await self.votes.fetch_disputed(limit)

    async def erase(self, user_id: str) -> None:
        """Delete the votes of a user."""
        await self.votes.erase(user_id)
        self.own.voters.discard(user_id)

    async def _find_answer(self, record: RequestRecord) -> tuple[str, str]:
        """Return the key that the vote counts for, and what everybody is answered."""
        found = await self.answers.find_key(record.image_hash)
        answer = None if found is None else await self.answers.fetch_answer(found[0])
        if found is None or answer is None:
            return record.image_hash, record.category
        key, matched_by = found
        # What only looks alike is another photo: a vote about the one says nothing of the other.
        return (record.image_hash if matched_by is MatchedBy.NEAR else key), answer.category
