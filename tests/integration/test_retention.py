"""Old request records go, young ones stay, by the clock of the database."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import groupby

from app.database import Database, Sql
from app.repositories.lease_repository import LeaseRepository
from app.repositories.request_log_repository import RequestLogRepository
from app.services.upkeep.retention import Retention
from tests.factories import make_outcome
from tests.support.records import write_outcomes

DAY = timedelta(days=1)


def log_retention(database: Database) -> Retention:
    log = RequestLogRepository(database)
    return Retention("request log", log.delete_older, 90 * DAY, DAY, LeaseRepository(database), log.measure_gap)


async def write_records(database: Database, *ages: timedelta) -> list[str]:
    """Write a record of each age, one after another as time goes, or as they come here; return their request ids."""
    now = datetime.now(UTC)
    outcomes = [make_outcome(created_at=now - age) for age in ages]
    for _, together in groupby(outcomes, lambda outcome: outcome.created_at):
        await write_outcomes(database, list(together))
    return [outcome.context.request_id for outcome in outcomes]


async def count_records(database: Database) -> int:
    ((number,),) = await database.fetch_all(Sql.same("SELECT COUNT(*) FROM request_log"), {})
    return int(number)


async def test_records_are_kept_for_as_many_days_as_was_asked(database: Database) -> None:
    minute = timedelta(minutes=1)
    ids = await write_records(database, 90 * DAY + minute, 91 * DAY, 90 * DAY - minute, 0 * DAY)
    retention = log_retention(database)

    assert await retention.delete_expired() == 2
    assert await retention.delete_expired() == 0

    kept = await database.fetch_all(Sql.same("SELECT request_id FROM request_log"), {})
    assert {identifier for (identifier,) in kept} == set(ids[2:])


async def test_more_records_than_one_slice_are_all_deleted(database: Database) -> None:
    await write_records(database, *[100 * DAY] * 2500, 50 * DAY)

    assert await log_retention(database).delete_expired() == 2500


async def test_a_record_that_came_late_goes_when_those_around_it_go(database: Database) -> None:
    """It lay in a spool. Those from a clock that was ahead stay, among older ones and at the beginning."""
    await write_records(
        database, *[-365 * DAY] * 3, 100 * DAY, 99 * DAY, 120 * DAY, -30 * DAY, 95 * DAY, 50 * DAY, 93 * DAY
    )

    assert await log_retention(database).delete_expired() == 4
    assert await count_records(database) == 6


async def test_the_cached_results_of_deleted_records_stay(database: Database) -> None:
    await write_records(database, 100 * DAY, 50 * DAY)

    await log_retention(database).delete_expired()

    assert await database.fetch_all(Sql.same("SELECT COUNT(*) FROM image_classification_cache"), {}) == [(2,)]


async def test_one_of_several_deletes_at_a_time(database: Database) -> None:
    await write_records(database, *[100 * DAY] * 3000, 50 * DAY)
    processes = [log_retention(database) for _ in range(4)]

    deleted = await asyncio.gather(*(process.delete_expired() for process in processes))

    assert sum(deleted) == 3000
    assert sum(number > 0 for number in deleted) == 1


async def test_the_next_may_delete_as_soon_as_one_has_done_so(database: Database) -> None:
    await log_retention(database).delete_expired()
    await write_records(database, 100 * DAY, 50 * DAY)

    assert await log_retention(database).delete_expired() == 1


async def test_nothing_is_deleted_when_the_newest_record_would_go_too(database: Database) -> None:
    """A clock that is a year ahead sees nothing but old records."""
    await write_records(database, *(365 * DAY + timedelta(hours=hours) for hours in range(50)))

    assert await log_retention(database).delete_expired() == 0
    assert await count_records(database) == 50


async def test_records_of_the_time_after_a_jump_do_not_explain_the_age_of_those_before_it(database: Database) -> None:
    await write_records(database, *(365 * DAY + timedelta(hours=hours) for hours in range(50)), 0 * DAY)

    assert await log_retention(database).delete_expired() == 0
    assert await count_records(database) == 51


async def test_after_a_long_silence_records_go_when_those_after_it_are_old_enough_too(database: Database) -> None:
    await write_records(database, 300 * DAY, 91 * DAY, 50 * DAY)

    assert await log_retention(database).delete_expired() == 2


async def test_a_record_from_the_future_is_young(database: Database) -> None:
    """That the clock of an application is wrong is no reason to delete what others wrote."""
    await write_records(database, 100 * DAY, 50 * DAY, -365 * DAY)

    assert await log_retention(database).delete_expired() == 1
