"""The page `/docs` in Chromium: a reader's first call works on it, and it needs nothing from anywhere else."""

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.support.service_process import Service
from tests.support.try_page import MS
from tests.support.web_browser import open_tab, serious_faults

pytestmark = pytest.mark.timeout(600)


def operation_of(page: Page, method: str, path: str) -> Locator:
    return page.locator(f".opblock-{method}").filter(has=page.locator(f"[data-path='/api/v1{path}']"))


async def open_to_try(page: Page, method: str, path: str) -> Locator:
    operation = operation_of(page, method, path)
    await operation.locator(".opblock-summary-control").click(timeout=MS)
    await operation.get_by_role("button", name="Try it out").click(timeout=MS)
    return operation


async def test_the_first_call_can_be_tried_with_files_of_ours_alone(chromium: Browser, page_service: Service) -> None:
    async with open_tab(chromium, f"{page_service.url}/docs") as tab:
        operation = await open_to_try(tab.page, "get", "/categories")
        await operation.get_by_role("button", name="Execute").click()

        answer = operation.locator(".live-responses-table")
        await expect(answer.locator(".response-col_status").last).to_contain_text("200", timeout=MS)
        await expect(answer).to_contain_text("宠物萌照")
        assert len(tab.sent("/api/v1/categories")) == 1
        assert (tab.errors, tab.elsewhere(page_service.url)) == ([], [])


async def test_axe_finds_nothing_serious_as_it_opens_and_where_calls_are_tried(
    chromium: Browser, page_service: Service
) -> None:
    async with open_tab(chromium, f"{page_service.url}/docs") as tab:
        await expect(operation_of(tab.page, "get", "/categories")).to_be_visible(timeout=MS)
        assert await serious_faults(tab.page) == []

        await open_to_try(tab.page, "post", "/classify")
        await open_to_try(tab.page, "put", "/cache/{image_hash}")
        operation = await open_to_try(tab.page, "get", "/categories")
        await operation.get_by_role("button", name="Execute").click()
        await expect(operation.locator(".live-responses-table")).to_be_visible(timeout=MS)
        assert await serious_faults(tab.page, ".opblock.is-open") == []


async def test_the_page_leads_to_an_operation_by_its_address(chromium: Browser, page_service: Service) -> None:
    async with open_tab(chromium, f"{page_service.url}/docs") as tab:
        await operation_of(tab.page, "get", "/categories").locator(".opblock-summary-control").click(timeout=MS)
        address = tab.page.url
        await tab.page.goto("about:blank")
        await tab.page.goto(address)

        opened = operation_of(tab.page, "get", "/categories").get_by_role("button", name="Try it out")
        await expect(opened).to_be_visible(timeout=MS)
