"""The dashboard shows what its endpoints answer, and the statements that it shows give the same."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from app.drivers.check import NEEDED_VERSION
from app.storage import open_storage
from tests.conftest import TEST_DATABASE, make_settings, schema_of
from tests.support.dashboard import (
    beside,
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

DATABASE = f"{TEST_DATABASE}_dashboard"
ROWS, PHOTOS = 6_000, 1_200
PRICE = 0.5
FIGURES = {
    "requests": "total_requests",
    "hit-rate": "cache_hit_rate",
    "paid": "cache_misses",
    "spent": "cost",
    "saved": "cost_saved",
    "slowest": "paid",
}
"""The key figures, and what they are called where yesterday is told."""
LOOKS = ("sure", "sure", "sure", "unsure", "agreed", "agreed", "disagreed")
"""What comes of looks of the embedded network beside a model."""

ZONE = f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"
"""Where it is about noon: today has requests, and midnight is not near."""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def settings(mysql_server: MySQLServer) -> Iterator[dict[str, Any]]:
    """Settings for a database with the requests of 90 days."""
    mysql_server.query(schema_of(DATABASE))
    fill(mysql_server, DATABASE, rows=ROWS, images=PHOTOS, say=lambda _: None)
    add_what_no_request_leaves(mysql_server)
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


def add_what_no_request_leaves(server: MySQLServer) -> None:
    """Budgets that were charged, a correction, refused questions, and comparisons by looking."""
    today = datetime.now(ZoneInfo(ZONE))
    charged = f"('{today:%Y-%m-%d}', 12300000000), ('{today:%Y-%m}', 456000000000)"
    server.query(f"INSERT INTO budget (period, spent) VALUES {charged}", DATABASE)  # nosec B608  # figures from above
    server.query(
        "INSERT INTO audit (request_id, key_name, ip_address, action, image_hash, reason, created_at) "
        "VALUES ('req_1', 'mei', '192.0.2.7', 'delete', REPEAT('a', 64), 'a dog', UTC_TIMESTAMP())",
        DATABASE,
    )
    server.query("UPDATE model_call SET outcome = 'refused' WHERE outcome = 'answered' AND id % 7 = 0", DATABASE)
    server.query("UPDATE request_log SET from_cache = 0, matched_by = NULL WHERE id % 5 = 0", DATABASE)
    columns = (
        "request_id, image_hash, provider, model, prompt_version, outcome, input_tokens, output_tokens, cached_tokens, "
        "lane, cost, duration_ms"
    )
    server.query(  # asked yesterday, a while before this time
        f"INSERT INTO model_call ({columns}, created_at) SELECT {columns}, UTC_TIMESTAMP() - INTERVAL 26 HOUR "  # nosec B608  # names from above
        "FROM model_call ORDER BY id LIMIT 20",
        DATABASE,
    )
    server.query("UPDATE model_call SET cost = NULL, cached_tokens = 3 WHERE id % 9 = 0", DATABASE)
    server.query(
        "INSERT INTO feedback (user_id, image_hash, request_id, category, answered, created_at, number) "
        "SELECT CONCAT('user-', vote), image_hash, 'req_1', 'idcard', category, UTC_TIMESTAMP(), vote "
        "FROM (SELECT * FROM image_classification_cache WHERE category <> 'idcard' ORDER BY id LIMIT 3) AS photos "
        "CROSS JOIN (SELECT 1 AS vote UNION ALL SELECT 2) AS votes",
        DATABASE,
    )
    server.query(
        "INSERT INTO near_trial "
        "(request_id, image_hash, neighbour_hash, distance, near_category, model_category, created_at) "
        "SELECT request_id, REPEAT('b', 64), REPEAT('c', 64), 9, 'pets', IF(id % 40 = 0, 'foods', 'pets'), created_at "
        "FROM model_call ORDER BY id LIMIT 200",
        DATABASE,
    )
    server.query(
        f"INSERT INTO model_call ({columns}, created_at) SELECT request_id, image_hash, 'local', 'local-network', "  # nosec B608  # as above
        f"prompt_version, ELT(1 + id % {len(LOOKS)}, {', '.join(map(repr, LOOKS))}), 0, 0, 0, 'standard', 0, 50, "
        "UTC_TIMESTAMP() - INTERVAL 1 MINUTE FROM model_call ORDER BY id LIMIT 70",
        DATABASE,
    )


@pytest.fixture
async def service(settings: dict[str, Any], tmp_path: Path) -> AsyncIterator[Service]:
    async with open_storage(make_settings(**settings)) as storage:
        await rebuild(storage.database, ZONE)
    with running_service(tmp_path, **settings) as running:
        yield running


def as_shown(amount: float) -> float:
    """Return an amount with the digits that the page shows: two places, and below a tenth two digits."""
    exact = Decimal(repr(amount))
    places = 1 - exact.adjusted() if 0 < amount < 0.1 else 2
    return float(exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))


def numbers(text: str) -> list[float]:
    """Return all figures of a text, in order."""
    return [number(one) for one in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


def signed(text: str) -> float:
    """Return a change as the page writes it: with a sign in front."""
    return number(text) * (-1 if text.startswith("−") else 1)


def moment(at: str) -> str:
    """Return day and minute of a moment as an American page writes them, in the zone of the statistics."""
    local = datetime.fromisoformat(at).astimezone(ZoneInfo(ZONE))
    return f"{local:%b} {local.day}, {local:%H:%M}"


def calls_of(model: dict[str, Any], *outcomes: str) -> int:
    return sum(one["calls"] for one in model["outcomes"] if one["outcome"] in outcomes)


def more(page: Page, name: str) -> Locator:
    """What else stands below one of the key figures."""
    return page.locator(f'[data-figure="{name}"] .more')


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
    assert number(shown["spent"]) == as_shown(paid["cost"])
    assert milliseconds(await figure_of(page, "slowest").inner_text()) == pytest.approx(
        latency["paid"]["p95_ms"], rel=0.03
    )
    cached = await more(page, "slowest").inner_text()
    assert milliseconds(" ".join(cached.split()[1:3])) == round(latency["hits"]["p95_ms"])
    if days == 1:
        await check_yesterday(page, service, trend[0], paid["cost"], latency["paid"]["p95_ms"])
    else:
        await check_days_before(page, service, days)


async def read_yesterday(page: Page, service: Service) -> dict[str, Any]:
    """Return what is told of yesterday, once the page has it of the same minute."""
    while True:
        async with page.expect_response("**/stats/yesterday"):
            await page.get_by_role("radio", name="Today").click()
        told: dict[str, Any] = fetch(service, "/stats/yesterday")
        until = f"{datetime.fromisoformat(told['until']).astimezone(ZoneInfo(ZONE)):%H:%M}"
        if f"compared with yesterday until {until}" in await page.locator(".page-head").inner_text():
            return told


async def check_yesterday(page: Page, service: Service, today: dict[str, Any], spent: float, slowest_ms: float) -> None:
    """Compare what stands below today's figures with yesterday until the same time."""
    totals = (await read_yesterday(page, service))["totals"]
    assert totals["total_requests"] > 10
    shown = {name: (await beside(page, name).inner_text()).split(" ") for name in FIGURES}
    now = {"spent": spent, **{name: today[field] for name, field in FIGURES.items() if field in today}}
    for name, field in FIGURES.items():
        if name in ("hit-rate", "slowest"):
            continue
        change, figure = shown[name]
        assert number(figure) == as_shown(totals[field]), name
        assert signed(change) == pytest.approx(100 * (now[name] / totals[field] - 1), abs=0.051), name
    change, figure = shown["hit-rate"]
    assert number(figure) == pytest.approx(totals["cache_hit_rate"], abs=0.051)
    assert signed(change) == pytest.approx(today["cache_hit_rate"] - totals["cache_hit_rate"], abs=0.11)
    change, figure = shown["slowest"]
    assert milliseconds(figure) == pytest.approx(totals["paid"]["p95_ms"], rel=0.03)
    difference = slowest_ms - totals["paid"]["p95_ms"]
    assert (signed(change) < 0) == (difference < 0)
    assert milliseconds(change) == pytest.approx(abs(difference), abs=51)


