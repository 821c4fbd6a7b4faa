"""The dashboard where a part of what it reads is away, late, or of another day: it never shows what is not so."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.slow.test_pages_dashboard_people import use
from tests.support.dashboard import feed_of, figure_of, open_dashboard, until_read
from tests.support.service_process import Service
from tests.support.waiting import until
from tests.support.web_browser import Tab, open_tab

pytestmark = pytest.mark.timeout(300)


async def refuse(route: Route) -> None:
    body = '{"success": false, "error": {"code": "database_unavailable", "message": "The database is away."}}'
    await route.fulfill(status=503, body=body, content_type="application/json")


@asynccontextmanager
async def open_with(
    browser: Browser, service: Service, path: str, answer: Callable[[Route], Awaitable[None]]
) -> AsyncIterator[Tab]:
    """Open the dashboard with one of its calls answered otherwise, from the first time on."""
    async with open_tab(browser, "about:blank", locale="en-US") as tab:
        await tab.page.route(path, answer)
        await tab.page.goto(f"{service.url}/dashboard")
        yield tab


async def read_again(page: Page) -> None:
    """Have all of today read at once, which is else done each minute."""
    await page.get_by_role("radio", name="Today").click()


@pytest.mark.parametrize("page_settings", [{"currency": "CNY"}], ids=["in yuan"])
async def test_no_amount_is_told_until_the_currency_is_known(chromium: Browser, page_service: Service) -> None:
    use(page_service)
    async with open_with(chromium, page_service, "**/api/v1/about", refuse) as tab:
        await until_read(tab.page)
        await expect(figure_of(tab.page, "saved")).to_have_text("…")
        assert "$" not in await tab.page.locator(".panels").inner_text()

        await tab.page.unroute("**/api/v1/about")
        await read_again(tab.page)
        await expect(figure_of(tab.page, "saved")).to_contain_text("¥")
        await expect(tab.page.locator("#identity tbody")).to_contain_text("¥")
        assert tab.errors == []


async def test_after_midnight_nothing_older_is_called_yesterday(chromium: Browser, page_service: Service) -> None:
    use(page_service)
    asked: list[str] = []
    is_over = False

    async def answer(route: Route) -> None:
        """The days as they were before midnight, with five requests on each but the last."""
        asked.append(route.request.url)
        answered = await route.fetch()
        body = await answered.json()
        days = body["data"]["trend"]
        for day in days[:-1]:
            day["total_requests"] = 5
        if not is_over:
            for day, before in zip(reversed(days), reversed(days[:-1]), strict=False):
                day["day"] = before["day"]
        await route.fulfill(json=body)

    async with open_with(chromium, page_service, "**/stats/trend*", answer) as tab:
        beside = tab.page.locator('[data-figure="requests"] .beside')
        await until_read(tab.page)
        await until(lambda: len(asked) >= 3)  # to begin with, with all the rest, and anew for the day that has begun
        await expect(figure_of(tab.page, "requests")).to_have_text("4")
        await expect(beside).not_to_contain_text("yesterday")

        is_over = True
        await read_again(tab.page)
        await expect(beside).to_have_text("5 yesterday")
        assert tab.errors == []


@pytest.mark.parametrize("source", ["identity", "latency", "budget"])
async def test_key_figures_of_which_one_is_old_say_so(source: str, chromium: Browser, page_service: Service) -> None:
    use(page_service)
    async with open_dashboard(chromium, page_service.url) as tab:
        stale = tab.page.locator("#figures .stale")
        await expect(feed_of(tab.page)).to_have_text("Live")
        await expect(stale).to_be_hidden()
        await tab.page.route(f"**/stats/{source}*", refuse)
        await read_again(tab.page)
        await expect(stale).to_contain_text("as of")
        await expect(feed_of(tab.page)).to_have_text("Live")

        await tab.page.unroute(f"**/stats/{source}*")
        await read_again(tab.page)
        await expect(stale).to_be_hidden()


async def test_what_is_still_being_read_is_hidden_from_everybody(chromium: Browser, page_service: Service) -> None:
    released = asyncio.Event()

    async def hold(route: Route) -> None:
        await released.wait()
        await route.continue_()

    async with open_with(chromium, page_service, "**/stats/identity*", hold) as tab:
        body = tab.page.locator("#identity .panel-body")
        await expect(tab.page.locator("#identity.loading")).to_have_count(1)
        await expect(body).to_have_css("visibility", "hidden")
        released.set()
        await expect(body).to_have_css("visibility", "visible")
