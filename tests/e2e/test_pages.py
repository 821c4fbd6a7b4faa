"""The pages in a browser, as people come to them: HTTPS, through the proxy, with two replicas behind it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Error, Page, expect

from tests.api.calls import classify
from tests.e2e.stack import Stack
from tests.factories import make_image
from tests.support.dashboard import feed_of, figure_of, number, until_read
from tests.support.try_page import badges, choose, expect_done
from tests.support.typescript_app import saved
from tests.support.web_browser import Tab, open_tab

REQUESTS, QUICK = 12, 9
NETWORK_CHANGED = "ERR_NETWORK_CHANGED"

pytestmark = pytest.mark.timeout(300)


@asynccontextmanager
async def open_page(browser: Browser, stack: Stack, path: str) -> AsyncIterator[Tab]:
    """Open a page whose certificate nobody has signed. Whatever is done with it: no error, no request to others."""
    async with open_tab(browser, "about:blank", locale="en-US", ignore_https_errors=True) as tab:
        await go(tab, f"{stack.url}{path}")
        yield tab
        assert tab.errors == []
        assert tab.elsewhere(stack.url) == []


async def go(tab: Tab, address: str) -> None:
    """Go to a page. A container that comes or goes is a change of the machine's network, for which Chromium breaks off
    what it is loading: then again."""
    while True:
        tab.errors.clear()
        try:
            await tab.page.goto(address)
        except Error as error:
            if NETWORK_CHANGED not in error.message:
                raise
        else:
            if not any(NETWORK_CHANGED in error for error in tab.errors):
                return


@asynccontextmanager
async def open_dashboard(browser: Browser, stack: Stack) -> AsyncIterator[Tab]:
    """Open the dashboard with the operator's key, and wait until it is live."""
    async with open_page(browser, stack, "/dashboard") as tab:
        await tab.page.get_by_label("Key", exact=True).fill(stack.operator["X-API-Key"])
        await tab.page.keyboard.press("Enter")
        await until_read(tab.page)
        await expect(feed_of(tab.page)).to_have_text("Live")
        yield tab


async def shows_one_more(page: Page, stack: Stack) -> tuple[str, float]:
    """Upload a photo; return its request's id, and the seconds from the answer until the dashboard counted it."""
    before = number(await figure_of(page, "requests").inner_text())
    async with stack.client() as client:
        answered = await classify(client, make_image())
    since = time.monotonic()
    await expect(figure_of(page, "requests")).to_have_text(f"{before + 1:,.0f}")
    return answered["request_id"], time.monotonic() - since


async def test_a_request_shows_within_two_seconds_whichever_of_two_replicas_has_it(
    chromium: Browser, stack: Stack
) -> None:
    async with open_dashboard(chromium, stack) as tab:
        seen = dict([await shows_one_more(tab.page, stack) for _ in range(REQUESTS)])
        await expect(feed_of(tab.page)).to_have_text("Live")
        stream = await tab.sent("/stats/live/stream")[-1].response()  # the first, without a key, was refused
        assert stream is not None

        assert sorted(seen.values())[QUICK - 1] < 2, sorted(seen.values())  # the others may meet pauses of the machine
        assert len(stack.replicas_of(set(seen))) == 2
        assert tab.sent("/stats/live") == []  # it came by the stream, event by event, while that is open
        assert "content-encoding" not in await stream.all_headers()


@pytest.mark.parametrize("service", ["api", "mysql"])
async def test_the_dashboard_survives_a_restart_and_says_what_is_old_meanwhile(
    service: str, chromium: Browser, stack: Stack
) -> None:
    async with open_dashboard(chromium, stack) as tab:
        stale = tab.page.locator(".stale:visible")
        await asyncio.to_thread(stack.compose, "stop", service)
        await expect(feed_of(tab.page)).to_have_text("Stale")
        await expect(tab.page.locator("#figures .stale")).to_contain_text("as of")

        await asyncio.to_thread(stack.compose, "up", "--detach", "--wait", service)
        await expect(feed_of(tab.page)).to_have_text("Live")
        await expect(stale).to_have_count(0)
        await shows_one_more(tab.page, stack)


async def test_photos_are_classified_and_the_second_time_nothing_is_uploaded(
    chromium: Browser, stack: Stack, tmp_path: Path
) -> None:
    photos = [saved(tmp_path, make_image("JPEG"), f"photo-{number}.jpg") for number in range(3)]
    async with open_page(chromium, stack, "/") as tab:
        await choose(tab, *photos)
        await expect_done(tab, 3)
        uploads = len(tab.sent("/api/v1/classify"))
        await tab.page.reload()
        await choose(tab, *photos)
        await expect_done(tab, 3)

        assert await badges(tab.page) == ["Same file"] * 3
        assert len(tab.sent("/api/v1/classify")) == uploads == 3