async def check_days_before(page: Page, service: Service, days: int) -> None:
    """Compare what stands below the key figures with as many days before."""
    before = fetch(service, f"/stats/trend?days={2 * days}")["trend"][:days]
    requests, hits, paid, saved = (
        sum(day[column] for day in before) for column in ("total_requests", "cache_hits", "cache_misses", "cost_saved")
    )
    for name, total in (("requests", requests), ("paid", paid), ("saved", saved)):
        text = await beside(page, name).inner_text()
        assert text.endswith("before") == (requests > 0)
        assert not requests or number(text.split()[-2]) == as_shown(total)
    if requests:
        text = await beside(page, "hit-rate").inner_text()
        assert number(text.split()[-2]) == pytest.approx(100 * hits / requests, abs=0.051)


async def check_panels(page: Page, service: Service, days: int) -> None:
    """Compare the panels of the chosen days with their endpoints."""
    categories = fetch(service, f"/stats/category-distribution?days={days}")
    shown = await rows_of(page, "categories")
    assert [number(row[2]) for row in shown] == [one["count"] for one in categories]
    confidences = [one["avg_confidence"] for one in categories]
    assert [number(row[4]) for row in shown] == pytest.approx(confidences, abs=0.0051)
    models = fetch(service, f"/stats/models?days={days}")["models"]
    assert [[row[0], *map(number, row[1:])] for row in await rows_of(page, "models")] == [
        [
            one["model"],
            one["calls"],
            calls_of(one, "refused"),
            one["calls"] - calls_of(one, "answered", "refused", *LOOKS),
            as_shown(one["cost"] * 1000 / one["calls"]),
        ]
        for one in models
    ]
    await check_network(page, service, days)
    await check_tokens(page, [one for one in models if one["provider"] != "local"])
    await check_identity(page, service, days)
    trend = fetch(service, f"/stats/trend?days={30 if days == 1 else days}")["trend"]
    costs = await rows_of(page, "cost")
    assert len(costs) == len(trend)
    assert number(costs[0][2]) == pytest.approx(sum(day["estimated_cost"] for day in trend), abs=0.0051)
    assert number(costs[0][3]) == pytest.approx(sum(day["cost_saved"] for day in trend), abs=0.0051)


