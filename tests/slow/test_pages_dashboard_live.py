"""The dashboard's live feed: quick, right over several workers, and honest while something is away."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.conftest import TEST_DATABASE, schema_of, settings_for_provider
from tests.factories import make_image
from tests.support.dashboard import feed_of, figure_of, number, open_dashboard, rows_of
from tests.support.fake_model_server import FakeModels
from tests.support.figures import Figures
from tests.support.mysql_server import MySQLServer, provision_private
from tests.support.service_process import GUNICORN, Service, running_service
from tests.support.tcp_proxy import TcpProxy
from tests.support.waiting import until

HIDE = """hidden => {
  Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
  document.dispatchEvent(new Event("visibilitychange"));
}"""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def server() -> Iterator[MySQLServer]:
    started = provision_private()
    started.query(schema_of(TEST_DATABASE))
    yield started
    started.stop()


@pytest.fixture
def settings(server: MySQLServer, fake_models: FakeModels) -> dict[str, Any]:
    return {**server.settings(TEST_DATABASE), "web_concurrency": 2, **settings_for_provider("openai", fake_models)}


@pytest.fixture
def service(settings: dict[str, Any], tmp_path: Path) -> Iterator[Service]:
    with running_service(tmp_path, GUNICORN, **settings) as running:
        yield running


@asynccontextmanager
async def proxy_of(service: Service) -> AsyncIterator[TcpProxy]:
    async with TcpProxy.running("127.0.0.1", httpx.URL(service.url).port or 0) as proxy:
        yield proxy


async def classify(service: Service, photo: bytes) -> None:
    """Upload a photo on a connection of its own, so that any worker may have it."""
    async with httpx.AsyncClient(base_url=f"{service.url}/api/v1", timeout=60) as client:
        answer = await client.post("/classify", files={"image": photo}, headers={"X-User-ID": "device-1"})
    assert answer.status_code == 200


async def requests_of(page: Page) -> int:
    return int(number(await figure_of(page, "requests").inner_text()))


async def test_a_request_shows_within_two_seconds_whichever_of_two_workers_has_it(
    chromium: Browser, service: Service
) -> None:
    photo = make_image()
    async with open_dashboard(chromium, service.url) as tab:
        await expect(feed_of(tab.page)).to_have_text("Live")
        took = []
        for _ in range(8):
            before = await requests_of(tab.page)
            await classify(service, photo)
            answered = time.monotonic()
            await expect(figure_of(tab.page, "requests")).to_have_text(f"{before + 1}")
            took.append(time.monotonic() - answered)

        assert sorted(took)[-2] < 2, took  # one of them may meet a pause of the machine
        assert tab.errors == []


async def test_the_minutes_of_the_table_have_all_requests(chromium: Browser, service: Service) -> None:
    async with open_dashboard(chromium, service.url) as tab:
        before = await requests_of(tab.page)
        for _ in range(5):
            await classify(service, make_image())
        await expect(figure_of(tab.page, "requests")).to_have_text(f"{before + 5}")
        rows = await rows_of(tab.page, "live")

        assert sum(number(row[1]) for row in rows) == before + 5
        assert sum(number(row[6]) for row in rows) >= 5  # a model was asked


async def test_a_restart_of_the_service_is_survived(
    chromium: Browser, settings: dict[str, Any], tmp_path: Path
) -> None:
    with running_service(tmp_path, GUNICORN, **settings) as service:
        async with (
            proxy_of(service) as proxy,
            open_dashboard(chromium, f"http://127.0.0.1:{proxy.port}") as tab,
        ):
            await classify(service, make_image())
            service.process.terminate()
            await asyncio.to_thread(service.process.wait)
            proxy.reset_all()
            await expect(feed_of(tab.page)).to_have_text("Stale")
            await expect(tab.page.locator("#figures .stale")).to_contain_text("as of")
            await expect(tab.page.locator("#categories .stale")).to_contain_text("as of")

            with running_service(tmp_path, GUNICORN, **settings) as restarted:
                proxy.lead_to("127.0.0.1", httpx.URL(restarted.url).port or 0)
                proxy.heal()
                await expect(feed_of(tab.page)).to_have_text("Live")
                await expect(tab.page.locator(".stale:visible")).to_have_count(0)
                before = await requests_of(tab.page)
                await classify(restarted, make_image())
                await expect(figure_of(tab.page, "requests")).to_have_text(f"{before + 1}")


async def test_a_restart_of_mysql_is_survived(chromium: Browser, service: Service, server: MySQLServer) -> None:
    assert server.crash is not None
    assert server.restart is not None
    async with open_dashboard(chromium, service.url) as tab:
        await classify(service, make_image())
        server.crash()
        await expect(feed_of(tab.page)).to_have_text("Stale")
        await expect(tab.page.locator("#figures .stale")).to_contain_text("as of")
        await expect(tab.page.locator("#health")).to_contain_text("The database is away")

        await asyncio.to_thread(server.restart)
        await expect(feed_of(tab.page)).to_have_text("Live")
        await expect(tab.page.locator(".stale:visible")).to_have_count(0)
        await expect(tab.page.locator("#health")).to_contain_text("The database answers")


async def test_where_no_stream_goes_through_it_asks_and_says_so(chromium: Browser, service: Service) -> None:
    async with open_dashboard(chromium, service.url) as tab:

        async def refuse(route: Route) -> None:
            await route.abort()

        await tab.page.route("**/stats/live/stream", refuse)
        await tab.page.evaluate(HIDE, True)
        await tab.page.evaluate(HIDE, False)
        await expect(feed_of(tab.page)).to_have_text("Polling")
        before = await requests_of(tab.page)
        await classify(service, make_image())
        await expect(figure_of(tab.page, "requests")).to_have_text(f"{before + 1}", timeout=15_000)
        await expect(feed_of(tab.page)).to_have_text("Polling")


async def test_a_hidden_tab_has_no_stream_and_asks_nothing(chromium: Browser, service: Service) -> None:
    def streams() -> float:
        return Figures.of(httpx.get(f"{service.url}/metrics").text).sum("live_streams")

    async with open_dashboard(chromium, service.url) as tab:
        await expect(feed_of(tab.page)).to_have_text("Live")
        await until(lambda: streams() == 1)
        await tab.page.evaluate(HIDE, True)
        await until(lambda: streams() == 0)
        asked = len(tab.requests)
        await classify(service, make_image())
        await tab.page.evaluate("() => new Promise(resolve => setTimeout(resolve, 6000))")  # longer than a poll takes

        assert len(tab.requests) == asked
        await tab.page.evaluate(HIDE, False)
        await until(lambda: streams() == 1)
        await expect(feed_of(tab.page)).to_have_text("Live")
