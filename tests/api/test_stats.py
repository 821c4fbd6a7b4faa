"""P6, honest numbers: the statistics are what the specification's own SQL gives on the same rows."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from app.database import Database, Sql
from app.drivers.build import open_database
from app.models.domain import Category, Outcome
from app.models.identity import MatchedBy
from app.models.prices import Prices
from app.repositories.request_log_repository import RequestLogRepository
from app.repositories.stats_repository import StatsRepository
from app.services.stats_service import StatsService
from app.utils.clock import Clock
from tests.api.calls import get_data
from tests.conftest import TEST_DATABASE, make_settings
from tests.factories import (
    known_by,
    make_classification,
    make_content_name,
    make_context,
    make_hit,
    make_image_hash,
    make_outcome,
    make_reply,
)
from tests.support.mysql_server import MySQLServer
from tests.support.records import write_outcomes
from tests.support.specification_sql import (
    BYTES,
    CACHE_EFFICIENCY,
    CATEGORY_DISTRIBUTION,
    TODAY,
    TOP_IMAGES,
    TOP_USERS,
)

pytestmark = pytest.mark.on_both_databases

NOW = datetime.now(UTC)
"""When all of this happens: a day may end while the tests run."""


@pytest.fixture
def clock() -> Clock:
    return lambda: NOW


_NOT_OF_THE_FILE = {MatchedBy.CONTENT, MatchedBy.QUESTION}


def make_history(seed: int, requests: int) -> list[Outcome]:
    """Return random outcomes of today and of the days before: misses first, then hits of those images, by any name."""
    chance = random.Random(seed)
    images = [make_image_hash() for _ in range(max(1, requests // 3))]
    outcomes: list[Outcome] = []
    for index in range(requests):
        confidence = round(chance.random(), 4)
        classification = make_classification(chance.choice(list(Category)), confidence)
        matched_by = chance.choice([None, *MatchedBy]) if index >= len(images) else None
        paid = chance.choice(outcomes[: len(images)]) if matched_by else None
        image_hash = images[index] if index < len(images) else chance.choice(images)
        outcomes.append(
            make_outcome(
                context=make_context(
                    user_id=chance.choice([None, *(f"user-{number}" for number in range(12))]),
                    ip_address=chance.choice([None, "192.0.2.1", "192.0.2.2", "2001:db8::1"]),
                ),
                image_hash=make_content_name() if matched_by in _NOT_OF_THE_FILE else image_hash,
                classification=classification,
                known=known_by(paid, matched_by) if paid and matched_by else None,
                reply=make_reply(classification) if index < len(images) else None,
                processing_time_ms=chance.randrange(5000),
                created_at=NOW if chance.random() < 0.7 else NOW - timedelta(hours=chance.randrange(24, 2000)),
            )
        )
    return outcomes


@pytest.fixture
async def databases(mysql_settings: dict[str, Any], database_settings: dict[str, Any]) -> AsyncIterator[list[Database]]:
    """The database under test and, so that its rows can be asked by the specification's SQL, a MySQL."""
    opened = [await open_database(make_settings(**settings)) for settings in (database_settings, mysql_settings)]
    yield opened if "mysql_host" not in database_settings else opened[:1]
    for database in opened:
        await database.close()


