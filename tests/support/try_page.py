"""The page `/`, as its tests use it."""

from pathlib import Path

from playwright.async_api import Locator, Page, expect

from tests.support.web_browser import Tab

MS = 60_000
"""How long photos may take on a machine that does other things, too."""


async def choose(tab: Tab, *photos: Path) -> None:
    await tab.page.get_by_label("Choose photos").set_input_files(photos)


async def expect_done(tab: Tab, done: int, failed: int = 0) -> None:
    """Return when so many photos have an answer and so many none, and no other is left."""
    await expect(tab.page.locator(".photo[data-state=failed]")).to_have_count(failed, timeout=MS)
    await expect(tab.page.locator(".photo[data-state=done]")).to_have_count(done, timeout=MS)
    await expect(tab.page.locator(".photo")).to_have_count(done + failed)


def line_of(page: Page, photo: Path) -> Locator:
    """Return the line of a photo, by the name of its file."""
    return page.locator(".photo").filter(has_text=photo.name)


async def badges(page: Page) -> list[str]:
    """Return by what each photo was recognised, in the order of the page."""
    return await page.locator(".photo .badge").all_inner_texts()
