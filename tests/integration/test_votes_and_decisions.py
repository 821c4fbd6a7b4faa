"""Of a user's vote and an operator's decision about the same photo the newer one counts, while the decision holds."""

from datetime import UTC, datetime, timedelta

import pytest

from app.database import Database
from app.models.domain import Category, Outcome
from app.models.feedback import Vote
from app.repositories.correction_repository import CorrectionRepository
from app.repositories.feedback_repository import FeedbackRepository
from tests.factories import make_classification, make_outcome
from tests.integration.test_disputed_answers import ALICE
from tests.support.records import write_outcomes

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def answered(database: Database) -> Outcome:
    """An answer that is there."""
    outcome = make_outcome(classification=make_classification(Category.FOODS))
    await write_outcomes(database, [outcome])
    return outcome


async def say(database: Database, answered: Outcome, now: datetime) -> None:
    vote = Vote("device-42", answered.image_hash, answered.request_id, Category.PETS, Category.FOODS)
    await FeedbackRepository(database).write(vote, now)


async def decide(database: Database, image_hash: str, now: datetime, category: Category = Category.OTHER) -> None:
    await CorrectionRepository(database).correct(image_hash, category, "seen", ALICE, now)


async def own_answer(database: Database, *names: str) -> Category | None:
    (own,) = await FeedbackRepository(database).fetch_categories("device-42", [names])
    return own


@pytest.mark.parametrize(("decided", "own"), [(-MINUTE, Category.PETS), (timedelta(0), Category.PETS), (MINUTE, None)])
@pytest.mark.parametrize("category", [Category.OTHER, Category.FOODS])  # corrected, confirmed
async def test_the_newer_word_counts(
    decided: timedelta, own: Category | None, category: Category, database: Database, answered: Outcome
) -> None:
    await say(database, answered, NOON)
    await decide(database, answered.image_hash, NOON + decided, category)

    assert await own_answer(database, answered.image_hash) == own


async def test_who_votes_again_has_an_own_answer_again(database: Database, answered: Outcome) -> None:
    await say(database, answered, NOON)
    await decide(database, answered.image_hash, NOON + MINUTE)
    await say(database, answered, NOON + 2 * MINUTE)

    assert await own_answer(database, answered.image_hash) == Category.PETS


async def test_a_decision_that_was_taken_back_outranks_nothing(database: Database, answered: Outcome) -> None:
    await say(database, answered, NOON)
    await decide(database, answered.image_hash, NOON + MINUTE)
    await CorrectionRepository(database).delete(answered.image_hash, "asked again", ALICE, NOON + 2 * MINUTE)
    await write_outcomes(database, [make_outcome(image_hash=answered.image_hash)])

    assert await own_answer(database, answered.image_hash) == Category.PETS


async def test_a_decision_about_another_photo_outranks_nothing(database: Database, answered: Outcome) -> None:
    other = make_outcome()
    await write_outcomes(database, [other])
    await say(database, answered, NOON)
    await decide(database, other.image_hash, NOON + MINUTE)

    assert await own_answer(database, answered.image_hash) == Category.PETS


async def test_each_photo_of_many_has_the_users_own_word_by_any_of_its_names(
    database: Database, answered: Outcome
) -> None:
    decided, other = make_outcome(), make_outcome()
    await write_outcomes(database, [decided, other])
    await say(database, answered, NOON)
    await say(database, decided, NOON)
    await decide(database, decided.image_hash, NOON + MINUTE)

    photos = [[other.image_hash], ["c1:name", answered.image_hash], [decided.image_hash], [answered.image_hash]]
    own = await FeedbackRepository(database).fetch_categories("device-42", photos)

    assert own == [None, Category.PETS, None, Category.PETS]
    assert await FeedbackRepository(database).fetch_categories("another", photos) == [None] * 4
