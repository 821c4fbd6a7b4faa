"""What today is compared with is what the specification's SQL gives of yesterday until the same time."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest

from app.config import Settings
from app.container import open_container
from app.database import Database, Sql
from app.models.domain import LOCAL_PROVIDER
from app.models.identity import MatchedBy
from app.services.images.decoding_server import DecodingServer
from app.utils.clock import Clock
from tests.api.calls import get_data
from tests.conftest import make_client, with_settings
from tests.factories import known_by, make_call, make_hit, make_outcome
from tests.support.records import apply_all, rebuild, write_outcomes
from tests.support.specification_sql import TODAY

pytestmark = pytest.mark.on_both_databases

NOW = datetime.now(UTC).replace(hour=14, minute=32, second=10, microsecond=0)
if datetime.now(UTC) < NOW:  # the database's clock tells what is three days old: ours goes with it
    NOW -= timedelta(days=1)
COST = """
SELECT COUNT(*), SUM(cost) FROM model_call WHERE provider <> 'local' AND created_date = CURDATE()
"""


@pytest.fixture
def clock() -> Clock:
    return lambda: NOW


def of_span(sql: str, start: str, until: str) -> Sql:
    """Return a statement of the specification for another span than today."""
    span = f"created_at >= '{start[:19].replace('T', ' ')}' AND created_at < '{until[:19].replace('T', ' ')}'"
    return Sql.same(sql.replace("created_date = CURDATE()", span))


async def write_two_days(database: Database, requests: int) -> None:
    """Write requests of the last 40 hours: hits and paid ones, with what the models cost, the network's too."""
    chance = random.Random(requests)
    moments = [NOW - timedelta(seconds=chance.randrange(40 * 3600)) for _ in range(requests)]
    edges = [NOW - timedelta(hours=24, seconds=seconds) for seconds in (10, 11, 9, -20, -60)]
    paid, hits = [], []
    for moment in [*moments, *edges]:
        call = make_call(
            started_at=moment,
            provider=chance.choice(["openai", "anthropic", LOCAL_PROVIDER]),
            cost=Decimal(chance.randrange(1, 9999)) / 10**7,
        )
        paid.append(make_outcome(created_at=moment, calls=(call,), processing_time_ms=chance.randrange(300, 4000)))
        known = known_by(paid[0], chance.choice(list(MatchedBy)))
        hits.append(make_hit(paid[0], known=known, created_at=moment, processing_time_ms=chance.randrange(40)))
    await write_outcomes(database, paid)
    await write_outcomes(database, [hit for hit in hits if chance.random() < 0.7])


async def check_yesterday(database: Database, client: httpx.AsyncClient) -> int:
    """Compare what is told with a scan; return how many requests that is."""
    data = await get_data(client, "/stats/yesterday")
    start, until, totals = data["start"], data["until"], data["totals"]
    assert (start, until) == (
        f"{NOW - timedelta(days=1):%Y-%m-%d}T00:00:00Z",
        f"{NOW - timedelta(days=1):%Y-%m-%dT%H:%M}:00Z",
    )
    (row,) = await database.fetch_all(of_span(TODAY, start, until), {})
    requests, hits, misses, rate, *_, cost, saved = (value or 0 for value in row)
    assert (totals["total_requests"], totals["cache_hits"], totals["cache_misses"]) == (requests, hits, misses)
    assert totals["cache_hit_rate"] == pytest.approx(float(rate), abs=0.0051)
    assert (totals["estimated_cost"], totals["cost_saved"]) == (pytest.approx(float(cost)), pytest.approx(float(saved)))
    ((calls, spent),) = await database.fetch_all(of_span(COST, start, until), {})
    assert (totals["calls"], totals["cost"]) == (calls, pytest.approx(float(spent or 0), abs=1e-9))
    for name, from_cache in (("hits", 1), ("paid", 0)):
        sql = f"SELECT processing_time_ms FROM request_log WHERE from_cache = {from_cache} AND created_date = CURDATE()"
        times = sorted(int(time) for (time,) in await database.fetch_all(of_span(sql, start, until), {}))
        assert totals[name]["requests"] == len(times)
        if times:
            assert totals[name]["p95_ms"] == pytest.approx(times[-(-len(times) * 95 // 100) - 1], rel=0.05, abs=0.5)
    return int(requests)


@pytest.mark.parametrize("requests", [1, 30, 400])
async def test_yesterday_until_now_is_what_the_specifications_sql_gives(
    requests: int, database: Database, client: httpx.AsyncClient
) -> None:
    await write_two_days(database, requests)

    waiting = await check_yesterday(database, client)
    await apply_all(database)
    applied = await check_yesterday(database, client)
    await rebuild(database)
    rebuilt = await check_yesterday(database, client)

    assert 0 < waiting == applied == rebuilt


async def test_a_yesterday_that_is_not_known_by_the_minute_is_null(
    database: Database, client: httpx.AsyncClient
) -> None:
    await database.execute(Sql.same("UPDATE stats_state SET version = version + 1"), {})

    before = await get_data(client, "/stats/yesterday")
    await write_outcomes(database, [make_outcome(created_at=NOW)])
    await apply_all(database)
    after = await get_data(client, "/stats/yesterday")

    assert (before["totals"], before["known_since"]) == (None, None)
    assert after["totals"] is None
    assert after["known_since"] > after["start"]


async def test_a_yesterday_that_the_log_does_not_keep_is_null(
    settings: Settings, decoders: DecodingServer, clock: Clock
) -> None:
    short = with_settings(settings, log_retention_days=1)
    async with (
        open_container(short, decoders=decoders, clock=clock) as container,
        make_client(short, container) as client,
    ):
        data = await get_data(client, "/stats/yesterday")

    assert data["totals"] is None
    assert data["known_since"] == f"{NOW - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"


async def test_a_new_service_had_nothing_yesterday(client: httpx.AsyncClient) -> None:
    data = await get_data(client, "/stats/yesterday")

    assert (data["known_since"], data["totals"]["total_requests"], data["totals"]["hits"]["p95_ms"]) == (None, 0, None)
