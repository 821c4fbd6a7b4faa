"""The TypeScript client against the real service, in Node, Chromium, and as an app of React Native and Expo."""

import asyncio
import hashlib
import json
import random
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from app.utils.content_hash.content_hash import content_hash
from tests.conftest import settings_for_provider
from tests.factories import make_image
from tests.support.client_process import ClientProcess
from tests.support.content_hash_promise import mutant, originals
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.service_process import Service, running_service
from tests.support.tcp_proxy import TcpProxy
from tests.support.typescript_client import built_client, run_in
from tests.support.waiting import until

USER = "device-42"
PAGE = '<!DOCTYPE html><meta charset="utf-8"><title>An app</title><input type="file" multiple>'
OTHER_HOST = "photos.test"


@pytest.fixture(scope="module")
def client() -> Path:
    try:
        return built_client()
    except RuntimeError as reason:
        pytest.skip(f"the client cannot be built: {reason}")


@pytest.fixture(scope="module")
def page(client: Path) -> Iterator[str]:
    """A page of another origin than the service's, with the client beside it."""
    (client / "index.html").write_text(PAGE)
    quiet = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=str(client)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass(frozen=True)
class App:
    """An app with the client, that has yet to be started."""

    folder: Path
    script: str
    place: dict[str, object]

    def classify(self, url: str, *photos: Path, **options: object) -> AbstractAsyncContextManager[ClientProcess]:
        order = {**self.place, "options": {"url": url, "userId": USER, **options}, "photos": [str(p) for p in photos]}
        return ClientProcess.running(self.folder, self.script, **order)


@pytest.fixture
def browser(client: Path, page: str) -> App:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium on the PATH")
    return App(client, "browser.mjs", {"chromium": found, "page": page})


@pytest.fixture(params=["node", "browser"])
def app(request: pytest.FixtureRequest, client: Path) -> App:
    if request.param == "node":
        return App(client, "node.mjs", {})
    found: App = request.getfixturevalue("browser")
    return found


@pytest.fixture(scope="module")
def settings(running_fake_models: FakeModels, page: str) -> dict[str, Any]:
    origins = f"{page},{page.replace('127.0.0.1', OTHER_HOST)}"
    return {**settings_for_provider("openai", running_fake_models), "cors_origins": origins}


@pytest.fixture(scope="module")
def service(settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("service"), **settings) as running:
        yield running


@asynccontextmanager
async def proxy_of(service: Service) -> AsyncIterator[TcpProxy]:
    async with TcpProxy.running("127.0.0.1", httpx.URL(service.url).port or 0) as proxy:
        yield proxy


