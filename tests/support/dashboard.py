"""The dashboard in a browser: opened with a key, and read as a person reads it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from playwright.async_api import Browser, Locator, Page, expect

from tests.support.service_process import Service
from tests.support.web_browser import Tab, open_tab

KEY = "an-operators-key-of-32-characters"
PATIENCE_MS = 60_000
"""A busy machine takes its time; what has to be quick is measured where it is promised."""

expect.set_options(timeout=PATIENCE_MS)
PANELS = (
    "figures",
    "live",
    "identity",
    "cost",
    "categories",
    "models",
    "tokens",
    "health",
    "budget",
    "users",
    "images",
    "feedback",
    "audit",
)


@asynccontextmanager
async def open_dashboard(browser: Browser, address: str, before: str = "", **context: Any) -> AsyncIterator[Tab]:
    """Open the dashboard of a service without operators' keys, and wait until all panels have been read."""
    given = {"locale": "en-US", "viewport": {"width": 1280, "height": 900}, **context}
    async with open_tab(browser, f"{address}/dashboard", before, **given) as tab:
        await until_read(tab.page)
        yield tab


async def until_read(page: Page) -> None:
    """Wait until no panel waits for its first figures."""
    await expect(page.locator(".panel")).to_have_count(len(PANELS))
    await expect(page.locator(".panel.loading")).to_have_count(0)


def feed_of(page: Page) -> Locator:
    """The word that says how fresh the figures are."""
    return page.locator(".feed")


def figure_of(page: Page, name: str) -> Locator:
    """One of the key figures."""
    return page.locator(f'[data-figure="{name}"] .value')


def beside(page: Page, name: str) -> Locator:
    """What one of the key figures is compared with."""
    return page.locator(f'[data-figure="{name}"] .beside:not(.more)')


async def rows_of(page: Page, panel: str) -> list[list[str]]:
    """Return the cells of a panel's table, row by row."""
    rows = page.locator(f"#{panel} tbody tr")
    return [await rows.nth(at).locator("th, td").all_text_contents() for at in range(await rows.count())]


async def statements_of(page: Page, panel: str) -> list[str]:
    """Return the SQL that a panel shows as the way to check it."""
    text = " ".join(await page.locator(f"#{panel} .sql").all_text_contents())
    return [one for one in re.sub(r"--[^\n]*", "", text).split(";") if one.strip()]


def number(text: str) -> float:
    """Return the first figure in a text, as an American page writes it."""
    found = re.search(r"\d[\d,]*(\.\d+)?", text)
    assert found, f"no figure in {text!r}"
    return float(found[0].replace(",", ""))


def milliseconds(text: str) -> float:
    return number(text) * (1 if text.endswith("ms") else 1000)


def fetch(service: Service, path: str, key: str | None = None) -> Any:
    """Return what an endpoint answers: its `data`."""
    headers = {} if key is None else {"X-API-Key": key}
    answer = httpx.get(f"{service.url}/api/v1{path}", headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]
