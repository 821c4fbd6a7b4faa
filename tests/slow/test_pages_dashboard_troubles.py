"""The dashboard where a part of what it reads is away, late, or of another day: it never shows what is not so."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.slow.test_pages_dashboard_people import use
from tests.support.dashboard import beside, feed_of, figure_of, open_dashboard, until_read
from tests.support.service_process import Service
from tests.support.waiting import until
from tests.support.web_browser import Tab, open_tab

pytestmark = pytest.mark.timeout(300)


async def refuse(route: Route) -> None:
    body = '{"success": false, "error": {"code": "database_unavailable", "message": "The database is away."}}'
    await route.fulfill(status=503, body=body, content_type="application/json")


@asynccontextmanager
async def open_with(
    browser: Browser, service: Service, path: str | re.Pattern[str], answer: Callable[[Route], Awaitable[None]]
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


def told_of_yesterday(body: dict[str, Any], requests: int | None, since: str | None = None) -> None:
    """Change what is told of yesterday: so many requests, or that they are not known."""
    totals = {**body["data"]["totals"], "total_requests": requests}
    body["data"] |= {"totals": None if requests is None else totals, "known_since": since}


async def test_after_midnight_nothing_older_is_called_yesterday(chromium: Browser, page_service: Service) -> None:
    use(page_service)
    asked: list[str] = []
    is_over = False

    async def answer(route: Route) -> None:
        """What is told of days as it was before midnight, with five requests until this time of the day before."""
        asked.append(route.request.url)
        body = await (await route.fetch()).json()
        days = body["data"].get("trend")
        if days is None:
            told_of_yesterday(body, 5)
        if not is_over:
            if days is None:
                as_of = datetime.fromisoformat(body["data"]["as_of"])
                body["data"]["as_of"] = f"{as_of - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
            for day, before in zip(reversed(days or []), reversed((days or [])[:-1]), strict=False):
                day["day"] = before["day"]
        await route.fulfill(json=body)

    either = re.compile("/stats/(trend|yesterday)")
    async with open_with(chromium, page_service, either, answer) as tab:
        compared = beside(tab.page, "requests")
        head = tab.page.locator(".page-head")
        await until_read(tab.page)
        await until(lambda: len([url for url in asked if "trend" in url]) >= 3)  # to begin with, with all, and anew
        await expect(figure_of(tab.page, "requests")).to_have_text("4")
        await expect(head).not_to_contain_text("yesterday")
        await expect(compared).to_have_text("\u00a0")  # it is still to be read

        is_over = True
        await read_again(tab.page)
        await expect(compared).to_have_text("−20% 5")
        read_out = tab.page.locator('[data-figure="requests"] dd').all_inner_texts
        assert await read_out() == ["4", "yesterday until this time:", "−20% 5"]
        await expect(head).to_contain_text("compared with yesterday until")
        assert tab.errors == []


@pytest.mark.parametrize(
    ("requests", "since", "words", "shown"),
    [
        (0, None, "there were no requests yesterday until", "0"),
        (None, None, "yesterday is not known to the minute yet", "—"),
        (None, "2026-01-02T03:04:05Z", "yesterday is known to the minute from Jan 2, 03:04 on only", "—"),
    ],
)
async def test_a_yesterday_that_is_not_known_says_why(
    requests: int | None, since: str | None, words: str, shown: str, chromium: Browser, page_service: Service
) -> None:
    use(page_service)

    async def answer(route: Route) -> None:
        body = await (await route.fetch()).json()
        told_of_yesterday(body, requests, since)
        await route.fulfill(json=body)

    async with open_with(chromium, page_service, "**/stats/yesterday", answer) as tab:
        await expect(tab.page.locator(".page-head")).to_contain_text(words)
        await expect(beside(tab.page, "requests")).to_have_text(shown)
        await expect(beside(tab.page, "hit-rate")).to_have_text("—")
        assert tab.errors == []


async def test_a_yesterday_that_cannot_be_read_says_so(chromium: Browser, page_service: Service) -> None:
    use(page_service)
    async with open_with(chromium, page_service, "**/stats/yesterday", refuse) as tab:
        await expect(tab.page.locator(".page-head")).to_contain_text("yesterday could not be read")
        await expect(beside(tab.page, "paid")).to_have_text("—")
        await expect(figure_of(tab.page, "requests")).to_have_text("4")


@pytest.mark.parametrize("source", ["identity", "latency", "budget", "yesterday"])
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