def saved(folder: Path, data: bytes, name: str = "photo.jpg") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def large_photo(orientation: int = 1, size: tuple[int, int] = (2400, 1600)) -> bytes:
    """Return a JPEG of some megabytes, coarse colours under fine noise: its left half is darker."""
    noise = Image.frombytes("RGB", size, random.Random(7).randbytes(size[0] * size[1] * 3))
    coarse = Image.open(BytesIO(make_image("PNG", size=size)))
    coarse.paste((0, 0, 40), (0, 0, size[0] // 2, size[1]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    output = BytesIO()
    Image.blend(coarse, noise, 0.3).save(output, "JPEG", quality=95, exif=exif)
    return output.getvalue()


def record_of(service: Service, answer: dict[str, Any]) -> dict[str, Any]:
    got = httpx.get(f"{service.url}/api/v1/requests/{answer['requestId']}", headers={"X-User-ID": USER})
    data: dict[str, Any] = got.json()["data"]
    return data


def test_the_client_and_the_service_name_2000_changed_files_alike(client: Path, tmp_path: Path) -> None:
    pool, chance = originals(), random.Random(20261130)
    files = {str(number): mutant(pool, chance)[1] for number in range(2000)}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)

    named = json.loads(run_in(client, "node", "test/service/hashes.mjs", str(tmp_path)))

    expected = {name: content_hash(data) for name, data in files.items()}
    assert named == expected
    assert len({hash for hash in expected.values() if hash}) > 300


async def test_a_photo_is_uploaded_once_and_then_known_by_its_bytes_and_by_its_content(
    app: App, service: Service, fake_models: FakeModels, tmp_path: Path
) -> None:
    data = make_image("JPEG")
    padded = saved(tmp_path, data + bytes(100), "padded.jpg")
    async with app.classify(service.url, saved(tmp_path, data), padded) as first:
        new, same = await first.end()
    async with app.classify(service.url, saved(tmp_path, data)) as again:
        (known,) = await again.end()

    assert (new["answer"]["uploaded"], new["answer"]["matchedBy"]) == ("original", None)
    assert (same["answer"]["uploaded"], same["answer"]["matchedBy"]) == ("nothing", "content")
    assert (known["answer"]["uploaded"], known["answer"]["matchedBy"]) == ("nothing", "bytes")
    assert new["answer"]["hashes"] == {
        "imageHash": hashlib.sha256(data).hexdigest(), "contentHash": content_hash(data),
    }  # fmt: skip
    assert record_of(service, new["answer"])["image_hash"] == hashlib.sha256(data).hexdigest()
    assert len(fake_models.calls) == 1


async def test_a_model_that_is_away_is_waited_for(
    app: App, service: Service, fake_models: FakeModels, tmp_path: Path
) -> None:
    fake_models.script = [Behaviour(status=529)] * 2
    async with app.classify(service.url, saved(tmp_path, make_image("JPEG"))) as running:
        waited = await running.step("wait", "started")
        (outcome,) = await running.end()

    assert (waited["code"], waited["ms"]) == ("model_unavailable", 1000)  # as Retry-After says
    assert outcome["answer"]["uploaded"] == "original"
    assert len(fake_models.calls) == 3  # two refused, one paid


async def test_an_answer_that_took_too_long_is_fetched_and_not_paid_again(
    app: App, service: Service, fake_models: FakeModels, tmp_path: Path
) -> None:
    fake_models.script = [Behaviour(hang=True)]
    async with app.classify(service.url, saved(tmp_path, make_image("JPEG")), uploadTimeoutMs=1000) as running:
        assert (await running.step("wait", "started"))["code"] == "timeout"
        await running.step("check", "started")
        fake_models.released.set()
        (outcome,) = await running.end()

    assert outcome["answer"]["uploaded"] == "original"
    assert len(fake_models.calls) == 1


async def test_a_connection_cut_in_the_middle_of_an_upload_is_survived(
    app: App, service: Service, fake_models: FakeModels, tmp_path: Path
) -> None:
    photo = saved(tmp_path, large_photo())
    async with proxy_of(service) as proxy:
        proxy.bytes_until_reset = photo.stat().st_size // 2
        address = f"http://127.0.0.1:{proxy.port}"
        async with app.classify(address, photo, originalBelowBytes=100_000_000) as running:
            assert (await running.step("wait", "started"))["code"] == "network_error"
            proxy.heal()
            (outcome,) = await running.end()

    assert outcome["answer"]["uploaded"] == "original"
    assert record_of(service, outcome["answer"])["image_hash"] == hashlib.sha256(photo.read_bytes()).hexdigest()
    assert len(fake_models.calls) == 1


async def test_an_answer_that_was_cut_off_is_fetched_and_not_paid_again(
    app: App, service: Service, fake_models: FakeModels, tmp_path: Path
) -> None:
    fake_models.script = [Behaviour(hang=True)]
    photo = saved(tmp_path, make_image("JPEG"))
    async with proxy_of(service) as proxy, app.classify(f"http://127.0.0.1:{proxy.port}", photo) as running:
        await running.step("upload", "started")
        await until(lambda: len(fake_models.calls) == 1)
        proxy.reset_all()
        await running.step("wait", "started")
        fake_models.released.set()
        proxy.heal()
        (outcome,) = await running.end()

    assert outcome["answer"]["fromCache"] is True
    assert len(fake_models.calls) == 1


async def test_a_restart_of_the_service_is_survived(
    app: App, settings: dict[str, Any], fake_models: FakeModels, tmp_path: Path
) -> None:
    photos = [saved(tmp_path, make_image("JPEG"), f"{number}.jpg") for number in range(2)]
    with running_service(tmp_path, **settings) as service:
        async with proxy_of(service) as proxy:
            address = f"http://127.0.0.1:{proxy.port}"
            async with app.classify(address, photos[0]) as before:
                await before.end()
            service.process.terminate()
            await asyncio.to_thread(service.process.wait)
            proxy.reset_all()
            async with app.classify(address, *photos, maxRetries=30) as running:
                assert (await running.step("wait", "started"))["code"] == "network_error"
                with running_service(tmp_path, **settings) as restarted:
                    proxy.lead_to("127.0.0.1", httpx.URL(restarted.url).port or 0)
                    proxy.heal()
                    known, new = await running.end()

    assert (known["answer"]["fromCache"], new["answer"]["fromCache"]) == (True, False)
    assert len(fake_models.calls) == 2


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
BLANK = """
const encode = OffscreenCanvas.prototype.convertToBlob;
OffscreenCanvas.prototype.convertToBlob = function (options) {
  return encode.call(new OffscreenCanvas(this.width, this.height), options);
};
"""
BLANK_WHEN_LARGE = """
const encode = OffscreenCanvas.prototype.convertToBlob;
OffscreenCanvas.prototype.convertToBlob = function (options) {
  return encode.call(this.width > 100 ? new OffscreenCanvas(this.width, this.height) : this, options);
};
"""
DRAWS_NOTHING = "OffscreenCanvasRenderingContext2D.prototype.drawImage = () => {};"
NO_DECODER = "globalThis.createImageBitmap = () => Promise.reject(new DOMException('', 'InvalidStateError'));"


@pytest.mark.parametrize("before", [PERTURBED, BLANK, BLANK_WHEN_LARGE, DRAWS_NOTHING, NO_DECODER])
async def test_the_original_is_sent_where_the_canvas_cannot_be_trusted(
    before: str, browser: App, service: Service, tmp_path: Path
) -> None:
    data = large_photo()
    disturbed = App(browser.folder, browser.script, {**browser.place, "before": before})
    async with disturbed.classify(service.url, saved(tmp_path, data)) as running:
        (outcome,) = await running.end()

    assert outcome["answer"]["uploaded"] == "original"
    assert record_of(service, outcome["answer"])["image_hash"] == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("expo", [False, True], ids=["bare React Native", "Expo 57 and later"])
async def test_an_apps_photos_arrive_byte_for_byte(
    expo: bool, client: Path, service: Service, fake_models: FakeModels, tmp_path: Path
) -> None:
    files = [make_image("JPEG"), make_image("PNG"), make_image("WEBP")]
    order = [saved(tmp_path, data, f"{number}.jpg") for number, data in enumerate(files)]
    async with App(client, "react-native.mjs", {"expo": expo}).classify(service.url, *order) as running:
        outcomes = await running.end()

    recorded = [record_of(service, outcome["answer"])["image_hash"] for outcome in outcomes]
    assert recorded == [hashlib.sha256(data).hexdigest() for data in files]
    assert [outcome["answer"]["hashes"]["contentHash"] for outcome in outcomes] == [
        content_hash(data) for data in files
    ]
    refused = next(line["refused"] for line in running.lines if "refused" in line)
    assert refused in ({1, 2} if expo else {0})  # found out by those that were first, and remembered
    assert len(fake_models.calls) == 3
