"""A real Chromium for the pages: what goes over the network, what the console says, and what axe finds."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright

from tests.support.chromium import chromium_program
from tests.support.web_pages import pages_source

_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
_NO_ANSWER = "Failed to load resource"
_SERIOUS = ("serious", "critical")


@asynccontextmanager
async def running_browser(*arguments: str) -> AsyncIterator[Browser]:
    """Run Chromium until the end of the block. Raises NoChromium."""
    program = chromium_program()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=[*_ARGUMENTS, *arguments])
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Tab:
    """A page that was opened, with what it has said and sent."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def sent(self, path: str) -> list[Request]:
        """Return the requests of this path, without what is behind a question mark."""
        return [one for one in self.requests if one.url.split("?")[0].endswith(path)]

    def elsewhere(self, address: str) -> list[str]:
        """Return what was asked for from anywhere else."""
        return [one.url for one in self.requests if not one.url.startswith((f"{address}/", "blob:", "data:"))]


@asynccontextmanager
async def open_tab(browser: Browser, address: str, before: str = "", **context: Any) -> AsyncIterator[Tab]:
    """Open a page in a browser's profile of its own. `before` is a script that runs ahead of the page's."""
    profile = await browser.new_context(**context)
    try:
        page = await profile.new_page()
        tab = Tab(page)
        page.on("console", lambda message: _keep_error(tab, message))
        page.on("pageerror", lambda error: tab.errors.append(str(error)))
        page.on("request", lambda request: tab.requests.append(request))
        if before:
            await page.add_init_script(before)
        await page.goto(address)
        yield tab
    finally:
        await profile.close()


def _keep_error(tab: Tab, message: ConsoleMessage) -> None:
    """Keep what the page did wrong; that a call was refused or had no connection the browser says by itself."""
    url = message.location.get("url", "")
    if message.type in ("error", "warning") and not (message.text.startswith(_NO_ANSWER) and "/api/v1/" in url):
        tab.errors.append(f"{message.text} {url}")


async def serious_faults(page: Page, within: str = "html") -> list[str]:
    """Return what axe finds serious in the page, or a part, as it is: the rule, and the elements that break it."""
    axe = (pages_source() / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
    await page.evaluate(axe)  # not as a <script>: the page's policy forbids it
    violations: Sequence[dict[str, Any]] = (await page.evaluate("(part) => axe.run(part)", within))["violations"]
    return [
        f"{one['id']}: {[node['target'] for node in one['nodes']]}" for one in violations if one["impact"] in _SERIOUS
    ]


async def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    width: int = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width
