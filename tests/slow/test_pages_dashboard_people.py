"""The dashboard for everybody who opens it: with and without a key, by keyboard, on a phone, in both languages."""

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.factories import make_image
from tests.support.dashboard import KEY, PANELS, feed_of, fetch, open_dashboard, rows_of, until_read
from tests.support.service_process import Service
from tests.support.web_browser import open_tab, overflow, serious_faults

PHONE = {"width": 360, "height": 780}

pytestmark = pytest.mark.timeout(300)


def use(service: Service, **headers: str) -> str:
    """Have some photos classified, one of them twice, and one said to be wrong. Returns what it is said to show."""
    given = {"X-User-ID": "device-1", **headers}
    with httpx.Client(base_url=f"{service.url}/api/v1", headers=given, timeout=60) as client:
        photos = [make_image() for _ in range(3)]
        answers = [client.post("/classify", files={"image": photo}).json() for photo in [*photos, photos[0]]]
        said = "pets" if answers[0]["data"]["category"] != "pets" else "foods"
        vote = client.post("/feedback", json={"request_id": answers[0]["request_id"], "category": said})
    assert vote.status_code == 200, vote.text
    return said


async def text_of(page: Page) -> str:
    return await page.locator("main").inner_text()


async def test_an_empty_database_says_what_will_show_and_how_to_make_it(
    chromium: Browser, page_service: Service
) -> None:
    async with open_dashboard(chromium, page_service.url) as tab:
        for panel in set(PANELS) - {"figures", "health"}:
            await expect(tab.page.locator(f"#{panel} .empty")).to_be_visible()
        assert "curl" in await tab.page.locator("#live .empty pre").inner_text()
        await tab.page.locator("#categories .proof-toggle").click()
        await expect(tab.page.locator("#categories .proof a")).to_be_visible()
        assert "none yet" in await tab.page.locator("#figures").inner_text()
        assert await serious_faults(tab.page) == []
        assert tab.errors == []


@pytest.mark.parametrize("page_settings", [{"admin_api_keys": f"mei:{KEY}"}], ids=["with an operator's key"])
async def test_a_key_is_asked_for_and_a_wrong_one_is_told_so(chromium: Browser, page_service: Service) -> None:
    use(page_service, **{"X-API-Key": KEY})
    async with open_tab(chromium, f"{page_service.url}/dashboard", locale="en-US") as tab:
        field = tab.page.get_by_label("Key", exact=True)
        await expect(field).to_be_visible()
        await expect(tab.page.locator(".panels")).to_be_hidden()
        assert await serious_faults(tab.page) == []
        await field.fill("another-key")
        await field.press("Enter")
        await expect(tab.page.get_by_role("alert")).to_contain_text("does not open the figures")

        await field.fill(KEY)
        await field.press("Enter")
        await until_read(tab.page)
        await expect(feed_of(tab.page)).to_have_text("Live")
        await expect(tab.page.locator("#live canvas")).to_be_visible()
        await tab.page.locator("#categories .proof-toggle").click()
        await expect(tab.page.locator("#categories .proof")).to_contain_text("GET /api/v1/stats/category-distribution")
        await expect(tab.page.locator(".proof a")).to_have_count(0)  # a link would send no key
        await expect(field).to_have_count(0)
        kept = "[localStorage.length, sessionStorage.length, document.cookie]"
        assert await tab.page.evaluate(kept) == [0, 0, ""]
        assert not any(KEY in request.url for request in tab.requests)

        await tab.page.get_by_role("button", name="Forget the key").click()
        await expect(field).to_be_visible()
        await expect(tab.page.locator(".panels")).to_be_hidden()

        await field.fill(KEY)
        await field.press("Enter")
        await until_read(tab.page)
        await expect(tab.page.locator("#live canvas")).to_be_visible()


