"""Both pages where there is little to show: nothing yet, something wrong, or only what was. For eyes, and for axe.

`SCREENSHOTS=FOLDER` keeps the pictures, whole pages: in light and dark, on a desk and in a hand.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.slow.test_pages_dashboard_people import use
from tests.slow.test_pages_dashboard_troubles import refuse
from tests.slow.test_pages_screenshots import SCREENS, keep
from tests.support.dashboard import KEY, feed_of, until_read
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.service_process import Service
from tests.support.try_page import choose, expect_done
from tests.support.typescript_app import saved
from tests.support.web_browser import Tab, open_tab, overflow, serious_faults

HEIGHT = "document.documentElement.scrollHeight"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(params=SCREENS)
def screen(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def open_page(browser: Browser, service: Service, path: str, screen: str) -> AsyncIterator[Tab]:
    async with open_tab(browser, f"{service.url}{path}", locale="en-US", **SCREENS[screen]) as tab:
        yield tab
        assert tab.errors == []


async def look(page: Page, name: str, screen: str, folder: Path) -> None:
    """Keep the page's pictures; fail where it is wider than its window, or axe finds something serious."""
    width = SCREENS[screen]["viewport"]["width"]
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        assert await overflow(page) == 0
        assert await serious_faults(page) == []
        # As high as the page: Playwright's own picture of whole pages is that of a screen without touch.
        await page.set_viewport_size({"width": width, "height": await page.evaluate(HEIGHT)})
        taken = await page.screenshot(animations="disabled")
        keep(taken, f"{name}-{scheme}-{screen}.png", folder)


async def test_the_page_to_try_it_before_anything_was_tried(
    screen: str, chromium: Browser, page_service: Service, tmp_path: Path
) -> None:
    async with open_page(chromium, page_service, "/", screen) as tab:
        await expect(tab.page.get_by_text("They are not stored.")).to_be_visible()
        await look(tab.page, "try-empty", screen, tmp_path)


@pytest.mark.parametrize("page_settings", [{"llm_provider": "local"}], ids=["without a model"])
async def test_the_page_to_try_it_where_the_embedded_network_answers(
    screen: str, chromium: Browser, page_service: Service, photos: list[Path], tmp_path: Path
) -> None:
    async with open_page(chromium, page_service, "/", screen) as tab:
        await choose(tab, photos[0])
        await expect_done(tab, 1)
        await look(tab.page, "try-network", screen, tmp_path)


async def test_the_page_to_try_it_with_photos_that_failed(
    screen: str,
    chromium: Browser,
    page_service: Service,
    fake_models: FakeModels,
    photos: list[Path],
    broken: Path,
    tmp_path: Path,
) -> None:
    text = saved(tmp_path, b"not a photo at all", "notes-with-a-name-that-has-no-place-to-break-in-it.jpg")
    async with open_page(chromium, page_service, "/", screen) as tab:
        await choose(tab, photos[0])
        await expect_done(tab, 1)
        fake_models.behaviour = Behaviour(text="no answer")
        await choose(tab, broken, text, photos[1])
        await expect_done(tab, 1, failed=3)
        await look(tab.page, "try-failing", screen, tmp_path)


async def test_the_page_to_try_it_without_a_connection(
    screen: str, chromium: Browser, page_service: Service, photos: list[Path], tmp_path: Path
) -> None:
    async with open_page(chromium, page_service, "/", screen) as tab:
        await choose(tab, photos[0])
        await expect_done(tab, 1)
        await tab.page.context.set_offline(True)
        await choose(tab, *photos[1:])
        await expect(tab.page.locator(".summary > .notice")).to_be_visible()
        await expect(tab.page.locator(".health")).to_contain_text("Not reachable")
        await look(tab.page, "try-waiting", screen, tmp_path)


@pytest.mark.parametrize("page_settings", [{"api_keys": KEY}], ids=["for keys"])
async def test_the_page_to_try_it_where_it_wants_a_key(
    screen: str, chromium: Browser, page_service: Service, photos: list[Path], tmp_path: Path
) -> None:
    async with open_page(chromium, page_service, "/", screen) as tab:
        await choose(tab, *photos[:2])
        await expect(tab.page.get_by_label("Key")).to_be_visible()
        await look(tab.page, "try-key", screen, tmp_path)


async def test_the_dashboard_before_anybody_has_asked(
    screen: str, chromium: Browser, page_service: Service, tmp_path: Path
) -> None:
    async with open_page(chromium, page_service, "/dashboard", screen) as tab:
        await until_read(tab.page)
        await expect(feed_of(tab.page)).to_have_text("Live")
        await look(tab.page, "dashboard-empty", screen, tmp_path)


@pytest.mark.parametrize("page_settings", [{"admin_api_keys": f"mei:{KEY}"}], ids=["for operators"])
async def test_the_dashboard_that_a_key_does_not_open(
    screen: str, chromium: Browser, page_service: Service, tmp_path: Path
) -> None:
    async with open_page(chromium, page_service, "/dashboard", screen) as tab:
        await tab.page.get_by_label("Key", exact=True).fill("another-key")
        await tab.page.keyboard.press("Enter")
        await expect(tab.page.get_by_role("alert")).to_be_visible()
        await look(tab.page, "dashboard-key", screen, tmp_path)


async def test_the_dashboard_of_which_nothing_can_be_read(
    screen: str, chromium: Browser, page_service: Service, tmp_path: Path
) -> None:
    async with open_page(chromium, page_service, "/docs", screen) as tab:
        for path in ("**/stats/**", "**/feedback*", "**/audit*"):
            await tab.page.route(path, refuse)
        await tab.page.goto(f"{page_service.url}/dashboard")
        await until_read(tab.page)
        await expect(feed_of(tab.page)).to_have_text("Stale")
        await look(tab.page, "dashboard-failing", screen, tmp_path)


async def test_the_dashboard_of_a_service_that_has_gone_away(
    screen: str, chromium: Browser, page_service: Service, tmp_path: Path
) -> None:
    use(page_service)
    async with open_page(chromium, page_service, "/dashboard", screen) as tab:
        await until_read(tab.page)
        await expect(feed_of(tab.page)).to_have_text("Live")
        page_service.process.kill()
        await expect(feed_of(tab.page)).to_have_text("Stale")
        for panel in ("figures", "live", "categories", "budget"):
            await expect(tab.page.locator(f"#{panel} .stale")).to_contain_text("as of")
        await look(tab.page, "dashboard-stale", screen, tmp_path)