@pytest.mark.parametrize(("seed", "requests"), [(1, 1), (2, 7), (3, 160), (4, 1000)])
async def test_p6_every_statistic_equals_the_specifications_sql_on_the_same_rows(
    seed: int, requests: int, databases: list[Database], client: httpx.AsyncClient, mysql_server: MySQLServer
) -> None:
    outcomes = make_history(seed, requests)
    new, hits = [o for o in outcomes if o.reply], [o for o in outcomes if not o.reply]
    for database in databases:
        await write_outcomes(database, new)
        await write_outcomes(database, hits)

    def expected(sql: str) -> list[tuple[Any, ...]]:
        return mysql_server.query(f"SET timestamp = {NOW.timestamp()}; {sql}", TEST_DATABASE)

    today = await get_data(client, "/stats/today")
    assert [today.pop("uploaded_bytes"), today.pop("saved_bytes")] == [value or 0 for value in expected(BYTES)[0]]
    *counts, average, cost, saved = (value or 0 for value in expected(TODAY)[0])
    assert [Decimal(str(value)) for value in list(today.values())[:6]] == counts
    assert today["avg_processing_time_ms"] == int(Decimal(average) + Decimal("0.5"))
    assert (today["estimated_cost"], today["cost_saved"]) == (float(cost), float(saved))

    efficiency = await get_data(client, "/stats/cache-efficiency")
    everything = expected(BYTES.replace("WHERE created_date = CURDATE()", ""))[0]
    assert [efficiency.pop("uploaded_bytes"), efficiency.pop("saved_bytes")] == [value or 0 for value in everything]
    images, total, times, saved, average, most = expected(CACHE_EFFICIENCY)[0]
    assert efficiency == {
        "total_cached_images": images,
        "total_hits": total,
        "times_saved": times,
        "cost_saved": float(saved),
        "avg_hit_per_image": float(round(average + Decimal("0.000001"), 2)),
        "max_hits": most,
    }

    distribution = await get_data(client, "/stats/category-distribution")
    assert sorted(
        (row["category"], row["count"], row["avg_confidence"], row["percentage"]) for row in distribution
    ) == (
        sorted((name, count, float(mean), float(share)) for name, count, mean, share in expected(CATEGORY_DISTRIBUTION))
    )
    assert [row["count"] for row in distribution] == [row[1] for row in expected(CATEGORY_DISTRIBUTION)]

    ranking = await get_data(client, "/stats/users/top")
    wanted = expected(TOP_USERS)
    assert sorted(tuple(row.values()) for row in ranking) == sorted(
        (user, count, int(hit), float(rate), f"{first:%Y-%m-%dT%H:%M:%SZ}", f"{last:%Y-%m-%dT%H:%M:%SZ}")
        for user, count, hit, rate, first, last in wanted
    )
    assert [row["request_count"] for row in ranking] == [row[1] for row in wanted]

    top = await get_data(client, "/stats/images/top")
    wanted = expected(TOP_IMAGES)
    assert [row["hit_count"] for row in top] == [row[3] for row in wanted]
    rows = {row[0]: row for row in expected(TOP_IMAGES.replace("LIMIT 10", ""))}
    for row in top:
        image_hash, category, confidence, hits, born, last, days = rows[row["image_hash"]]
        times = (f"{born:%Y-%m-%dT%H:%M:%SZ}", f"{last:%Y-%m-%dT%H:%M:%SZ}")
        assert tuple(row.values()) == (image_hash, category, float(confidence), hits, *times, days)


async def test_empty_tables_give_zeros_and_empty_lists(client: httpx.AsyncClient) -> None:
    assert set((await get_data(client, "/stats/today")).values()) == {0}
    assert set((await get_data(client, "/stats/cache-efficiency")).values()) == {0}
    for path in ("/stats/category-distribution", "/stats/users/top", "/stats/images/top"):
        assert await get_data(client, path) == []


async def test_a_ranking_has_as_many_rows_as_asked_for(database: Database, client: httpx.AsyncClient) -> None:
    await write_outcomes(
        database, [make_outcome(context=make_context(user_id=f"user-{number}")) for number in range(30)]
    )

    assert len(await get_data(client, "/stats/users/top")) == 20
    assert len(await get_data(client, "/stats/images/top")) == 10
    assert len(await get_data(client, "/stats/users/top?limit=1")) == 1
    assert len(await get_data(client, "/stats/images/top?limit=100")) == 30


