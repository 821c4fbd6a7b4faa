"""The page `/docs` in Chromium: a reader's first call works on it, and it needs nothing from anywhere else."""

from playwright.async_api import Browser, expect

from tests.support.service_process import Service
from tests.support.try_page import MS
from tests.support.web_browser import open_tab


async def test_the_first_call_can_be_tried_with_files_of_ours_alone(chromium: Browser, page_service: Service) -> None:
    async with open_tab(chromium, f"{page_service.url}/docs") as tab:
        path = tab.page.locator("[data-path='/api/v1/categories']")
        operation = tab.page.locator(".opblock").filter(has=path)
        await operation.locator(".opblock-summary-control").click(timeout=MS)
        await operation.get_by_role("button", name="Try it out").click()
        await operation.get_by_role("button", name="Execute").click()

        answer = operation.locator(".live-responses-table")
        await expect(answer.locator(".response-col_status").last).to_contain_text("200", timeout=MS)
        await expect(answer).to_contain_text("宠物萌照")
        assert len(tab.sent("/api/v1/categories")) == 1
        assert (tab.errors, tab.elsewhere(page_service.url)) == ([], [])
