"""The live feed tells what the log has, and the same of today as the statistics do."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.config import Settings
from app.container import open_service
from app.database import Database, Sql, from_sql_time
from app.drivers.build import open_database
from app.models.identity import MatchedBy
from app.observe.metrics import Metrics
from app.storage import storage_on
from app.utils.clock import Clock
from tests.api.calls import check_cache, classify, get_data
from tests.conftest import make_client
from tests.factories import known_by, make_hit, make_image, make_outcome
from tests.support.records import apply_all, write_outcomes
from tests.support.unreliable_database import UnreliableDatabase

pytestmark = pytest.mark.on_both_databases

NOW = datetime.now(UTC)


@pytest.fixture
def clock() -> Clock:
    return lambda: NOW


def kinds_of(points: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Return by the moment of each point that is not empty what it counts."""
    counted = {point.pop("at"): {kind: number for kind, number in point.items() if number} for point in points}
    return {moment: numbers for moment, numbers in counted.items() if numbers}


async def test_every_request_of_the_last_quarter_of_an_hour_is_in_the_point_of_its_moment(
    database: Database, client: httpx.AsyncClient
) -> None:
    def ago(seconds: int) -> datetime:
        return NOW - timedelta(seconds=seconds)

    paid = make_outcome(created_at=ago(500))
    late = make_outcome(created_at=ago(700))
    await write_outcomes(database, [paid, make_outcome(created_at=ago(1000)), make_outcome(created_at=NOW)])
    await apply_all(database)
    # What comes late has a newer row and an older moment; this has not been added to the sums yet.
    await write_outcomes(database, [late, make_hit(paid, created_at=ago(500), known=known_by(paid, MatchedBy.NEAR))])

    points = (await get_data(client, "/stats/live"))["points"]

    assert len(points) == 180
    rows = await database.fetch_all(Sql.same("SELECT created_at, from_cache, matched_by FROM request_log"), {})
    expected: dict[str, dict[str, int]] = {}
    for created_at, from_cache, matched_by in rows:
        moment = from_sql_time(created_at)
        start = moment.replace(second=moment.second // 5 * 5)
        if start >= ago(895).replace(microsecond=0):
            numbers = expected.setdefault(start.strftime("%Y-%m-%dT%H:%M:%SZ"), {})
            kind = matched_by if from_cache else "paid"
            numbers[kind] = numbers.get(kind, 0) + 1
    assert kinds_of(points) == expected
    assert [sum(numbers.values()) for numbers in expected.values()].count(2) == 1


async def test_today_is_what_the_statistics_tell(client: httpx.AsyncClient) -> None:
    image = make_image()
    await classify(client, image, "device-1")
    await check_cache(client, image, "device-2")

    live = await get_data(client, "/stats/live")

    assert live["today"] == await get_data(client, "/stats/today")
    assert live["today"]["total_requests"] == 2
    assert (live["timezone"], live["seconds_per_point"]) == ("UTC", 5)
    assert set(live["state"].values()) <= {0, 1}


@pytest.fixture
async def line(settings: Settings) -> AsyncIterator[UnreliableDatabase]:
    """The line to the database, that a test may cut."""
    real = await open_database(settings)
    yield UnreliableDatabase(real)
    await real.close()


async def test_while_the_database_is_away_that_is_said(settings: Settings, line: UnreliableDatabase) -> None:
    async with (
        open_service(settings, storage_on(line, settings), Metrics()) as container,
        make_client(settings, container) as client,
    ):
        line.away = True

        answer = await client.get("/stats/live")

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "database_unavailable")
    assert answer.headers["retry-after"] == "1"
