"""Votes: who has any, what they are answered, and whose requests they may be about."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from app.errors import DatabaseUnavailable, NotFound
from app.models.correction import AnswerRecord
from app.models.domain import Category, KnownAnswer, OwnAnswer, RequestRecord
from app.models.feedback import DisputedAnswer, Vote
from app.models.identity import MatchedBy
from app.services.feedback_service import FeedbackService, OwnVotes
from tests.factories import make_classification, make_known
from tests.fakes import as_any

NOON = datetime(2025, 10, 10, 12, 0, tzinfo=UTC)
KEY, FILE = "a" * 64, "b" * 64


@dataclass
class FakeVotes:
    """Votes in the order of their numbers, which are 1, 2, 3 and so on."""

    written: list[Vote] = field(default_factory=list)
    pages: int = 0
    most: int = 10_000
    asked: list[list[str]] = field(default_factory=list)
    away: bool = False

    async def write(self, vote: Vote, now: datetime) -> None:
        self.written.append(vote)

    async def fetch_voters(self, after: int, limit: int) -> list[tuple[int, str]]:
        self.pages += 1
        rows = [(number, vote.user_id) for number, vote in enumerate(self.written, 1)]
        return rows[after : after + limit]

    async def fetch_categories(self, user_id: str, photos: Sequence[Sequence[str]]) -> list[Category | None]:
        if self.away:
            raise DatabaseUnavailable(detail="away, as told")
        self.asked += map(list, photos)
        said = next((vote.category for vote in self.written if vote.user_id == user_id), None)
        return [said] * len(photos)

    async def fetch_disputed(self, limit: int) -> list[DisputedAnswer]:
        return []

    async def erase(self, user_id: str) -> None:
        self.written = [vote for vote in self.written if vote.user_id != user_id]


def make_vote(user_id: str = "me", category: Category | None = Category.PETS) -> Vote:
    return Vote(user_id, KEY, "req_1", category, "foods")


def make_record(user_id: str | None = "me") -> RequestRecord:
    return RequestRecord("req_1", user_id, FILE, None, Category.FOODS, 0.9, True, MatchedBy.CONTENT, 1, NOON)


async def test_who_votes_is_heard_of_once_and_by_pages() -> None:
    votes = FakeVotes([make_vote(f"user-{number}") for number in range(25_000)])
    own = OwnVotes(votes)

    await own.hear({"votes": 25_000})
    await own.hear({"votes": 25_000, "answers": 7})
    assert (len(own.voters), votes.pages) == (25_000, 3)

    votes.written.append(make_vote("late"))
    await own.hear({"votes": 25_001})
    assert "late" in own.voters
    assert votes.pages == 4


async def test_where_nobody_votes_nothing_is_read() -> None:
    votes = FakeVotes()

    await OwnVotes(votes).hear({"answers": 7})

    assert votes.pages == 0


@pytest.mark.parametrize(
    ("matched_by", "names"), [(MatchedBy.BYTES, ["n", KEY]), (MatchedBy.CONTENT, ["n", KEY]), (MatchedBy.NEAR, ["n"])]
)
async def test_a_vote_is_looked_for_by_the_photos_names_and_the_answers_but_not_by_that_of_another_photo(
    matched_by: MatchedBy, names: list[str]
) -> None:
    votes = FakeVotes([make_vote()])

    (own,) = await OwnVotes(votes).answers_for("me", [(["n"], make_known(KEY, matched_by=matched_by))])

    assert votes.asked == [names]
    assert isinstance(own, OwnAnswer)
    assert (own.classification.category, own.image_hash, own.matched_by) == (Category.PETS, KEY, matched_by)


@pytest.mark.parametrize("case", ["no vote", "wrong and no more", "the same", "away"])
async def test_without_another_category_the_answer_is_everybodys(case: str) -> None:
    said = {"wrong and no more": None, "the same": Category.FOODS}.get(case, Category.PETS)
    votes = FakeVotes([make_vote("other" if case == "no vote" else "me", said)], away=case == "away")
    known: KnownAnswer = make_known(KEY, classification=make_classification(Category.FOODS))

    (own,) = await OwnVotes(votes).answers_for("me", [(["n"], known)])
    assert own is known


class FakeRecords:
    """One record."""

    async def fetch_one(self, request_id: str) -> RequestRecord | None:
        return make_record() if request_id == "req_1" else None


@dataclass
class FakeAnswers:
    """One answer, and by what kind of name of it the record's photo was found."""

    matched_by: MatchedBy | None

    async def find_key(self, name: str) -> tuple[str, MatchedBy | None] | None:
        return None if self.matched_by is None else (KEY, self.matched_by)

    async def fetch_answer(self, image_hash: str) -> AnswerRecord | None:
        return AnswerRecord(image_hash, "pets", 0.9, None, "m", "1", None, 1, NOON, NOON, corrected=False)


@dataclass
class FakeWatch:
    """Counts how often it is looked."""

    looks: int = 0

    async def look_with_others(self) -> None:
        self.looks += 1


def make_service(matched_by: MatchedBy | None = MatchedBy.CONTENT) -> tuple[FeedbackService, FakeVotes, FakeWatch]:
    votes, watch = FakeVotes(), FakeWatch()
    answers = FakeAnswers(matched_by)
    service = FeedbackService(votes, FakeRecords(), answers, OwnVotes(votes), as_any(watch), lambda: NOON)
    return service, votes, watch


@pytest.mark.parametrize(
    ("matched_by", "image_hash", "answered"),
    [(MatchedBy.CONTENT, KEY, "pets"), (MatchedBy.NEAR, FILE, "pets"), (None, FILE, "foods")],
)
async def test_a_vote_is_about_the_answer_but_of_a_near_match_or_a_deleted_answer_about_the_photo(
    matched_by: MatchedBy | None, image_hash: str, answered: str
) -> None:
    service, votes, watch = make_service(matched_by)

    await service.vote("me", "req_1", Category.IDCARD)

    assert votes.written == [Vote("me", image_hash, "req_1", Category.IDCARD, answered)]
    assert watch.looks == 1


@pytest.mark.parametrize(("user", "request_id"), [("other", "req_1"), (None, "req_1"), ("me", "req_2")])
async def test_nobody_votes_about_a_request_that_is_not_theirs(user: str | None, request_id: str) -> None:
    service, votes, watch = make_service()

    with pytest.raises(NotFound):
        await service.vote(user, request_id, Category.IDCARD)
    assert (votes.written, watch.looks) == ([], 0)


async def test_an_erased_user_is_no_voter_any_more() -> None:
    service, votes, _ = make_service()
    votes.written.append(make_vote())
    await service.own.hear({"votes": 1})

    await service.erase("me")

    assert (votes.written, service.own.voters) == ([], set())
