"""What each kind of name was worth, and how often near matches were right, as sums that lose nothing."""

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.database import Database, Sql
from app.models.domain import Category, Outcome
from app.models.identity import MatchedBy, MatchTotals, Trial
from app.models.near import CategoryTrials, TrialTotals
from app.repositories.identity_repository import IdentityRepository
from app.repositories.trial_repository import TrialRepository
from app.utils.days import last_days
from tests.factories import known_by, make_classification, make_hit, make_image_hash, make_outcome, make_reply
from tests.support.records import rebuild, write_outcomes

NOON = datetime(2025, 10, 10, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
THAT_DAY = last_days(NOON, ZoneInfo("UTC"), 1)


def make_trial(near: Category, model: Category, moment: datetime = NOON) -> Outcome:
    """Return a paid answer to a photo that has a neighbour of some category."""
    reply = make_reply(make_classification(model))
    return make_outcome(reply=reply, created_at=moment, trial=Trial(make_image_hash(), 6, near))


async def test_requests_are_summed_by_the_name_that_found_the_answer(database: Database) -> None:
    paid = make_outcome(image_size=1000, created_at=NOON)
    by_hash = [make_hit(paid, image_size=None, known=known_by(paid, kind), created_at=NOON) for kind in MatchedBy]
    by_upload = [make_hit(paid, image_size=999, known=known_by(paid, kind), created_at=NOON) for kind in MatchedBy]
    unweighed = replace(known_by(paid, MatchedBy.CONTENT), image_size=None)
    others = [
        make_hit(paid, image_size=None, known=unweighed, created_at=NOON),
        make_hit(paid, image_size=None, known=None, created_at=NOON),  # as the version before wrote it
        make_hit(paid, image_size=None, known=known_by(paid), created_at=NOON + DAY),
    ]
    await write_outcomes(database, [paid, *by_hash, *by_upload, *others])

    sums = await IdentityRepository(database).sum_matches(THAT_DAY)

    assert {(one.matched_by, one.from_cache): one for one in sums} == {
        (None, False): MatchTotals(None, False, 1, 0, 0),
        (MatchedBy.BYTES, True): MatchTotals(MatchedBy.BYTES, True, 3, 2, 1000),
        (MatchedBy.CONTENT, True): MatchTotals(MatchedBy.CONTENT, True, 3, 2, 1000),
        (MatchedBy.QUESTION, True): MatchTotals(MatchedBy.QUESTION, True, 2, 1, 1000),
        (MatchedBy.NEAR, True): MatchTotals(MatchedBy.NEAR, True, 2, 1, 1000),
    }
    assert len(sums) == 5


async def test_a_kind_of_name_that_a_later_version_wrote_is_counted_all_the_same(database: Database) -> None:
    paid = make_outcome(created_at=NOON)
    await write_outcomes(database, [paid, make_hit(paid, known=known_by(paid), created_at=NOON)])
    await database.execute(Sql.same("UPDATE request_log SET matched_by = 'sketch' WHERE from_cache = 1"), {})
    await rebuild(database)

    sums = await IdentityRepository(database).sum_matches(THAT_DAY)

    assert [(one.matched_by, one.from_cache, one.requests) for one in sums] == [(None, False, 1), (None, True, 1)]


async def test_where_nothing_was_asked_there_are_no_sums(database: Database) -> None:
    assert await IdentityRepository(database).sum_matches(THAT_DAY) == []
    assert await TrialRepository(database).sum_latest(300) == TrialTotals(0, 0)
    assert await TrialRepository(database).sum_by_category(NOON, NOON + DAY) == []


async def test_a_trial_keeps_what_both_said(database: Database) -> None:
    outcome = make_trial(Category.PETS, Category.FOODS)

    await write_outcomes(database, [outcome])

    columns = "request_id, image_hash, neighbour_hash, distance, near_category, model_category"
    assert outcome.trial is not None
    assert await database.fetch_all(Sql.same(f"SELECT {columns} FROM near_trial"), {}) == [
        (outcome.request_id, outcome.image_hash, outcome.trial.neighbour_hash, 6, "pets", "foods")
    ]


@pytest.mark.parametrize("count", [1, 5, 12, 20])
async def test_the_latest_trials_are_those_that_were_written_last(count: int, database: Database) -> None:
    agreed = [True, True, False, True, True, True, False, False, True, False, True, True]
    for number, agrees in enumerate(agreed):
        said = Category.PETS if agrees else Category.OTHER
        await write_outcomes(database, [make_trial(Category.PETS, said, NOON - number * DAY)])

    totals = await TrialRepository(database).sum_latest(count)

    last = agreed[-count:]
    assert totals == TrialTotals(len(last), last.count(False))


async def test_trials_are_summed_by_what_would_have_been_served(database: Database) -> None:
    chance = random.Random(5)
    pairs = [(chance.choice(list(Category)), chance.choice(list(Category)[:3])) for _ in range(200)]
    edges = [make_trial(Category.PETS, Category.PETS, moment) for moment in (NOON - timedelta(seconds=1), NOON + DAY)]
    await write_outcomes(database, [*(make_trial(near, model) for near, model in pairs), *edges])
    edit = Sql.same("UPDATE near_trial SET near_category = 'plants' WHERE near_category = 'other'")
    await database.execute(edit, {})

    sums = await TrialRepository(database).sum_by_category(NOON, NOON + DAY)

    asked = Counter(near for near, _ in pairs if near is not Category.OTHER)
    wrong = Counter(near for near, model in pairs if near is not model)
    assert {one.category: one for one in sums} == {
        near: CategoryTrials(near, number, wrong[near]) for near, number in asked.items()
    }
    assert [one.comparisons for one in sums] == sorted(asked.values(), reverse=True)