@pytest.mark.parametrize(
    ("zone", "now", "first", "last"),
    [
        ("UTC", "2025-06-01T12:00:00", "2025-06-01T00:00:00", "2025-06-01T23:59:59"),
        ("Asia/Shanghai", "2025-06-01T15:59:59", "2025-05-31T16:00:00", "2025-06-01T15:59:59"),
        ("Asia/Shanghai", "2025-06-01T16:00:00", "2025-06-01T16:00:00", "2025-06-02T15:59:59"),
        ("America/New_York", "2025-03-09T12:00:00", "2025-03-09T05:00:00", "2025-03-10T03:59:59"),  # 23 hours
        ("America/New_York", "2025-11-02T12:00:00", "2025-11-02T04:00:00", "2025-11-03T04:59:59"),  # 25 hours
    ],
)
async def test_today_begins_and_ends_where_the_time_zone_says(
    zone: str, now: str, first: str, last: str, database: Database
) -> None:
    start, end = (datetime.fromisoformat(f"{text}+00:00") for text in (first, last))
    moments = [start - timedelta(seconds=1), start, end, end + timedelta(seconds=1)]
    await write_outcomes(database, [make_outcome(created_at=moment) for moment in moments])
    service = StatsService(
        repository=StatsRepository(database),
        request_log=RequestLogRepository(database),
        prices=Prices(Decimal("0.01")),
        timezone=ZoneInfo(zone),
        clock=lambda: datetime.fromisoformat(f"{now}+00:00"),
    )

    assert (await service.summarize_today()).total_requests == 2
    assert [share.count for share in await service.distribute_categories()] == [2]


@pytest.mark.parametrize("cost", ["0", "0.01", "0.000123", "2.5"])
async def test_costs_are_exact_multiples_of_the_operators_price(cost: str, database: Database) -> None:
    await write_outcomes(database, [make_outcome(created_at=NOW) for _ in range(3)])
    service = StatsService(
        repository=StatsRepository(database),
        request_log=RequestLogRepository(database),
        prices=Prices(Decimal(cost)),
        timezone=ZoneInfo("UTC"),
        clock=lambda: NOW,
    )

    assert (await service.summarize_today()).estimated_cost == float(3 * Decimal(cost))


async def test_the_trend_has_each_day_with_the_figures_of_today(database: Database, client: httpx.AsyncClient) -> None:
    paid = make_outcome(created_at=NOW - timedelta(days=2), image_size=1000)
    hit = make_hit(paid, known=known_by(paid), image_size=None, created_at=NOW, context=make_context("another"))
    await write_outcomes(database, [paid])
    await write_outcomes(database, [hit, make_outcome(created_at=NOW - timedelta(days=3))])

    data = await get_data(client, "/stats/trend?days=3")
    today = await get_data(client, "/stats/today")

    assert [row["total_requests"] for row in data["trend"]] == [1, 0, 1]
    assert [(row["uploaded_bytes"], row["saved_bytes"]) for row in data["trend"]] == [(1000, 0), (0, 0), (0, 1000)]
    assert [row["day"] for row in data["trend"]] == [f"{NOW - timedelta(days=days):%Y-%m-%d}" for days in (2, 1, 0)]
    assert data["trend"][-1] == {"day": f"{NOW:%Y-%m-%d}", **today}
    assert (data["days"], data["timezone"], data["basis"]) == (3, "UTC", "request_log")
    assert data["as_of"] == f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
    assert len((await get_data(client, "/stats/trend"))["trend"]) == 30


async def test_half_of_the_requests_took_no_longer_than_the_median_that_is_told(
    database: Database, client: httpx.AsyncClient
) -> None:
    chance = random.Random(5)
    paid = make_outcome(created_at=NOW, processing_time_ms=1700)
    times = sorted(chance.randrange(1, 3) * chance.randrange(1, 900) for _ in range(400))
    hits = [make_hit(paid, created_at=NOW, processing_time_ms=time) for time in times]
    await write_outcomes(database, [paid])
    await write_outcomes(database, [*hits, make_hit(paid, created_at=NOW - timedelta(days=1), processing_time_ms=9)])

    data = await get_data(client, "/stats/latency")

    assert (data["hits"]["requests"], data["paid"]["requests"], data["days"]) == (400, 1, 1)
    for name, rank in (("p50_ms", 200), ("p95_ms", 380), ("p99_ms", 396)):
        assert data["hits"][name] == pytest.approx(times[rank - 1], rel=0.05)
    assert data["paid"]["p99_ms"] == pytest.approx(1700, rel=0.05)


