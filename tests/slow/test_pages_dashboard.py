"""The dashboard shows what its endpoints answer, and the statements that it shows give the same."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from app.storage import open_storage
from tests.conftest import make_settings, schema_of
from tests.support.dashboard import (
    feed_of,
    fetch,
    figure_of,
    milliseconds,
    number,
    open_dashboard,
    rows_of,
    statements_of,
    until_read,
)
from tests.support.large_deployment import fill
from tests.support.mysql_server import MySQLServer
from tests.support.records import rebuild
from tests.support.service_process import Service, running_service

DATABASE = "image_classifier_dashboard"
ROWS, PHOTOS = 6_000, 1_200
PRICE = 0.5
ZONE = f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"
"""Where it is about noon: today has requests, and midnight is not near."""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def settings(mysql_server: MySQLServer) -> Iterator[dict[str, Any]]:
    """Settings for a database with the requests of 90 days."""
    mysql_server.query(f"DROP DATABASE IF EXISTS {DATABASE}")
    mysql_server.query(schema_of(DATABASE))
    fill(mysql_server, DATABASE, rows=ROWS, images=PHOTOS, say=lambda _: None)
    yield {
        **mysql_server.settings(DATABASE),
        "cost_per_api_call": PRICE,
        "daily_budget": 5,
        "monthly_budget": 80,
        "stats_timezone": ZONE,
        "log_retention_days": 0,
        "web_concurrency": 1,
    }
    mysql_server.query(f"DROP DATABASE {DATABASE}")


@pytest.fixture
async def service(settings: dict[str, Any], tmp_path: Path) -> AsyncIterator[Service]:
    async with open_storage(make_settings(**settings)) as storage:
        await rebuild(storage.database, ZONE)
    with running_service(tmp_path, **settings) as running:
        yield running


async def choose(page: Page, days: int) -> None:
    await page.get_by_role("radio", name="Today" if days == 1 else f"{days} days").click()
    await until_read(page)


async def check_figures(page: Page, service: Service, days: int) -> None:
    """Compare the key figures with their endpoints."""
    trend = fetch(service, f"/stats/trend?days={days}")["trend"]
    paid = fetch(service, f"/stats/identity?days={days}")["paid"]
    latency = fetch(service, f"/stats/latency?days={days}")
    requests, hits = (sum(day[name] for day in trend) for name in ("total_requests", "cache_hits"))
    shown = {
        name: await figure_of(page, name).inner_text() for name in ("requests", "hit-rate", "paid", "spent", "saved")
    }
    assert requests > 10
    assert number(shown["requests"]) == requests
    assert number(shown["paid"]) == requests - hits == paid["requests"]
    assert number(shown["hit-rate"]) == pytest.approx(100 * hits / requests, abs=0.051)
    assert number(shown["saved"]) == pytest.approx(sum(day["cost_saved"] for day in trend), abs=0.0051)
    assert number(shown["spent"]) == pytest.approx(paid["cost"], rel=0.05, abs=0.0051)
    assert milliseconds(await figure_of(page, "slowest").inner_text()) == pytest.approx(
        latency["paid"]["p95_ms"], rel=0.03
    )


async def check_panels(page: Page, service: Service, days: int) -> None:
    """Compare the panels of the chosen days with their endpoints."""
    categories = fetch(service, f"/stats/category-distribution?days={days}")
    shown = await rows_of(page, "categories")
    assert [number(row[2]) for row in shown] == [one["count"] for one in categories]
    confidences = [one["avg_confidence"] for one in categories]
    assert [number(row[4]) for row in shown] == pytest.approx(confidences, abs=0.0051)
    models = fetch(service, f"/stats/models?days={days}")["models"]
    assert [(row[0], number(row[1])) for row in await rows_of(page, "models")] == [
        (one["model"], one["calls"]) for one in models
    ]
    identity = fetch(service, f"/stats/identity?days={days}")
    assert [number(row[1]) for row in await rows_of(page, "identity")] == [
        *(one["requests"] for one in identity["matches"]),
        identity["paid"]["requests"],
    ]
    trend = fetch(service, f"/stats/trend?days={30 if days == 1 else days}")["trend"]
    costs = await rows_of(page, "cost")
    assert len(costs) == len(trend)
    assert number(costs[0][2]) == pytest.approx(sum(day["estimated_cost"] for day in trend), abs=0.0051)
    assert number(costs[0][3]) == pytest.approx(sum(day["cost_saved"] for day in trend), abs=0.0051)


async def check_lists(page: Page, service: Service) -> None:
    """Compare what is of no certain days with its endpoints."""
    users = fetch(service, "/stats/users/top?limit=10")
    assert [(row[0], number(row[1])) for row in await rows_of(page, "users")] == [
        (one["user_id"], one["request_count"]) for one in users
    ]
    images = fetch(service, "/stats/images/top?limit=10")
    assert [(row[0], number(row[2])) for row in await rows_of(page, "images")] == [
        (one["image_hash"][:10], one["hit_count"]) for one in images
    ]
    budget = fetch(service, "/stats/budget")
    lines = await page.locator("#budget .ends").all_inner_texts()
    assert [number(line.split("$")[1]) for line in lines] == [budget["day"]["spent"], budget["month"]["spent"]]


@pytest.mark.parametrize("days", [1, 7, 90])
async def test_every_figure_is_that_of_its_endpoint(days: int, chromium: Browser, service: Service) -> None:
    async with open_dashboard(chromium, service.url) as tab:
        await expect(feed_of(tab.page)).to_have_text("Live")
        await choose(tab.page, days)
        await check_figures(tab.page, service, days)
        await check_panels(tab.page, service, days)
        await check_lists(tab.page, service)
        points = fetch(service, "/stats/live")["points"]
        shown = await rows_of(tab.page, "live")

        assert sum(number(row[1]) for row in shown) == sum(sum(list(point.values())[1:]) for point in points)
        assert tab.errors == []


@pytest.mark.parametrize("days", [1, 30])
async def test_every_statement_that_is_shown_gives_the_figures_beside_it(
    days: int, chromium: Browser, service: Service, mysql_server: MySQLServer
) -> None:
    async with open_dashboard(chromium, service.url) as tab:
        await choose(tab.page, days)

        async def run(panel: str) -> list[list[tuple[Any, ...]]]:
            return [mysql_server.query(one, DATABASE) for one in await statements_of(tab.page, panel)]

        (requests,), (spent,), (paid_ms,), (hit_ms,) = await run("figures")
        latency = fetch(service, f"/stats/latency?days={days}")
        assert requests[0] == number(await figure_of(tab.page, "requests").inner_text())
        assert requests[3] == number(await figure_of(tab.page, "paid").inner_text())
        assert float(spent[0]) == pytest.approx(
            fetch(service, f"/stats/identity?days={days}")["paid"]["cost"], abs=1e-6
        )
        assert paid_ms[0] == pytest.approx(latency["paid"]["p95_ms"], rel=0.05, abs=1)
        assert hit_ms[0] == pytest.approx(latency["hits"]["p95_ms"], rel=0.05, abs=1)

        ((paid, without),) = (await run("cost"))[0]
        (newest, *_) = await rows_of(tab.page, "cost")
        assert [number(cell) for cell in newest[1:3]] == pytest.approx([float(without) * PRICE, float(paid) * PRICE])

        matches, _trials = await run("identity")
        assert sorted(row[1] for row in matches) == sorted(
            number(row[1]) for row in (await rows_of(tab.page, "identity"))[:4] if number(row[1])
        )
        (categories,) = await run("categories")
        assert [row[1] for row in categories] == [number(row[2]) for row in await rows_of(tab.page, "categories")]
        (models,) = await run("models")
        assert [(row[1], row[3]) for row in models] == [
            (row[0], number(row[1])) for row in await rows_of(tab.page, "models")
        ]
        (users,), (images,) = await run("users"), await run("images")
        assert [row[0] for row in users] == [row[0] for row in await rows_of(tab.page, "users")]
        assert [row[2] for row in images] == [number(row[2]) for row in await rows_of(tab.page, "images")]
        (live,) = await run("live")
        assert sum(row[1] for row in live) == sum(number(row[1]) for row in await rows_of(tab.page, "live"))
        await run("budget")
        await run("audit")
