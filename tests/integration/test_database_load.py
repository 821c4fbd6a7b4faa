"""How busy a database's connections are said to be."""

import asyncio
from contextlib import suppress

import pytest

from app.database import Database, Load, Sql
from app.drivers.mysql import MySQLDatabase

SLOW = Sql(mysql="SELECT SLEEP(0.2)", sqlite="SELECT 1")


def idle(database: Database) -> Load:
    return Load(0, 0, 10) if isinstance(database, MySQLDatabase) else Load(0, 0, 3)


async def test_calls_are_counted_where_they_are_served_and_where_they_wait(database: Database) -> None:
    assert database.load == idle(database)

    calls = [asyncio.create_task(database.fetch_all(SLOW, {})) for _ in range(15)]
    await asyncio.sleep(0)  # all of them have begun

    # SQLite has one connection that reads.
    assert database.load == (Load(10, 5, 10) if isinstance(database, MySQLDatabase) else Load(1, 14, 3))
    await asyncio.gather(*calls)
    assert database.load == idle(database)


@pytest.mark.parametrize("timeout_seconds", [None, 30.0], ids=["quick", "slow"])
async def test_callers_who_leave_are_not_counted_any_more(timeout_seconds: float | None, database: Database) -> None:
    calls = [asyncio.create_task(database.fetch_all(SLOW, {}, timeout_seconds=timeout_seconds)) for _ in range(15)]
    await asyncio.sleep(0)
    assert database.load.waiting > 0

    for call in calls:
        call.cancel()
    for call in calls:
        with suppress(asyncio.CancelledError):
            await call

    assert database.load == idle(database)
