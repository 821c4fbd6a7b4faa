"""The sums of minutes say from when on they have everything, and are kept for three days."""

from datetime import UTC, datetime, timedelta
from typing import Any

from app.database import Database, Sql
from app.drivers.build import open_database
from app.repositories.minute_repository import MinuteRepository, MinuteTotals
from app.utils.days import last_days
from tests.conftest import make_settings
from tests.factories import make_call, make_outcome
from tests.integration.test_rollups import NOW, UTC_ZONE, check_minutes, text_of
from tests.support.records import apply_all, delete_some, rebuild, write_outcomes

MINUTE = NOW.replace(second=0)
SPAN = last_days(NOW, UTC_ZONE, 1)
FORGET_MINUTES = Sql.same("UPDATE stats_state SET version = version + 1")
"""What an addition by a process of the version before leaves: it knows no minutes."""


async def sum_last_hours(database: Database, hours: int = 40) -> MinuteTotals:
    return await MinuteRepository(database).sum_minutes(MINUTE - timedelta(hours=hours), MINUTE, UTC_ZONE)


async def count_rows(database: Database, table: str) -> int:
    ((rows,),) = await database.fetch_all(Sql.same(f"SELECT COUNT(*) FROM {table}"), {})
    return int(rows)


async def test_a_new_database_knows_all_of_them(database: Database) -> None:
    told = await sum_last_hours(database)

    assert (told.is_complete, told.since, told.requests) == (True, None, 0)


async def test_a_span_ends_before_its_last_minute(database: Database) -> None:
    moments = [
        MINUTE - timedelta(seconds=1),
        MINUTE,
        MINUTE - timedelta(hours=1),
        MINUTE - timedelta(hours=1, seconds=1),
    ]
    await write_outcomes(database, [make_outcome(created_at=moment) for moment in moments])

    assert (await sum_last_hours(database, hours=1)).requests == 2
    await apply_all(database)
    assert (await sum_last_hours(database, hours=1)).requests == 2


async def test_after_an_addition_that_knows_no_minutes_they_begin_anew(database: Database) -> None:
    await write_outcomes(database, [make_outcome(created_at=NOW)])
    await apply_all(database)
    await database.execute(FORGET_MINUTES, {})

    assert not (await sum_last_hours(database)).is_complete

    await write_outcomes(database, [make_outcome(created_at=NOW)])
    await apply_all(database)
    told = await sum_last_hours(database)
    assert told.is_complete
    assert told.since is not None
    assert abs(told.since - datetime.now(UTC)) < timedelta(minutes=5)
    await apply_all(database)
    assert (await sum_last_hours(database)).since == told.since


async def test_a_rebuild_counts_those_that_nobody_had_counted(database: Database) -> None:
    await write_outcomes(database, [make_outcome(created_at=NOW - timedelta(hours=hours)) for hours in (1, 30)])
    await apply_all(database)
    for table in ("stats_minute", "stats_minute_call"):
        await database.execute(Sql.same(f"DELETE FROM {table}"), {})
    await database.execute(FORGET_MINUTES, {})

    await rebuild(database)

    told = await sum_last_hours(database)
    assert (told.is_complete, told.since, told.requests) == (True, None, 2)
    await check_minutes(database, SPAN)


async def test_requests_that_do_not_say_how_long_they_took_count_without_a_time(database: Database) -> None:
    await write_outcomes(database, [make_outcome(created_at=NOW - timedelta(hours=hours)) for hours in (1, 30)])
    await database.execute(Sql.same("UPDATE request_log SET processing_time_ms = NULL"), {})
    await rebuild(database)

    told = await sum_last_hours(database)
    assert (told.requests, told.paid) == (2, {})

    await delete_some(database, NOW - timedelta(hours=20), 10)
    for _ in ("waiting", "applied"):
        assert (await sum_last_hours(database)).requests == 1
        await apply_all(database)


async def test_rows_that_are_deleted_are_taken_from_them(database: Database) -> None:
    await write_outcomes(database, [make_outcome(created_at=NOW - timedelta(hours=hours)) for hours in (1, 30)])
    await apply_all(database)

    await delete_some(database, NOW - timedelta(hours=20), 10)
    await check_minutes(database, SPAN)
    await apply_all(database)

    assert (await sum_last_hours(database)).requests == 1


async def test_what_is_older_than_three_days_is_not_kept(database: Database) -> None:
    old, older = text_of(NOW - timedelta(hours=71)), text_of(NOW - timedelta(hours=73))
    for minute in (old, older):
        await database.execute(Sql.same("INSERT INTO stats_minute VALUES (:minute, 'bytes', 8, 3)"), {"minute": minute})
        await database.execute(
            Sql.same("INSERT INTO stats_minute_call VALUES (:minute, 1, 0, 0, 0)"), {"minute": minute}
        )
    calls = [make_call(started_at=NOW - timedelta(hours=hours)) for hours in (1, 80)]
    await write_outcomes(database, [make_outcome(created_at=call.started_at, calls=(call,)) for call in calls])

    await apply_all(database)

    assert [await count_rows(database, table) for table in ("stats_minute", "stats_minute_call")] == [2, 2]


async def test_after_a_long_rest_old_minutes_go_some_at_a_time(mysql_settings: dict[str, Any]) -> None:
    """No transaction grows with them."""
    database = await open_database(make_settings(**mysql_settings))
    rows = [{"minute": text_of(NOW - timedelta(days=4, minutes=number))} for number in range(1500)]
    await database.commit([(Sql.same("INSERT INTO stats_minute VALUES (:minute, 'bytes', 8, 3)"), row) for row in rows])
    left = []
    for _ in range(3):
        await write_outcomes(database, [make_outcome(created_at=NOW)])
        await apply_all(database)
        left.append(await count_rows(database, "stats_minute"))
    await database.close()

    assert left == [501, 1, 1]
