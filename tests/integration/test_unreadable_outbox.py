"""A row of the outbox that cannot be added to the statistics stops neither the others nor goes unnoticed."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.database import Database, Sql
from app.errors import StatisticsNotBuilt
from app.repositories.stats_repository import StatsRepository
from app.utils.days import last_days
from tests.factories import make_outcome
from tests.integration.test_rollups import check_sums
from tests.support.records import apply_all, rebuild, write_outcomes

UTC_ZONE = ZoneInfo("UTC")
NOW = datetime.now(UTC).replace(microsecond=0)
SPAN = last_days(NOW, UTC_ZONE, 1)

INSERT_ROW = Sql.same("INSERT INTO stats_outbox (records, calls) VALUES (:records, :calls)")
COUNT_ROWS = Sql.same("SELECT COUNT(*) FROM stats_outbox")

READ_BY_NOBODY = {
    "cut off": ('[["2026-01-01 00:00:00"', "[]"),
    "of another width": ('[["2026-01-01 00:00:00", "user"]]', "[]"),
    "no list": ('{"day": 1}', "[]"),
    "no date": ('[["yesterday", "user", null, 1, "pets", 0.9, true, 5, null, null]]', "[]"),
    "a date that is a number": ('[[20260101, "user", null, 1, "pets", 0.9, true, 5, null, null]]', "[]"),
    "a size that is a text": (
        '[["2026-01-01 00:00:00", "user", null, "1 MB", "pets", 0.9, true, 5, null, null]]',
        "[]",
    ),
    "a cost that is a word": ("[]", '[["2026-01-01 00:00:00", "a", "b", "c", "d", "e", 1, 1, 1, "much", 5]]'),
}
TAKEN_BY_NO_COLUMN = {
    "without a lane": ("[]", '[["2026-01-01 00:00:00", "a", "b", "c", null, "e", 1, 1, 1, null, 5]]'),
}


async def write(database: Database) -> None:
    """Leave a good row in the outbox."""
    await write_outcomes(database, [make_outcome(created_at=NOW)])


async def poison(database: Database, row: tuple[str, str]) -> None:
    records, calls = row
    await database.execute(INSERT_ROW, {"records": records, "calls": calls})


@pytest.mark.parametrize("row", [*READ_BY_NOBODY.values(), *TAKEN_BY_NO_COLUMN.values()])
async def test_the_outbox_goes_on_after_a_row_that_cannot_be_added(row: tuple[str, str], database: Database) -> None:
    for _ in range(3):
        await write(database)
    await poison(database, row)
    for _ in range(3):
        await write(database)

    await apply_all(database)

    assert await database.fetch_all(COUNT_ROWS, {}) == [(0,)]
    with pytest.raises(StatisticsNotBuilt):  # which names the command
        await StatsRepository(database).sum_cache()
    await rebuild(database)
    await write(database)
    await apply_all(database)
    await check_sums(database, SPAN)


@pytest.mark.parametrize("row", READ_BY_NOBODY.values())
async def test_statistics_are_not_told_before_such_a_row_is_taken_out_either(
    row: tuple[str, str], database: Database
) -> None:
    await poison(database, row)

    with pytest.raises(StatisticsNotBuilt):
        await StatsRepository(database).sum_cache()
