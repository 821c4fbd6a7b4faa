"""A backup that is made beside traffic, as docs/operations.md says, has statistics that are right."""

import asyncio
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.database import Database, Sql
from app.drivers.build import open_database
from app.repositories.rollup_repository import RollupRepository
from app.utils.days import last_days
from tests.conftest import make_settings
from tests.factories import make_context, make_outcome
from tests.integration.test_rollups import check_sums
from tests.support.records import apply_all, write_outcomes

UTC_ZONE = ZoneInfo("UTC")
COUNT = Sql.same("SELECT COUNT(*) FROM request_log")


async def keep_busy(database: Database) -> None:
    """Write, and add half of it to the sums."""
    number = 0
    while True:
        number += 1
        context = make_context(f"user-{number % 5}")
        await write_outcomes(database, [make_outcome(context=context, created_at=datetime.now(UTC))])
        if number % 2:
            await RollupRepository(database).apply_piece(UTC_ZONE)


def back_up(source: Path, copy: Path) -> None:
    """Do what `sqlite3 classifier.db ".backup copy.db"` does."""
    with sqlite3.connect(source) as opened, sqlite3.connect(copy) as made:
        opened.backup(made)
    opened.close()
    made.close()


@pytest.mark.parametrize("number", range(3))
async def test_a_backup_of_sqlite_has_the_rows_and_their_sums_of_one_moment(
    number: int, sqlite_settings: dict[str, Any], tmp_path: Path
) -> None:
    database = await open_database(make_settings(**sqlite_settings))
    busy = asyncio.create_task(keep_busy(database))
    async with asyncio.timeout(20):
        while (await database.fetch_all(COUNT, {}))[0][0] < 10 + number:
            await asyncio.sleep(0.01)
    copy = tmp_path / "copy.db"

    await asyncio.to_thread(back_up, sqlite_settings["sqlite_path"], copy)

    busy.cancel()
    await asyncio.wait([busy])
    await database.close()
    restored = await open_database(make_settings(**{**sqlite_settings, "sqlite_path": copy}))
    assert (await restored.fetch_all(COUNT, {}))[0][0] >= 10
    span = last_days(datetime.now(UTC), UTC_ZONE, 2)
    await check_sums(restored, span)
    await apply_all(restored)
    await check_sums(restored, span)
    await restored.close()
