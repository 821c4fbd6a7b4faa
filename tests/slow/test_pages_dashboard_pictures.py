"""Pictures of the dashboard, as README shows them. `SCREENSHOTS=docs/images` writes them there."""

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Browser, expect

from tests.conftest import schema_of
from tests.support.busy_day import make_busy
from tests.support.dashboard import feed_of, open_dashboard
from tests.support.mysql_server import MySQLServer
from tests.support.service_process import ROOT, running_service
from tests.support.web_browser import overflow

DATABASE = "image_classifier_pictures"
DESKTOP, PHONE = {"width": 1280, "height": 1010}, {"width": 360, "height": 780}
LARGEST = 150_000

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def settings(mysql_server: MySQLServer) -> Iterator[dict[str, Any]]:
    mysql_server.query(f"DROP DATABASE IF EXISTS {DATABASE}")
    mysql_server.query(schema_of(DATABASE))
    own = {
        "daily_budget": 60,
        "monthly_budget": 2000,
        "stats_timezone": "Asia/Shanghai",
        "near_duplicates": "serve",
        "currency": "CNY",
    }
    yield {**mysql_server.settings(DATABASE), **own, "log_retention_days": 0, "web_concurrency": 1}
    mysql_server.query(f"DROP DATABASE {DATABASE}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    named = os.environ.get("SCREENSHOTS")
    chosen = ROOT / named if named else tmp_path
    chosen.mkdir(parents=True, exist_ok=True)
    return chosen


def save(picture: bytes, path: Path) -> None:
    """Write a picture with 256 colours, which is all that a page has, in half the bytes."""
    with Image.open(BytesIO(picture)) as image:
        image.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
            path, optimize=True
        )


async def test_the_dashboard_is_pictured(
    chromium: Browser, settings: dict[str, Any], mysql_server: MySQLServer, folder: Path, tmp_path: Path
) -> None:
    await make_busy(mysql_server, DATABASE, settings, "Asia/Shanghai")
    with running_service(tmp_path, **settings) as service:
        for scheme in ("light", "dark"):
            for name, size in (("desktop", DESKTOP), ("phone", PHONE)):
                async with open_dashboard(chromium, service.url, color_scheme=scheme, viewport=size) as tab:
                    await expect(feed_of(tab.page)).to_have_text("Live")
                    await expect(tab.page.locator("#live canvas")).to_be_visible()
                    path = folder / f"dashboard-{scheme}-{name}.png"
                    save(await tab.page.screenshot(), path)

                    assert path.stat().st_size < LARGEST
                    assert await overflow(tab.page) == 0
