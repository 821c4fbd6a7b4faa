"""Old changes of answers go, and the last one stays: by it processes tell copies of answers from old ones."""

from datetime import UTC, datetime, timedelta

from app.database import Database
from app.models.correction import Operator
from app.models.domain import Category
from app.repositories.change_repository import ChangeRepository
from app.repositories.correction_repository import CorrectionRepository
from tests.factories import make_outcome
from tests.support.records import write_outcomes

LONG_AGO = datetime(2020, 5, 1, 12, tzinfo=UTC)


async def test_the_last_change_outlives_all_before_it(database: Database) -> None:
    changes, corrections = ChangeRepository(database), CorrectionRepository(database)
    assert await changes.delete_older(timedelta(days=30), slice_rows=10) == 0

    outcome, operator = make_outcome(), Operator("req_1_0123456789ab", None, None)
    await write_outcomes(database, [outcome])
    for category in (Category.PETS, Category.FOODS, Category.OTHER):
        await corrections.correct(outcome.image_hash, category, "a test", operator, LONG_AGO)
    last = (await changes.fetch_changes(2, 10))[0]

    assert await changes.delete_older(timedelta(days=30), slice_rows=1) == 1
    assert await changes.delete_older(timedelta(days=30), slice_rows=10) == 1
    assert await changes.fetch_changes(0, 10) == [last]


async def test_the_last_number_comes_with_the_mark_of_its_change_while_there_is_one(database: Database) -> None:
    changes, corrections = ChangeRepository(database), CorrectionRepository(database)
    assert await changes.fetch_numbers() == ({}, 0)

    outcome, operator = make_outcome(), Operator("req_1_0123456789ab", None, None)
    await write_outcomes(database, [outcome])
    for number, category in enumerate((Category.PETS, Category.FOODS), start=1):
        await corrections.correct(outcome.image_hash, category, "a test", operator, LONG_AGO + timedelta(hours=number))
        numbers, mark = await changes.fetch_numbers()
        assert numbers["answers"] == number
        assert [mark] == [change.mark for change in await changes.fetch_changes(number - 1, 10)]
        assert mark != 0
