"""The page `/` when things go wrong: lost connections, broken photos, lying browsers, keys, models that are away."""

import asyncio
import hashlib
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Route, expect

from tests.factories import make_image
from tests.slow.test_typescript_client_in_browsers import BLANK_WHEN_LARGE, PERTURBED
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.service_process import Service
from tests.support.tcp_proxy import TcpProxy
from tests.support.try_page import MS, badges, choose, expect_done, line_of
from tests.support.typescript_app import OTHER_HOST, large_photo, saved
from tests.support.waiting import until
from tests.support.web_browser import Tab, open_tab

UPLOAD = "/api/v1/classify"
KEY = "a-key-for-the-apps-7f3a9c51"
NO_NETWORK = "Object.defineProperty(Navigator.prototype, 'onLine', { get: () => false })"
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 780}, "has_touch": True}


async def test_fifty_photos_of_which_one_is_broken_survive_a_lost_connection(
    tab: Tab, fake_models: FakeModels, broken: Path, tmp_path: Path
) -> None:
    photos = [saved(tmp_path, make_image("JPEG"), f"{number:02}.jpg") for number in range(49)]
    await tab.page.evaluate(
        "globalThis.told = []; new MutationObserver(() => told.push(performance.now()))"
        ".observe(document.querySelector('[role=status]'), {childList: true, characterData: true, subtree: true})"
    )
    await choose(tab, *photos[:20], broken, *photos[20:])
    await until(lambda: len(fake_models.calls) >= 5, 60)
    await tab.page.context.set_offline(True)
    await expect(tab.page.get_by_text("There is no connection to the service.").first).to_be_visible()
    await expect(tab.page.locator(".photo[data-state=waiting]").nth(20)).to_be_attached()

    await tab.page.context.set_offline(False)
    await expect_done(tab, 49, failed=1)

    assert len(fake_models.calls) == 49
    await expect(tab.page.locator(".summary")).to_contain_text("50 of 50 done")
    await expect(line_of(tab.page, broken)).to_contain_text("This file is damaged")
    await expect(line_of(tab.page, broken).get_by_role("button")).to_have_count(0)  # nothing would help
    async with asyncio.timeout(10):  # the last is told when a listener has had the time for those before it
        while len(told := await tab.page.evaluate("told")) < 2:
            await asyncio.sleep(0.1)
    assert min(later - earlier for earlier, later in pairwise(told)) > 1_900
    drawn = await tab.page.evaluate(
        "[...document.querySelectorAll('.thumbnail')].filter((one) => one.width > 1).length"
    )
    assert drawn < 25  # those that are in sight


async def test_on_plain_http_by_the_machines_own_name_all_works(
    chromium: Browser, page_service: Service, photos: list[Path], fake_models: FakeModels
) -> None:
    address = page_service.url.replace("127.0.0.1", OTHER_HOST)
    async with open_tab(chromium, address) as tab:
        assert await tab.page.evaluate("[isSecureContext, typeof crypto.subtle]") == [False, "undefined"]
        await choose(tab, photos[0])
        await expect_done(tab, 1)
        await choose(tab, photos[0])
        await expect_done(tab, 2)
        await tab.page.get_by_role("button", name="Copy").click()

        await expect(tab.page.get_by_role("button", name="Copied")).to_be_visible()
        assert await badges(tab.page) == ["Asked the model", "Same file"]
        assert len(fake_models.calls) == 1
        assert (tab.errors, tab.elsewhere(address)) == ([], [])


