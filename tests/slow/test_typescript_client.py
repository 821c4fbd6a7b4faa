"""The TypeScript client against the real service, in Node, Chromium, and as an app of React Native and Expo."""

import asyncio
import hashlib
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.models.domain import Category
from app.utils.content_hash.content_hash import content_hash
from tests.factories import make_image
from tests.support.content_hash_promise import mutant, originals
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.npm_packages import run_in
from tests.support.readme_blocks import readme_blocks
from tests.support.service_process import Service, running_service
from tests.support.tcp_proxy import TcpProxy
from tests.support.typescript_app import App, large_photo, record_of, saved
from tests.support.typescript_client import SOURCE
from tests.support.waiting import until


@pytest.fixture(params=["node", "browser"])
def app(request: pytest.FixtureRequest, package: Path) -> App:
    if request.param == "node":
        return App(package, "node.mjs", {})
    found: App = request.getfixturevalue("browser")
    return found


@asynccontextmanager
async def proxy_of(service: Service) -> AsyncIterator[TcpProxy]:
    async with TcpProxy.running("127.0.0.1", httpx.URL(service.url).port or 0) as proxy:
        yield proxy


def test_the_client_and_the_service_name_2000_changed_files_alike(package: Path, tmp_path: Path) -> None:
    pool, chance = originals(), random.Random(20261130)
    files = {str(number): mutant(pool, chance)[1] for number in range(2000)}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)

    named = json.loads(run_in(package, "node", "test/service/hashes.mjs", str(tmp_path)))

    expected = {name: content_hash(data) for name, data in files.items()}
    assert named == expected
    assert len({hash for hash in expected.values() if hash}) > 300


@pytest.mark.parametrize("kind", ["mjs", "cjs"], ids=["ESM", "CommonJS"])
def test_the_readmes_example_for_node_runs_as_it_stands(
    kind: str, package: Path, service: Service, tmp_path: Path
) -> None:
    code = dict(readme_blocks(SOURCE / "README.md"))["node"]
    if kind == "cjs":
        required = 'const { createClassifier } = require("image-classifier-client");'
        code = code.replace('import { createClassifier } from "image-classifier-client";', required)
        code = f"(async () => {{\n{code}}})();\n"
    (package / f"example.{kind}").write_text(code, encoding="utf-8")
    photos = [str(saved(tmp_path, make_image("JPEG"), f"{number}.jpg")) for number in range(2)]

    at = f"CLASSIFIER_URL={service.url}"
    printed = run_in(package, "env", at, "node", f"example.{kind}", *photos, str(tmp_path / "none.jpg"))

    named = [line.rsplit(" ", 1) for line in printed.splitlines()]
    assert [name for name, _ in named[:2]] == photos
    assert {said for _, said in named[:2]} <= set(Category)
    assert named[2][1] == "unreadable_photo"


async def test_a_photo_is_uploaded_once_and_then_known_by_its_bytes_and_by_its_content(
    app: App, service: Service, fake_models: FakeModels, tmp_path: Path
) -> None:
    data = make_image("JPEG")
    padded = saved(tmp_path, data + bytes(100), "padded.jpg")
    async with app.classify(service.url, saved(tmp_path, data)) as first:
        (new,) = await first.end()
    async with app.classify(service.url, saved(tmp_path, data), padded) as again:
        known, same = await again.end()

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
    app: App, service_settings: dict[str, Any], fake_models: FakeModels, tmp_path: Path
) -> None:
    photos = [saved(tmp_path, make_image("JPEG"), f"{number}.jpg") for number in range(2)]
    with running_service(tmp_path, **service_settings) as service:
        async with proxy_of(service) as proxy:
            address = f"http://127.0.0.1:{proxy.port}"
            async with app.classify(address, photos[0]) as before:
                await before.end()
            service.process.terminate()
            await asyncio.to_thread(service.process.wait)
            proxy.reset_all()
            async with app.classify(address, *photos, maxRetries=30) as running:
                assert (await running.step("wait", "started"))["code"] in {"network_error", "timeout"}
                with running_service(tmp_path, **service_settings) as restarted:
                    proxy.lead_to("127.0.0.1", httpx.URL(restarted.url).port or 0)
                    proxy.heal()
                    known, new = await running.end()

    assert (known["answer"]["fromCache"], new["answer"]["fromCache"]) == (True, False)
    assert len(fake_models.calls) == 2


@pytest.mark.parametrize("expo", [False, True], ids=["bare React Native", "Expo 57 and later"])
async def test_an_apps_photos_arrive_byte_for_byte(
    expo: bool, package: Path, service: Service, fake_models: FakeModels, tmp_path: Path
) -> None:
    files = [make_image("JPEG"), make_image("PNG"), make_image("WEBP")]
    order = [saved(tmp_path, data, f"{number}.jpg") for number, data in enumerate(files)]
    async with App(package, "react-native.mjs", {"expo": expo}).classify(service.url, *order) as running:
        outcomes = await running.end()

    recorded = [record_of(service, outcome["answer"])["image_hash"] for outcome in outcomes]
    assert recorded == [hashlib.sha256(data).hexdigest() for data in files]
    assert [outcome["answer"]["hashes"]["contentHash"] for outcome in outcomes] == [
        content_hash(data) for data in files
    ]
    refused = next(line["refused"] for line in running.lines if "refused" in line)
    assert refused in ({1, 2} if expo else {0})  # found out by those that were first, and remembered
    assert len(fake_models.calls) == 3
