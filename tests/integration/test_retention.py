"""Old request records go, young ones stay."""

import asyncio
from datetime import UTC, datetime, timedelta

from app.database import Database, Sql
from app.repositories.request_log_repository import RequestLogRepository
from app.services.upkeep.retention import Retention
from tests.factories import make_outcome
from tests.support.ledger import write_outcomes

NOW = datetime(2025, 10, 10, 12, 0, tzinfo=UTC)


def log_sweeper(database: Database) -> Retention:
    delete_before = RequestLogRepository(database).delete_before
    return Retention("request log", delete_before, timedelta(days=90), timedelta(hours=1), lambda: NOW)


async def test_records_are_kept_for_as_many_days_as_was_asked(database: Database) -> None:
    ages = [timedelta(days=90, seconds=1), timedelta(days=91), timedelta(days=90), timedelta(0)]
    outcomes = [make_outcome(created_at=NOW - age) for age in ages]
    await write_outcomes(database, outcomes)
    sweeper = log_sweeper(database)

    assert await sweeper.delete_expired() == 2
    assert await sweeper.delete_expired() == 0

    kept = await database.fetch_all(Sql.same("SELECT request_id FROM request_log"), {})
    assert set(kept) == {(outcome.context.request_id,) for outcome in outcomes[2:]}


async def test_more_records_than_one_slice_are_all_deleted(database: Database) -> None:
    await write_outcomes(database, [make_outcome(created_at=NOW - timedelta(days=100)) for _ in range(2500)])

    assert await log_sweeper(database).delete_expired() == 2500


async def test_the_cached_results_of_deleted_records_stay(database: Database) -> None:
    await write_outcomes(database, [make_outcome(created_at=NOW - timedelta(days=100))])

    await log_sweeper(database).delete_expired()

    assert await database.fetch_all(Sql.same("SELECT COUNT(*) FROM image_classification_cache"), {}) == [(1,)]


async def test_several_may_delete_at_the_same_time(database: Database) -> None:
    await write_outcomes(database, [make_outcome(created_at=NOW - timedelta(days=100)) for _ in range(3000)])
    sweeper = log_sweeper(database)

    deleted = await asyncio.gather(*(sweeper.delete_expired() for _ in range(4)))

    assert sum(deleted) == 3000