async def test_categories_of_several_days_are_those_of_all_of_them(
    database: Database, client: httpx.AsyncClient
) -> None:
    for days in (0, 1, 5):
        await write_outcomes(database, [make_outcome(created_at=NOW - timedelta(days=days))])

    counts = [
        (await get_data(client, f"/stats/category-distribution{days}"))[0]["count"]
        for days in ("", "?days=1", "?days=2", "?days=6")
    ]

    assert counts == [1, 1, 2, 3]
    answer = (await client.get("/stats/category-distribution?days=2")).json()
    assert (answer["days"], answer["timezone"], answer["basis"]) == (2, "UTC", "request_log")


async def test_one_user_is_told_as_in_the_ranking(database: Database, client: httpx.AsyncClient) -> None:
    paid = make_outcome(created_at=NOW - timedelta(days=40))
    await write_outcomes(database, [paid])
    await write_outcomes(database, [make_hit(paid, created_at=NOW), make_outcome(context=make_context("another"))])

    data = await get_data(client, "/stats/users/device-42")

    (ranked, _) = await get_data(client, "/stats/users/top")
    assert {name: data[name] for name in ranked} == ranked
    assert (data["request_count"], data["cache_hits"], data["basis"]) == (2, 1, "request_log")
    assert (await client.get("/stats/users/nobody")).json()["error"]["code"] == "not_found"
    assert (await client.get("/stats/users/no%20body")).json()["error"]["code"] == "invalid_user_id"


async def test_statistics_that_wait_for_a_rebuild_say_so(database: Database, client: httpx.AsyncClient) -> None:
    await database.execute(Sql.same("UPDATE stats_state SET built_at = NULL"), {})

    for path in (
        "today",
        "cache-efficiency",
        "tokens",
        "category-distribution",
        "users/top",
        "models",
        "identity",
        "trend",
        "latency",
        "yesterday",
        "users/device-42",
    ):
        answer = await client.get(f"/stats/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "statistics_not_built"), path
        assert "app.cli rebuild" in answer.json()["error"]["message"]
    assert await get_data(client, "/stats/images/top") == []


async def test_every_statistic_says_as_of_when_it_is_where_days_begin_and_what_was_counted(
    database: Database, client: httpx.AsyncClient
) -> None:
    await write_outcomes(database, [make_outcome(created_at=NOW)])
    # A list, and what the specification has fixed, has them beside it.
    beside = {"today", "cache-efficiency", "category-distribution", "users/top", "images/top"}
    bases = {
        **dict.fromkeys(["today", "yesterday", "trend", "latency", "category-distribution"], "request_log"),
        **dict.fromkeys(["users/top", "users/{user_id}", "identity", "live"], "request_log"),
        **dict.fromkeys(["tokens", "models"], "model_call"),
        "budget": "budget",
        **dict.fromkeys(["cache-efficiency", "images/top"], "image_classification_cache"),
    }
    paths = (await client.get("http://test/openapi.json")).json()["paths"]
    told = {path.partition("/stats/")[2] for path in paths if "/stats/" in path}
    assert told - {"live/stream"} == bases.keys()  # which tells the same as `live`, and goes on

    for path, basis in bases.items():
        answer = (await client.get(f"/stats/{path.format(user_id='device-42')}")).json()
        about = answer if path in beside else answer["data"]
        assert (about["as_of"], about["timezone"], about["basis"]) == (f"{NOW:%Y-%m-%dT%H:%M:%SZ}", "UTC", basis), path
