"""The TypeScript client in Chromium: tabs that are closed, pages without `crypto.subtle`, canvases that lie."""

import hashlib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from app.utils.content_hash.content_hash import content_hash
from tests.factories import make_image
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.service_process import Service
from tests.support.typescript_app import OTHER_HOST, App, large_photo, record_of, saved
from tests.support.waiting import until


async def test_a_tab_that_was_closed_in_the_middle_goes_on_and_pays_nothing_again(
    browser: App, service: Service, fake_models: FakeModels, tmp_path: Path
) -> None:
    photos = [saved(tmp_path, make_image("JPEG"), f"{number}.jpg") for number in range(3)]
    fake_models.script = [Behaviour(), Behaviour(hang=True)]
    async with browser.classify(service.url, *photos) as running:
        await until(lambda: len(fake_models.calls) == 2, 60)
        await running.say("close")
        await running.until(lambda line: line.get("tab") == "closed")
        await running.step("upload", "started")  # of the second photo, of which the model is still being asked
        fake_models.released.set()
        outcomes = (await running.end())[-3:]

    assert [outcome["answer"]["uploaded"] for outcome in outcomes] == ["nothing", "original", "original"]
    assert len(fake_models.calls) == 3


async def test_a_page_on_plain_http_hashes_without_the_browsers_help(
    browser: App, page: str, service: Service, tmp_path: Path
) -> None:
    data = make_image("JPEG")
    place = {"page": page.replace("127.0.0.1", OTHER_HOST), "hosts": f"MAP {OTHER_HOST} 127.0.0.1"}
    elsewhere = App(browser.folder, browser.script, {**browser.place, **place})
    async with elsewhere.classify(service.url, saved(tmp_path, data)) as running:
        (outcome,) = await running.end()

    assert {"isSecure": False} in running.lines
    assert {"workers": 1} in running.lines
    assert outcome["answer"]["hashes"]["imageHash"] == hashlib.sha256(data).hexdigest()
    assert outcome["answer"]["hashes"]["contentHash"] == content_hash(data)


async def test_a_page_without_the_worker_hashes_all_the_same(browser: App, service: Service, tmp_path: Path) -> None:
    data = make_image("JPEG")
    async with browser.classify(service.url, saved(tmp_path, data), workerUrl="/nowhere.js") as running:
        (outcome,) = await running.end()

    assert {"workers": 0} in running.lines
    assert outcome["answer"]["hashes"]["contentHash"] == content_hash(data)


@pytest.mark.parametrize("orientation", [1, 6])
async def test_a_large_photo_is_sent_as_a_small_upright_copy(
    orientation: int, browser: App, service: Service, fake_models: FakeModels, tmp_path: Path
) -> None:
    photo = saved(tmp_path, large_photo(orientation))
    async with browser.classify(service.url, photo) as running:
        shrunk = await running.step("shrink", "ended")
        (outcome,) = await running.end()

    assert outcome["answer"]["uploaded"] == "copy"
    assert shrunk["bytes"] < photo.stat().st_size / 4
    assert record_of(service, outcome["answer"])["image_size"] == shrunk["bytes"]
    with Image.open(BytesIO(fake_models.calls[0].jpeg)) as seen:
        width, height = seen.size
        assert (width > height) == (orientation == 1)
        third = (width // 3, height) if orientation == 1 else (width, height // 3)
        dark, light = seen.crop((0, 0, *third)), seen.crop((width - third[0], height - third[1], width, height))
    assert mean_of(dark) < mean_of(light)


async def test_a_photo_that_was_sent_as_a_copy_is_known_by_the_copy_in_another_tab(
    browser: App, service: Service, fake_models: FakeModels, tmp_path: Path
) -> None:
    """The browser makes the same bytes of it again, and nobody has to believe what it says of the original."""
    photo = saved(tmp_path, large_photo(size=(2000, 1500)))
    async with browser.classify(service.url, photo) as running:
        (first,) = await running.end()
    async with browser.classify(service.url, photo) as running:
        (again,) = await running.end()

    assert [outcome["answer"]["uploaded"] for outcome in (first, again)] == ["copy", "nothing"]
    assert again["answer"]["matchedBy"] == "bytes"
    assert len(fake_models.calls) == 1


def mean_of(image: Image.Image) -> float:
    return sum(image.convert("L").tobytes()) / (image.width * image.height)


PERTURBED = """
const read = OffscreenCanvasRenderingContext2D.prototype.getImageData;
OffscreenCanvasRenderingContext2D.prototype.getImageData = function (...place) {
  const pixels = read.apply(this, place);
  for (let at = 0; at < pixels.data.length; at += 401) pixels.data[at] ^= 1;
  return pixels;
};
"""
BLANK_FROM = """
const encode = OffscreenCanvas.prototype.convertToBlob;
OffscreenCanvas.prototype.convertToBlob = function (options) {
  const blank = new OffscreenCanvas(this.width, this.height);
  blank.getContext("2d"); // without a context it would be an error, and not blank
  return encode.call(this.width >= %d ? blank : this, options);
};
"""
BLANK = BLANK_FROM % 1
BLANK_WHEN_LARGE = BLANK_FROM % 100
DRAWS_NOTHING = "OffscreenCanvasRenderingContext2D.prototype.drawImage = () => {};"
NO_DECODER = "globalThis.createImageBitmap = () => Promise.reject(new DOMException('', 'InvalidStateError'));"


@pytest.mark.parametrize(
    "before",
    [PERTURBED, BLANK, BLANK_WHEN_LARGE, DRAWS_NOTHING, NO_DECODER],
    ids=["perturbed", "blank", "blank when large", "draws nothing", "no decoder"],
)
async def test_the_original_is_sent_where_the_canvas_cannot_be_trusted(
    before: str, browser: App, service: Service, tmp_path: Path
) -> None:
    data = large_photo()
    disturbed = App(browser.folder, browser.script, {**browser.place, "before": before})
    async with disturbed.classify(service.url, saved(tmp_path, data)) as running:
        (outcome,) = await running.end()

    assert outcome["answer"]["uploaded"] == "original"
    assert record_of(service, outcome["answer"])["image_hash"] == hashlib.sha256(data).hexdigest()