async def check_network(page: Page, service: Service, days: int) -> None:
    """Compare what the embedded network spared with its endpoint."""
    network = fetch(service, f"/stats/models?days={days}")["network"]
    share, photos, agreed, compared, least, _ = numbers(await page.locator("#models .note").inner_text())
    assert (photos, agreed, compared) == (network["photos"], network["agreed"], network["compared"]) == (70, 20, 30)
    assert [share, least] == pytest.approx([100 * network["share_answered"], 100 * network["agreement_low"]], abs=0.051)


async def check_tokens(page: Page, models: list[dict[str, Any]]) -> None:
    """Compare the tokens of the models with those of their endpoint."""

    def share(*some: dict[str, Any]) -> float:
        return 100 - 100 * total("unpriced_tokens", *some) / total(("input_tokens", "output_tokens"), *some)

    def total(names: str | tuple[str, ...], *some: dict[str, Any]) -> int:
        return sum(one[name] for one in some for name in ((names,) if isinstance(names, str) else names))

    rows = await rows_of(page, "tokens")
    columns = ("input_tokens", "cached_tokens", "output_tokens")
    assert [[row[0], *map(number, row[1:4])] for row in rows] == [
        [one["model"], *(one[column] for column in columns)] for one in models
    ]
    assert [number(row[4]) for row in rows] == pytest.approx([share(one) for one in models], abs=0.051)
    note = await page.locator("#tokens .note").inner_text()
    assert ("All of them" in note) == (total("unpriced_tokens", *models) == 0)
    assert "All of them" in note or number(note) == pytest.approx(share(*models), abs=0.051)


async def check_identity(page: Page, service: Service, days: int) -> None:
    """Compare how photos were recognised with its endpoint."""
    identity = fetch(service, f"/stats/identity?days={days}")
    requests = [*(one["requests"] for one in identity["matches"]), identity["paid"]["requests"]]
    rows = await rows_of(page, "identity")
    assert [number(row[1]) for row in rows] == requests
    assert [number(row[2]) for row in rows] == pytest.approx([100 * one / sum(requests) for one in requests], abs=0.051)
    assert [number(row[3]) for row in rows[:-1]] == [as_shown(one["cost_saved"]) for one in identity["matches"]]
    near = identity["near"]
    differed, compared, most = numbers(await page.locator("#identity .note").inner_text())[:3]
    assert (differed, compared) == (near["disagreed"], near["comparisons"])
    assert most == pytest.approx(100 * near["error_high"], abs=0.051)


async def check_health(page: Page, service: Service) -> None:
    """Compare the sentences about health with what its endpoints say."""
    health = (await asyncio.to_thread(httpx.get, f"{service.url}/api/v1/health", timeout=60)).json()
    state = fetch(service, "/stats/live")["state"]
    text = await page.locator("#health").inner_text()
    assert (health["status"] == "healthy") == ("The service answers" in text.splitlines())
    assert (health["database"] == "connected") == ("The database answers" in text)
    assert (health["model_api"] == "available") == ("A model answers" in text)
    assert (state["spool_rows"] == 0) == ("Nothing waits in the spool" in text)
    assert (state["outbox_rows"] == 0) == ("All records are in the sums" in text)
    under_way = ("uploads_in_progress", "model_calls_in_progress", "model_queue")
    assert numbers(text.split("Under way: ")[1])[:3] == [state[name] for name in under_way]