@pytest.mark.parametrize("before", [PERTURBED, BLANK_WHEN_LARGE], ids=["perturbed", "blank"])
async def test_where_the_canvas_cannot_be_trusted_the_original_is_sent(
    before: str, chromium: Browser, page_service: Service, tmp_path: Path
) -> None:
    data = large_photo()
    photo = saved(tmp_path, data)
    async with open_tab(chromium, page_service.url, before) as tab:
        await choose(tab, photo)
        await expect_done(tab, 1)
    async with open_tab(chromium, page_service.url) as again:
        await choose(again, photo)
        await expect_done(again, 1)

        assert again.sent(UPLOAD) == []  # a copy would have another name
        await expect(again.page.get_by_role("tabpanel")).to_contain_text(hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("page_settings", [{"api_keys": KEY}])
async def test_where_a_key_is_wanted_the_page_asks_for_it_and_keeps_it_in_memory_alone(
    tab: Tab, photos: list[Path]
) -> None:
    await choose(tab, *photos)
    await tab.page.get_by_label("Key").fill("not-a-key-of-this-service")
    await tab.page.get_by_role("button", name="Use it").click()
    await expect(tab.page.get_by_text("The service does not know this key.")).to_be_visible(timeout=MS)
    await tab.page.get_by_label("Key").fill(KEY)
    await tab.page.get_by_role("button", name="Use it").click()
    await expect_done(tab, 3)

    kept = await tab.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert KEY not in kept
    assert [one.url for one in tab.requests if KEY in one.url] == []


@pytest.mark.parametrize("page_settings", [{"api_keys": KEY}])
async def test_without_a_key_a_whole_folder_is_not_asked_about(tab: Tab, tmp_path: Path) -> None:
    photos = [saved(tmp_path, make_image("JPEG", size=(40, 30)), f"{number:03}.jpg") for number in range(120)]
    await choose(tab, *photos)
    await expect_done(tab, 0, failed=120)

    await expect(tab.page.get_by_label("Key")).to_be_visible()
    assert len(tab.sent("/check-cache/batch")) == 1


async def test_one_more_photo_does_not_wait_for_the_whole_folder(
    tab: Tab, fake_models: FakeModels, photos: list[Path], tmp_path: Path
) -> None:
    folder = [saved(tmp_path, make_image("JPEG"), f"{number:02}.jpg") for number in range(60)]
    fake_models.script = [Behaviour()] * 53
    fake_models.behaviour = Behaviour(hang=True)  # the last ten of the folder wait for good
    await choose(tab, *folder)
    await choose(tab, photos[0])

    await expect(line_of(tab.page, photos[0])).to_have_attribute("data-state", "done", timeout=MS)
    await expect(tab.page.locator(".photo[data-state=running]")).not_to_have_count(0)


async def test_a_service_that_goes_away_is_waited_for(
    page_service: Service, chromium: Browser, photos: list[Path]
) -> None:
    """The browser's own network is there all the time."""
    async with (
        TcpProxy.running("127.0.0.1", httpx.URL(page_service.url).port or 0) as proxy,
        open_tab(chromium, f"http://127.0.0.1:{proxy.port}") as tab,
    ):
        await expect(tab.page.locator(".health")).to_contain_text("Healthy")
        proxy.reset_all()
        await choose(tab, *photos)
        await expect(tab.page.locator(".summary .notice")).to_contain_text("3 photos wait")
        proxy.heal()
        await expect_done(tab, 3)


async def test_a_service_on_a_machine_without_any_network_is_used_all_the_same(
    chromium: Browser, page_service: Service, fake_models: FakeModels, photos: list[Path]
) -> None:
    """As in flight mode: the browser calls itself offline, and only asking the service tells that it is there."""
    fake_models.script = [Behaviour(hang=True)]
    async with open_tab(chromium, page_service.url, NO_NETWORK) as tab:
        await choose(tab, *photos)
        await until(lambda: len(fake_models.calls) > 0)
        async with tab.page.expect_response("**/health/live"):
            await tab.page.evaluate("dispatchEvent(new Event('offline'))")
        await expect(tab.page.locator(".photo[data-state=running]")).not_to_have_count(0)
        fake_models.released.set()
        await expect_done(tab, 3)

    assert len(fake_models.calls) == 3


async def test_what_the_service_says_of_itself_is_asked_for_with_pauses_that_grow(
    chromium: Browser, page_service: Service
) -> None:
    asked: list[float] = []

    async def refuse_twice(route: Route) -> None:
        asked.append(time.monotonic())
        await (route.continue_() if len(asked) > 2 else route.fulfill(status=503, json={}))

    async with open_tab(chromium, "about:blank") as tab:
        await tab.page.route("**/api/v1/about", refuse_twice)
        await tab.page.goto(page_service.url)
        await expect(tab.page.get_by_text("They are not stored.")).to_be_visible(timeout=MS)

    first, second = (later - earlier for earlier, later in pairwise(asked))
    assert (first > 1.9, second > 3.9) == (True, True)


async def test_failures_are_listed_with_their_cause_and_tried_again_together(
    tab: Tab, fake_models: FakeModels, photos: list[Path], broken: Path
) -> None:
    fake_models.behaviour = Behaviour(text="no answer")
    await choose(tab, *photos[:2], broken)
    await expect_done(tab, 0, failed=3)
    listed = tab.page.locator(".failures")
    await expect(listed).to_contain_text("3 photos failed")
    await expect(listed).to_contain_text("photo-0.jpg The model gave an answer that names none")

    fake_models.behaviour = Behaviour()
    await tab.page.get_by_role("button", name="Try all again").click()

    await expect_done(tab, 2, failed=1)  # the broken one was left alone
    await expect(listed).to_contain_text("1 photo failed")


async def test_a_photo_that_waits_for_its_model_says_why_and_how_long(
    tab: Tab, fake_models: FakeModels, photos: list[Path]
) -> None:
    fake_models.script = [Behaviour(status=529)] * 2
    await choose(tab, photos[0])

    await expect(tab.page.get_by_text("The model cannot be reached at the moment. The next try is in")).to_be_visible()
    await expect_done(tab, 1)


@pytest.mark.parametrize("page_settings", [{"local_fallback": "unavailable"}])
async def test_where_no_model_could_be_asked_nothing_is_said_to_be_paid(
    tab: Tab, fake_models: FakeModels, photos: list[Path]
) -> None:
    fake_models.script = [Behaviour(), Behaviour(status=401)]
    await choose(tab, photos[0])
    await expect_done(tab, 1)
    await choose(tab, photos[1])
    await expect_done(tab, 2)

    assert await badges(tab.page) == ["Asked the model", "No model could be asked"]
    await expect(line_of(tab.page, photos[0])).to_contain_text("uploaded, $0.01")
    await expect(line_of(tab.page, photos[1])).not_to_contain_text("$")


async def test_whoever_leaves_in_the_middle_is_asked_and_goes_on_for_free(
    chromium: Browser, page_service: Service, fake_models: FakeModels, photos: list[Path]
) -> None:
    fake_models.script = [Behaviour(), Behaviour(hang=True)]
    async with open_tab(chromium, page_service.url) as tab:
        asked: list[str] = []
        tab.page.on("dialog", lambda dialog: asked.append(dialog.type))
        await choose(tab, *photos[:2])
        await expect(tab.page.locator(".photo[data-state=done]")).to_have_count(1, timeout=MS)
        await expect(tab.page.get_by_text("drop the same folder again, and it continues for free")).to_be_visible()
        await tab.page.close(run_before_unload=True)
        await until(lambda: asked == ["beforeunload"])
    fake_models.released.set()
    async with open_tab(chromium, page_service.url) as again:
        await choose(again, *photos[:2])
        await expect_done(again, 2)

    assert len(fake_models.calls) == 2
