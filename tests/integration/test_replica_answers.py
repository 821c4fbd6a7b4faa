"""What a replica is asked: answers by their names, and as of which change of answers they are."""

from datetime import UTC, datetime

from app.database import Database
from app.models.correction import Operator
from app.models.domain import Category
from app.repositories.cache_repository import CacheRepository
from app.repositories.correction_repository import CorrectionRepository
from tests.factories import make_image_hash, make_outcome
from tests.support.records import write_outcomes

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


async def test_answers_come_with_the_number_of_the_last_change_even_where_there_are_none(database: Database) -> None:
    answers, unknown = CacheRepository(database, None), make_image_hash()
    assert await answers.fetch_as_of([unknown]) == (0, {})

    outcome = make_outcome()
    await write_outcomes(database, [outcome])
    number, found = await answers.fetch_as_of([unknown, outcome.image_hash])
    assert (number, found) == (0, await answers.fetch_many([outcome.image_hash]))

    operator = Operator("req_1_0123456789ab", None, None)
    await CorrectionRepository(database).correct(outcome.image_hash, Category.PETS, "a test", operator, NOW)
    number, found = await answers.fetch_as_of([outcome.image_hash])
    assert (number, found[outcome.image_hash].classification.category) == (1, Category.PETS)
    assert (await answers.fetch_as_of([unknown])) == (1, {})