async def check_lists(page: Page, service: Service) -> None:
    """Compare what is of no certain days with its endpoints."""
    users = fetch(service, "/stats/users/top?limit=10")
    shown = await rows_of(page, "users")
    assert [(row[0], number(row[1])) for row in shown] == [(one["user_id"], one["request_count"]) for one in users]
    assert [number(row[2]) for row in shown] == pytest.approx([one["cache_hit_rate"] for one in users], abs=0.051)
    assert [row[3] for row in shown] == [moment(one["last_request"]) for one in users]
    images = fetch(service, "/stats/images/top?limit=10")
    assert [(row[0], number(row[2])) for row in await rows_of(page, "images")] == [
        (one["image_hash"][:10], one["hit_count"]) for one in images
    ]
    disputed = fetch(service, "/feedback?limit=20")
    queue = await page.locator("#feedback li").all_inner_texts()
    assert [number(one) for one in queue] == [one["votes"] for one in disputed] == [2, 2, 2]
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
        await check_health(tab.page, service)
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

        if days == 1:
            told = (await read_yesterday(tab.page, service))["totals"]
            (before,), (spent_before,), (paid_before_ms,), (hit_before_ms,) = (await run("figures"))[4:]
            assert (before[0], before[1]) == (told["total_requests"], told["cache_hits"])
            assert float(spent_before[0]) == pytest.approx(told["cost"], abs=1e-6)
            assert paid_before_ms[0] == pytest.approx(told["paid"]["p95_ms"], rel=0.05, abs=1)
            assert hit_before_ms[0] == pytest.approx(told["hits"]["p95_ms"], rel=0.05, abs=1)
        (requests,), (spent,), (paid_ms,), (hit_ms,) = (await run("figures"))[:4]
        latency = fetch(service, f"/stats/latency?days={days}")
        assert requests[0] == number(await figure_of(tab.page, "requests").inner_text())
        assert float(requests[2]) == pytest.approx(
            number(await figure_of(tab.page, "hit-rate").inner_text()), abs=0.051
        )
        assert requests[3] == number(await figure_of(tab.page, "paid").inner_text())
        assert float(spent[0]) == pytest.approx(
            fetch(service, f"/stats/identity?days={days}")["paid"]["cost"], abs=1e-6
        )
        assert paid_ms[0] == pytest.approx(latency["paid"]["p95_ms"], rel=0.05, abs=1)
        assert hit_ms[0] == pytest.approx(latency["hits"]["p95_ms"], rel=0.05, abs=1)

        ((paid, without),) = (await run("cost"))[0]
        (newest, *_) = await rows_of(tab.page, "cost")
        assert [number(cell) for cell in newest[1:3]] == pytest.approx([float(without) * PRICE, float(paid) * PRICE])

        matches, trials = await run("identity")
        near = fetch(service, f"/stats/identity?days={days}")["near"]
        assert [int(count) for count in trials[0]] == [near["comparisons"], near["disagreed"]]
        assert sorted(row[1] for row in matches) == sorted(
            number(row[1]) for row in (await rows_of(tab.page, "identity"))[:4] if number(row[1])
        )
        (categories,) = await run("categories")
        assert [row[1] for row in categories] == [number(row[2]) for row in await rows_of(tab.page, "categories")]
        models, looks = await run("models")
        network = fetch(service, f"/stats/models?days={days}")["network"]
        assert sum(row[1] for row in looks) == network["photos"]
        assert (dict(looks)["sure"], dict(looks)["agreed"]) == (network["answered"], network["agreed"])
        assert [(row[1], row[3]) for row in models] == [
            (row[0], number(row[1])) for row in await rows_of(tab.page, "models")
        ]
        (tokens,) = await run("tokens")
        shown = await rows_of(tab.page, "tokens")
        assert [[row[1], *map(int, row[3:6])] for row in tokens] == [[row[0], *map(number, row[1:4])] for row in shown]
        unpriced = [100 - 100 * float(row[6]) / float(row[3] + row[5]) for row in tokens]
        assert unpriced == pytest.approx([number(row[4]) for row in shown], abs=0.051)
        (votes,) = await run("feedback")
        assert [(row[0], row[2]) for row in votes] == [
            (one["image_hash"], one["votes"]) for one in fetch(service, "/feedback?limit=20")
        ]
        ((version,),), ((waiting,),) = await run("health")
        assert version == NEEDED_VERSION
        assert waiting == fetch(service, "/stats/live")["state"]["outbox_rows"]
        (users,), (images,) = await run("users"), await run("images")
        shown = await rows_of(tab.page, "users")
        assert [row[:2] for row in users] == [(row[0], number(row[1])) for row in shown]
        assert [float(row[2]) for row in users] == pytest.approx([number(row[2]) for row in shown], abs=0.051)
        assert [row[2] for row in images] == [number(row[2]) for row in await rows_of(tab.page, "images")]
        (live,) = await run("live")
        assert sum(row[1] for row in live) == sum(number(row[1]) for row in await rows_of(tab.page, "live"))
        (budget,) = await run("budget")
        limits = fetch(service, "/stats/budget")
        assert {row[0]: float(row[1]) for row in budget} == {
            limits[name]["period"]: limits[name]["spent"] for name in ("day", "month")
        }
        (audit,) = await run("audit")
        assert [row[5] for row in audit] == [row[4] for row in await rows_of(tab.page, "audit")] == ["a dog"]
