"""The dashboard of a busy service, as README shows it. `make screenshots` keeps the pictures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.conftest import TEST_DATABASE, schema_of
from tests.slow.test_pages_screenshots import MOST_BYTES, SCREENS, keep
from tests.support.busy_day import make_busy
from tests.support.dashboard import feed_of, open_dashboard
from tests.support.mysql_server import MySQLServer
from tests.support.service_process import running_service
from tests.support.web_browser import overflow

DATABASE = f"{TEST_DATABASE}_pictures"
ZONE = "Asia/Shanghai"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def settings(mysql_server: MySQLServer) -> Iterator[dict[str, Any]]:
    mysql_server.query(schema_of(DATABASE))
    own = {"daily_budget": 60, "monthly_budget": 2000, "currency": "CNY", "stats_timezone": ZONE}
    kept = {"near_duplicates": "serve", "log_retention_days": 0, "web_concurrency": 1}
    yield {**mysql_server.settings(DATABASE), **own, **kept}
    mysql_server.query(f"DROP DATABASE {DATABASE}")


async def test_the_dashboard_of_a_busy_service_fits(
    chromium: Browser, settings: dict[str, Any], mysql_server: MySQLServer, tmp_path: Path
) -> None:
    await make_busy(mysql_server, DATABASE, settings, ZONE)
    with running_service(tmp_path, **settings) as service:
        for screen, scheme in ((screen, scheme) for screen in SCREENS for scheme in ("light", "dark")):
            async with open_dashboard(chromium, service.url, color_scheme=scheme, **SCREENS[screen]) as tab:
                await expect(feed_of(tab.page)).to_have_text("Live")
                await expect(tab.page.locator("#live canvas")).to_be_visible()
                assert await overflow(tab.page) == 0
                taken = await tab.page.screenshot(animations="disabled")
            assert keep(taken, f"dashboard-{scheme}-{screen}.png", tmp_path) < MOST_BYTES
