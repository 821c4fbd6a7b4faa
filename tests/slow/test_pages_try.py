"""The page `/` in Chromium, on the running service: what people see and do, in all that may happen to them."""

import base64
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.factories import make_image
from tests.support.camera_photos import SAMPLE_CATEGORIES, SAMPLES, camera_photo, sample_pictures
from tests.support.client_versions import shrunk
from tests.support.fake_model_server import FakeModels
from tests.support.seeing_model import SeeingModel
from tests.support.service_process import Service
from tests.support.try_page import badges, choose, expect_done, line_of
from tests.support.typescript_app import large_photo, saved
from tests.support.web_browser import Tab, open_tab, overflow, serious_faults

PASTE = """(base64) => {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File([bytes], "pasted.png", { type: "image/png" }));
  document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
}"""
UPLOAD = "/api/v1/classify"
KEY = "a-key-for-the-apps-7f3a9c51"
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 780}, "has_touch": True, "is_mobile": True}


async def test_the_samples_are_classified_and_the_second_time_nothing_is_uploaded(
    chromium: Browser, page_service: Service, tab: Tab, fake_models: FakeModels
) -> None:
    samples = sorted(path for path in SAMPLES.iterdir() if path.suffix in {".png", ".jpg"})
    await choose(tab, *samples)
    await expect_done(tab, len(samples))
    paid = len(fake_models.calls)

    async with open_tab(chromium, page_service.url) as again:
        await choose(again, *samples)
        await expect_done(again, len(samples))

        assert len(tab.sent(UPLOAD)) == len(samples) == paid
        assert again.sent(UPLOAD) == []
        assert await badges(again.page) == ["Same file"] * len(samples)
        await expect(again.page.locator(".savings .figure")).to_contain_text("$0.06")
    assert len(fake_models.calls) == paid


async def test_a_photo_and_its_messengers_version_are_paid_once_and_the_page_says_why(
    tab: Tab, fake_models: FakeModels, tmp_path: Path
) -> None:
    photo = camera_photo(sample_pictures()["cat"], 0, 1600)
    fake_models.answer = SeeingModel.of({"cat": photo}, SAMPLE_CATEGORIES)
    original, sent = saved(tmp_path, photo, "IMG_1.jpg"), saved(tmp_path, shrunk(photo), "from-messenger.jpg")
    await choose(tab, original)
    await expect_done(tab, 1)
    await choose(tab, sent)
    await expect_done(tab, 2)

    line = line_of(tab.page, sent)
    assert len(fake_models.calls) == 1
    assert await badges(tab.page) == ["Asked the model", "Same picture, re-encoded"]
    await expect(line).to_contain_text("a smaller or re-encoded copy, as messengers make them")
    await expect(line).to_contain_text("$0.01 not spent")
    await expect(line).to_contain_text("Pet Photos")


async def test_of_a_large_photo_the_page_says_that_its_smaller_copy_was_sent_and_then_known(
    tab: Tab, fake_models: FakeModels, tmp_path: Path
) -> None:
    photo = saved(tmp_path, large_photo())
    code = tab.page.get_by_role("tabpanel")
    await choose(tab, photo)
    await expect_done(tab, 1)
    await expect(code).to_contain_text("upload it; this page sent a smaller copy in its place\ncurl $API/classify ")

    await choose(tab, photo)
    await expect_done(tab, 2)

    assert await badges(tab.page) == ["Asked the model", "Same smaller copy"]
    await expect(code).to_contain_text(
        "upload it; this page made a smaller copy, and that was known\ncurl $API/classify "
    )
    await expect(code).not_to_contain_text('"cached": true')
    assert len(tab.sent(UPLOAD)) == len(fake_models.calls) == 1


async def test_the_page_speaks_the_readers_language_and_changes_it_in_the_middle(
    chromium: Browser, page_service: Service, photos: list[Path]
) -> None:
    async with open_tab(chromium, page_service.url, locale="zh-CN") as tab:
        page = tab.page
        await expect(page.get_by_role("heading", level=1)).to_have_text("这张照片属于八类中的哪一类？")
        await page.get_by_label("选择照片").set_input_files(photos[0])
        await expect(page.locator(".photo .badge")).to_have_text("已询问模型")

        await page.get_by_role("button", name="English").click()

        await expect(page.locator(".photo .badge")).to_have_text("Asked the model")
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await page.reload()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Which of eight kinds is this photo?")
        assert tab.errors == []


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
async def test_on_a_phone_nothing_is_wider_than_the_window(
    locale: str, chromium: Browser, page_service: Service, photos: list[Path], broken: Path, tmp_path: Path
) -> None:
    name = "a_name_without_any_place_to_break_it_" * 3
    long_name = saved(tmp_path, make_image("JPEG"), f"{name}.jpg")
    async with open_tab(chromium, page_service.url, locale=locale, **PHONE) as tab:
        assert await overflow(tab.page) == 0
        await tab.page.locator(".primary input").set_input_files([*photos, broken, long_name])
        await expect_done(tab, 4, failed=1)
        assert await overflow(tab.page) == 0
        await tab.page.locator(".quiet").nth(1).click()
        await expect(tab.page.locator(".choice")).to_have_count(7)
        assert await overflow(tab.page) == 0
        await expect(tab.page.locator(".camera")).to_be_visible()


