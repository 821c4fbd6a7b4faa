"""`GET /stats/identity`: what each kind of name saved, and what is known of near matches, from the rows of both
databases."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.database import Database
from app.models.domain import Category, Outcome
from app.models.identity import MatchedBy, Trial
from app.utils.clock import Clock
from tests.api.calls import get_data
from tests.factories import (
    known_by,
    make_call,
    make_classification,
    make_hit,
    make_image_hash,
    make_outcome,
    make_reply,
)
from tests.support.records import write_outcomes

pytestmark = pytest.mark.on_both_databases

NOW = datetime.now(UTC)
"""When all of this happens: a day may end while the tests run."""

NONE_SAVED = {"requests": 0, "calls_saved": 0, "cost_saved": 0.0, "uploads_saved": 0, "bytes_saved": 0}


@pytest.fixture
def clock() -> Clock:
    return lambda: NOW


def make_known_hit(paid: Outcome, matched_by: MatchedBy, **changes: Any) -> Outcome:
    """Return a hit of a paid answer by one of its names."""
    return make_hit(paid, known=known_by(paid, matched_by), created_at=NOW, **changes)


def make_trial(says: Category, moment: datetime = NOW) -> Outcome:
    """Return an upload that looked like a pet, and that a model was asked about."""
    trial = Trial(make_image_hash(), 4, Category.PETS)
    return make_outcome(reply=make_reply(make_classification(says)), trial=trial, created_at=moment)


async def test_what_each_kind_of_name_saved_is_told(database: Database, client: httpx.AsyncClient) -> None:
    paid = make_outcome(created_at=NOW, image_size=1000, calls=(make_call(started_at=NOW),))
    by_hash = [make_known_hit(paid, MatchedBy.BYTES, image_size=None) for _ in range(3)]
    uploaded = [make_known_hit(paid, name, image_size=900) for name in (MatchedBy.QUESTION, MatchedBy.NEAR)]
    await write_outcomes(database, [paid])
    await write_outcomes(database, [*by_hash, *uploaded])

    data = await get_data(client, "/stats/identity")

    one = {"requests": 1, "calls_saved": 1, "cost_saved": 0.01, "uploads_saved": 0, "bytes_saved": 0}
    three = {"requests": 3, "calls_saved": 3, "cost_saved": 0.03, "uploads_saved": 3, "bytes_saved": 3000}
    assert data["matches"] == [
        {"matched_by": "bytes", **three},
        {"matched_by": "content", **NONE_SAVED},
        {"matched_by": "question", **one},
        {"matched_by": "near", **one},
    ]
    assert data["paid"] == {"requests": 1, "calls": 1, "cost": 0.0000816}


async def test_hits_from_before_there_were_names_were_the_same_file(
    database: Database, client: httpx.AsyncClient
) -> None:
    paid = make_outcome(created_at=NOW)
    await write_outcomes(database, [paid])
    await write_outcomes(database, [make_hit(paid, created_at=NOW)])

    data = await get_data(client, "/stats/identity")

    assert [row["requests"] for row in data["matches"]] == [1, 0, 0, 0]


async def test_the_days_are_those_asked_for_and_today_is_the_first(
    database: Database, client: httpx.AsyncClient
) -> None:
    for days in (0, 6, 7, 40):
        moment = NOW - timedelta(days=days)
        await write_outcomes(database, [make_outcome(created_at=moment), make_trial(Category.PETS, moment)])

    counts = {}
    for days in (1, 7, 8, 30, 3650):
        data = await get_data(client, f"/stats/identity?days={days}")
        counts[days] = (data["paid"]["requests"], data["trials"]["comparisons"])

    assert counts == {1: (2, 1), 7: (4, 2), 8: (6, 3), 30: (6, 3), 3650: (8, 4)}
    assert (await get_data(client, "/stats/identity"))["days"] == 30


async def test_trials_are_told_with_their_interval_and_whether_they_allow_to_serve(
    database: Database, client: httpx.AsyncClient
) -> None:
    said = [Category.PETS] * 28 + [Category.FOODS]
    await write_outcomes(database, [make_trial(category) for category in said])

    data = await get_data(client, "/stats/identity")

    assert data["trials"] == {
        "comparisons": 29,
        "disagreed": 1,
        "error_low": 0.0061,
        "error_high": 0.1718,
        "by_category": [{"category": "pets", "comparisons": 29, "disagreed": 1}],
    }
    assert data["near"] == {
        "mode": "auto",
        "state": "observing",
        "reason": "29 comparisons are on record, and 300 are needed to serve.",
        "comparisons": 29,
        "disagreed": 1,
        "error_low": 0.0061,
        "error_high": 0.1718,
    }


async def test_enough_trials_that_agree_let_auto_serve(database: Database, client: httpx.AsyncClient) -> None:
    await write_outcomes(database, [make_trial(Category.PETS) for _ in range(300)])

    near = (await get_data(client, "/stats/identity"))["near"]

    assert (near["state"], near["comparisons"], near["disagreed"]) == ("serving", 300, 0)


async def test_of_empty_tables_nothing_is_told_but_the_days(client: httpx.AsyncClient) -> None:
    data = await get_data(client, "/stats/identity?days=1")

    assert [row.pop("matched_by") for row in data["matches"]] == ["bytes", "content", "question", "near"]
    assert data["matches"] == [NONE_SAVED] * 4
    assert data["paid"] == {"requests": 0, "calls": 0, "cost": 0.0}
    assert (data["trials"]["error_low"], data["trials"]["error_high"]) == (0.0, 1.0)
    assert data["timezone"] == "UTC"
    assert data["start"].endswith("T00:00:00Z")