@pytest.mark.parametrize("page_settings", [{"admin_ip_allowlist": "192.0.2.7"}], ids=["for another address"])
async def test_an_address_that_may_not_read_is_told_so(chromium: Browser, page_service: Service) -> None:
    async with open_tab(chromium, f"{page_service.url}/dashboard", locale="en-US") as tab:
        await expect(tab.page.get_by_role("alert")).to_contain_text("not open to your address")
        await expect(tab.page.locator("input")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
async def test_it_is_readable_on_a_phone_in_both_schemes_and_languages(
    locale: str, scheme: str, chromium: Browser, page_service: Service
) -> None:
    use(page_service)
    async with open_dashboard(
        chromium, page_service.url, locale=locale, color_scheme=scheme, viewport=PHONE, has_touch=True
    ) as tab:
        await expect(tab.page.locator("h1")).to_have_text("今天" if locale == "zh-CN" else "Today")
        for proof in await tab.page.locator(".proof-toggle").all():
            await proof.click()

        assert await overflow(tab.page) == 0
        assert await serious_faults(tab.page) == []
        assert tab.errors == []
        assert tab.elsewhere(page_service.url) == []


async def test_both_languages_say_everything_and_the_choice_is_kept(chromium: Browser, page_service: Service) -> None:
    use(page_service)
    async with open_dashboard(chromium, page_service.url) as tab:
        english = (await text_of(tab.page)).splitlines()
        await tab.page.get_by_role("button", name="中文").click()
        await expect(tab.page.locator("h1")).to_have_text("今天")
        chinese = (await text_of(tab.page)).splitlines()

        titles = [await tab.page.locator(f"#{panel} h2").inner_text() for panel in PANELS]
        assert not set(titles) & set(english)
        assert len(chinese) > 40
        assert await tab.page.evaluate("document.documentElement.lang") == "zh-CN"
        await tab.page.reload()
        await expect(tab.page.locator("h1")).to_have_text("今天")
        assert tab.errors == []


async def test_the_keyboard_alone_chooses_days_reads_points_and_shows_tables(
    chromium: Browser, page_service: Service
) -> None:
    use(page_service)
    async with open_dashboard(chromium, page_service.url) as tab:
        keyboard = tab.page.keyboard
        await tab.page.get_by_role("radio", name="Today").focus()
        await keyboard.press("ArrowRight")
        await expect(tab.page.locator("h1")).to_have_text("The last 7 days")
        await expect(tab.page.get_by_role("radio", name="7 days")).to_be_focused()
        await until_read(tab.page)

        switch = tab.page.locator("#cost .table-switch")
        chart = tab.page.locator("#cost .chart")
        await switch.focus()
        await keyboard.press("Tab")
        await expect(chart).to_be_focused()
        await keyboard.press("End")
        await expect(tab.page.locator("#cost .reading")).to_contain_text("with the cache")
        last = await tab.page.locator("#cost .reading").inner_text()
        await keyboard.press("ArrowLeft")
        await expect(tab.page.locator("#cost .reading")).not_to_have_text(last)
        await keyboard.press("Escape")
        await expect(tab.page.locator("#cost .reading")).to_have_text("")

        await switch.focus()
        await keyboard.press("Enter")
        await expect(chart).to_be_hidden()
        await expect(tab.page.locator("#cost table")).to_be_visible()
        assert len(await rows_of(tab.page, "cost")) == 7
        assert await serious_faults(tab.page) == []


@pytest.mark.parametrize("page_settings", [{"admin_api_keys": f"mei:{KEY}"}], ids=["with an operator's key"])
async def test_an_operator_decides_what_users_disagree_with(chromium: Browser, page_service: Service) -> None:
    said = use(page_service, **{"X-API-Key": KEY})
    async with open_tab(chromium, f"{page_service.url}/dashboard", locale="en-US") as tab:
        await tab.page.get_by_label("Key", exact=True).fill(KEY)
        await tab.page.keyboard.press("Enter")
        await until_read(tab.page)
        await tab.page.locator("#feedback li button").focus()
        await tab.page.keyboard.press("Enter")
        await expect(tab.page.get_by_label("It shows")).to_have_value(said)
        await expect(tab.page.get_by_label("It shows")).to_be_focused()
        assert await serious_faults(tab.page) == []
        await tab.page.get_by_label("Why, for the audit").fill("seen by two people")
        await tab.page.keyboard.press("Enter")
        await expect(tab.page.locator("#feedback").get_by_role("status")).to_contain_text("from now on")
        await expect(tab.page.locator("#feedback .empty")).to_be_visible()
        await expect(tab.page.locator("#audit")).to_contain_text("seen by two people")

        ((_, who, what, _, why),) = await rows_of(tab.page, "audit")
        assert (who, why) == ("mei", "seen by two people")
        assert what.startswith("corrected")
    (entry,) = fetch(page_service, "/audit", KEY)
    assert entry["after"]["category"] == said


async def test_what_cannot_be_read_says_why_and_is_read_later(chromium: Browser, page_service: Service) -> None:
    use(page_service)
    async with open_tab(chromium, "about:blank", locale="en-US") as tab:
        refused = '{"success": false, "error": {"code": "database_unavailable", "message": "The database is away."}}'
        await tab.page.route(
            "**/stats/**", lambda route: route.fulfill(status=503, body=refused, content_type="application/json")
        )
        await tab.page.goto(f"{page_service.url}/dashboard")
        for panel in ("figures", "identity", "cost", "categories", "models", "budget"):
            await expect(tab.page.locator(f"#{panel} .notice")).to_contain_text("(503). The database is away.")

        await tab.page.unroute("**/stats/**")
        await tab.page.get_by_role("radio", name="30 days").click()
        await until_read(tab.page)
        await expect(tab.page.locator(".panel .notice")).to_have_count(0)
        requests = fetch(page_service, "/stats/today")["total_requests"]
        await expect(tab.page.locator('[data-figure="requests"] .value')).to_have_text(f"{requests}")


async def test_what_somebody_is_in_stays_when_the_figures_are_read_again(
    chromium: Browser, page_service: Service
) -> None:
    use(page_service)
    async with open_dashboard(chromium, page_service.url) as tab:
        await tab.page.locator("#cost .chart").focus()
        await tab.page.keyboard.press("End")
        async with tab.page.expect_response("**/stats/trend*", timeout=90_000):  # each minute
            read = await tab.page.locator("#cost .reading").inner_text()
        await expect(tab.page.locator("#cost .chart")).to_be_focused()
        await expect(tab.page.locator("#cost .reading")).to_have_text(read)
        await tab.page.locator("#cost .table-switch").click()
        async with tab.page.expect_response("**/stats/trend*", timeout=90_000):
            pass
        await expect(tab.page.locator("#cost .chart")).to_be_hidden()