async def test_everything_is_done_with_the_keyboard_alone(tab: Tab, photos: list[Path]) -> None:
    page, keys = tab.page, tab.page.keyboard
    await until_focused(tab, "Choose photos")
    async with page.expect_file_chooser() as chooser:
        await keys.press("Enter")
    await (await chooser.value).set_files(photos[0])
    await expect_done(tab, 1)

    await until_focused(tab, "This is wrong")
    await keys.press("Enter")
    await expect(page.locator(".choice").first).to_be_focused()
    await keys.press("Escape")
    await expect(page.locator(".choice")).to_have_count(0)
    await expect(page.get_by_role("button", name="Show the call")).to_be_focused()
    await keys.press("Enter")
    await until_focused(tab, "curl")
    for language in ("TypeScript", "Dart", "Python", "curl", "TypeScript"):
        await keys.press("ArrowRight")
        await expect(page.get_by_role("tab", name=language)).to_be_focused()
    await expect(page.get_by_role("tabpanel")).to_contain_text('classifier.classify("photo-0.jpg")')


async def until_focused(tab: Tab, words: str) -> None:
    """Press Tab until what has the focus is called so."""
    for _ in range(30):
        await tab.page.keyboard.press("Tab")
        named = await tab.page.evaluate(
            "(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()"
        )
        if named.startswith(words):
            return
    pytest.fail(f"Tab never came to {words}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious_in_any_state(
    scheme: str, chromium: Browser, page_service: Service, photos: list[Path], broken: Path
) -> None:
    async with open_tab(chromium, page_service.url, color_scheme=scheme) as tab:
        assert await serious_faults(tab.page) == []
        await choose(tab, photos[0], photos[0], broken)
        await expect_done(tab, 2, failed=1)
        await tab.page.get_by_role("button", name="This is wrong").first.click()
        assert await serious_faults(tab.page) == []
        await tab.page.context.set_offline(True)
        await choose(tab, photos[1])
        await expect(tab.page.locator(".summary > .notice")).to_be_visible()
        assert await serious_faults(tab.page) == []


async def test_who_says_that_it_is_wrong_gets_their_own_answer_from_then_on(tab: Tab, photos: list[Path]) -> None:
    await choose(tab, photos[0])
    await expect_done(tab, 1)
    await tab.page.get_by_role("button", name="This is wrong").click()
    choice = tab.page.locator(".choice").first
    said = await choice.inner_text()
    await choice.click()
    await expect(tab.page.get_by_text(f"You say: {said}.")).to_be_visible()

    await tab.page.reload()
    await choose(tab, photos[0])
    await expect_done(tab, 1)

    assert await badges(tab.page) == ["Your correction"]
    await expect(tab.page.locator(".photo h3")).to_contain_text(said)


async def test_a_folder_that_is_dropped_gives_its_photos_and_a_picture_can_be_pasted(
    tab: Tab, photos: list[Path], tmp_path: Path
) -> None:
    inside = tmp_path / "album" / "2026"
    inside.mkdir(parents=True)
    for photo in photos:
        photo.rename(inside / photo.name)
    saved(inside, b"not a photo", "notes.txt")
    browser = await tab.page.context.new_cdp_session(tab.page)
    data = {"items": [], "files": [str(tmp_path / "album")], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        await browser.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": data})
    await expect_done(tab, 3)
    await expect(tab.page.get_by_text("1 file that is no photo was left out.")).to_be_visible()

    pasted = base64.b64encode(make_image("PNG")).decode()
    await tab.page.evaluate(PASTE, pasted)

    await expect_done(tab, 4)
    await expect(tab.page.locator(".photo").last).to_contain_text("pasted.png")


@pytest.mark.parametrize("page_settings", [{"llm_provider": "local"}])
async def test_where_no_model_is_configured_the_page_says_so_and_speaks_of_no_money(tab: Tab) -> None:
    await choose(tab, SAMPLES / "cat.png")
    await expect_done(tab, 1)
    await choose(tab, SAMPLES / "cat.png")
    await expect_done(tab, 2)

    await expect(tab.page.get_by_text("a small network inside this service answers")).to_be_visible()
    assert await badges(tab.page) == ["Asked the small network", "Same file"]
    await expect(tab.page.locator("body")).not_to_contain_text("$0")


@pytest.mark.parametrize("page_settings", [{"admin_api_keys": "a-key-for-operators-84b60e2d"}])
async def test_where_costs_are_for_operators_the_page_counts_bytes_alone(tab: Tab, photos: list[Path]) -> None:
    await choose(tab, photos[0])
    await expect_done(tab, 1)
    await choose(tab, photos[0])
    await expect_done(tab, 2)

    assert await badges(tab.page) == ["Asked the model", "Same file"]
    await expect(tab.page.locator(".savings .figure")).to_contain_text("KB")
    await expect(tab.page.locator("body")).not_to_contain_text("$0")
