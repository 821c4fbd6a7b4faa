"""Many photos uploaded in one call: each is answered, recorded and paid for as in a call of its own."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.api.http.batch_body import MAX_PHOTOS
from app.config import Settings
from app.container import Container, open_container
from app.database import Database, Sql
from tests.api.calls import check_cache, classify
from tests.conftest import make_client, settings_for_provider, with_settings
from tests.factories import make_image
from tests.support.fake_model_server import Behaviour, FakeModels, answer_for
from tests.support.jpeg_surgery import with_comment
from tests.support.service_process import GUNICORN, Service, running_service
from tests.support.signing import KEY_ID, SECRET, sign
from tests.support.waiting import until

ME = {"X-User-ID": "device-42"}
RECORDS = Sql.same("SELECT COUNT(*), SUM(from_cache) FROM request_log")
MIB = 1024 * 1024


async def send(
    client: httpx.AsyncClient, images: list[bytes], ids: list[str] | None = None, accept: str = "application/json"
) -> httpx.Response:
    files = [("images", (f"{place}.jpg", image)) for place, image in enumerate(images)]
    fields = {"ids": ids} if ids else {}
    return await client.post("/classify/batch", files=files, data=fields, headers={**ME, "Accept": accept})


async def results(client: httpx.AsyncClient, images: list[bytes], ids: list[str] | None = None) -> list[dict[str, Any]]:
    response = await send(client, images, ids)
    assert response.status_code == 200, response.text
    body = response.json()
    assert list(body) == ["success", "results", "request_id", "timestamp"]
    assert [one["index"] for one in body["results"]] == list(range(len(images)))
    found: list[dict[str, Any]] = body["results"]
    return found


@pytest.mark.on_both_databases
async def test_each_photo_is_answered_as_in_a_call_of_its_own_and_is_a_record(
    client: httpx.AsyncClient, database: Database, fake_models: FakeModels
) -> None:
    known, new, damaged = make_image(), make_image(), make_image()[:200]
    said = await classify(client, known, "device-42")

    images = [new, known, damaged, b"no image", with_comment(known, "x"), new, b""]
    found = await results(client, images, list("abcdefg"))

    first, again, broken, none, content, twice, empty = found
    assert [one["id"] for one in found] == list("abcdefg")
    assert list(first) == ["index", "id", *said]
    assert (first["from_cache"], first["model_used"]) == (False, "gpt-6-luna") or twice["model_used"] == "gpt-6-luna"
    assert first["data"] == twice["data"]
    assert (again["data"], again["matched_by"]) == (said["data"], "bytes")
    assert (content["data"], content["matched_by"]) == (said["data"], "content")
    assert list(broken) == ["index", "id", "success", "error"]
    assert (broken["success"], broken["error"]["code"]) == (False, "invalid_image")
    assert [one["error"]["code"] for one in (none, empty)] == ["unsupported_format", "missing_image"]
    assert len(fake_models.calls) == 2
    for one in (first, again, content, twice):
        record = await client.get(f"/requests/{one['request_id']}", headers=ME)
        assert record.json()["data"]["category"] == one["data"]["category"]
    assert await database.fetch_all(RECORDS, {}) == [(1 + 4, 3)]
    assert (await check_cache(client, new))["data"] == first["data"]


@pytest.mark.parametrize("accept", ["application/jsonl", "text/html, application/x-ndjson;q=0.9"])
async def test_lines_come_in_the_order_in_which_photos_are_answered(
    accept: str, client: httpx.AsyncClient, fake_models: FakeModels
) -> None:
    known, new = make_image(), make_image()
    await classify(client, known)
    fake_models.behaviour = Behaviour(hang=True)

    async def release() -> None:
        await until(lambda: len(fake_models.calls) == 2)
        fake_models.released.set()

    releasing = asyncio.create_task(release())
    response = await send(client, [new, known], accept=accept)
    await releasing

    assert response.headers["content-type"].partition(";")[0] in accept
    assert response.headers["X-Accel-Buffering"] == "no"
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert [line["index"] for line in lines] == [1, 0]
    assert lines[1]["data"]["category"] == answer_for(fake_models.calls[-1].jpeg)["category"]


@pytest.mark.parametrize(
    ("accept", "lines"),
    [
        ("application/jsonl;q=0", False),
        ("application/jsonl; charset=utf-8 ; q=0.000, */*", False),
        ("application/json, Application/JSONL;q=0.05", True),
        ("application/jsonl;q=0, application/x-ndjson", True),
    ],
)
async def test_lines_are_not_sent_to_who_refuses_them(accept: str, lines: bool, client: httpx.AsyncClient) -> None:
    response = await send(client, [make_image()], accept=accept)

    assert response.headers["content-type"].startswith("application/json;") is not lines


@pytest.fixture
def service(tmp_path: Path, fake_models: FakeModels) -> Iterator[Service]:
    provider = settings_for_provider("openai", fake_models)
    with running_service(tmp_path, GUNICORN, web_concurrency=1, **provider) as started:
        yield started


async def test_over_a_socket_a_line_is_there_before_the_next_photo_is_answered_and_who_hangs_up_loses_no_paid_answer(
    service: Service, fake_models: FakeModels
) -> None:
    known, new = make_image(), make_image()
    async with httpx.AsyncClient(base_url=f"{service.url}/api/v1", timeout=20) as client:
        await classify(client, known)
        fake_models.behaviour = Behaviour(hang=True)
        files = [("images", new), ("images", known)]
        call = client.stream("POST", "/classify/batch", files=files, headers={"Accept": "application/jsonl"})
        async with call as response:
            first = json.loads(await anext(response.aiter_lines()))
            await until(lambda: len(fake_models.calls) == 2)
        assert (first["index"], first["from_cache"]) == (1, True)

        fake_models.released.set()  # and only now is the other one answered, to nobody

        async with asyncio.timeout(10):
            while not (await check_cache(client, new))["cached"]:
                await asyncio.sleep(0.02)
    assert len(fake_models.calls) == 2


@pytest.mark.parametrize(
    ("files", "fields", "status", "code", "says"),
    [
        ([], {"ids": ["a"]}, 400, "missing_image", "images"),
        ([("image", b"x")], {}, 400, "missing_image", "images"),
        ([("images", b"x")] * (MAX_PHOTOS + 1), {}, 400, "invalid_request", "more than 20"),
        ([("images", b"x")] * 2, {"ids": ["a"]}, 400, "invalid_request", "ids"),
        ([("images", b"x")], {"ids": [""]}, 400, "invalid_request", "ids"),
        ([("images", b"x")], {"ids": ["x" * 65]}, 400, "invalid_request", "ids"),
        ([("images", b"x")], {"ids": ["a\tb"]}, 400, "invalid_request", "ids"),
        ([("images", b"x"), ("ids", (None, b"M\xfcnchen"))], {}, 400, "invalid_request", "UTF-8"),
        ([("images", b"x" * (5 * MIB)), ("images", b"x" * (5 * MIB + 1))], {}, 413, "request_too_large", "together"),
        ([("images", b"x" * (11 * MIB))], {}, 413, "request_too_large", "10485760 bytes"),
    ],
)
async def test_what_is_no_batch_or_a_batch_over_a_limit_is_an_error(
    files: list[Any], fields: dict[str, Any], status: int, code: str, says: str, client: httpx.AsyncClient
) -> None:
    for accept in ("application/json", "application/jsonl"):
        response = await client.post("/classify/batch", files=files or None, data=fields, headers={"Accept": accept})

        if not files:  # without a file httpx sends no form
            code = "missing_image"
        error = response.json()["error"]
        assert (response.status_code, error["code"]) == (status, code), response.text
        assert says in error["message"] or not files


async def test_as_many_photos_as_may_be_are_answered(client: httpx.AsyncClient) -> None:
    found = await results(client, [make_image() for _ in range(MAX_PHOTOS)])

    assert [one["success"] for one in found] == [True] * MAX_PHOTOS


async def test_a_photo_that_the_service_has_no_room_for_says_when_to_come_again(
    settings: Settings, fake_models: FakeModels
) -> None:
    busy = with_settings(settings, llm_max_concurrency=1)
    async with open_container(busy) as container, make_client(busy, container) as client:
        fake_models.behaviour = Behaviour(status=429, headers={"Retry-After": "7"})

        (one,) = await results(client, [make_image()])

    assert (one["success"], one["error"]["code"], one["retry_after"]) == (False, "model_unavailable", 7)


async def test_each_photo_of_a_batch_is_a_call_of_its_client(settings: Settings, fake_models: FakeModels) -> None:
    limited = with_settings(settings, daily_calls_per_client=3)
    async with open_container(limited) as container, make_client(limited, container) as client:
        found = await results(client, [make_image() for _ in range(5)])

    assert sorted(one["success"] for one in found) == [False] * 2 + [True] * 3
    assert {one["error"]["code"] for one in found if not one["success"]} == {"quota_exceeded"}
    assert {one["retry_after"] > 0 for one in found if not one["success"]} == {True}
    assert len(fake_models.calls) == 3


async def test_the_room_of_a_batch_is_held_until_its_last_photo_is_answered(
    client: httpx.AsyncClient, container: Container, fake_models: FakeModels
) -> None:
    known, new = make_image(), make_image()
    await classify(client, known)
    fake_models.behaviour = Behaviour(hang=True)

    call = asyncio.create_task(send(client, [known, new], accept="application/jsonl"))
    await until(lambda: len(fake_models.calls) == 2)

    assert container.uploads.in_flight >= len(known) + len(new)
    fake_models.released.set()
    assert (await call).status_code == 200
    assert container.uploads.in_flight == 0


async def test_a_signed_batch_is_taken_once(settings: Settings) -> None:
    signing = with_settings(settings, signing_keys=f"{KEY_ID}:{SECRET}")
    async with open_container(signing) as container, make_client(signing, container) as client:
        files = [("images", make_image()), ("images", make_image())]
        request = sign(client.build_request("POST", "/classify/batch", files=files, headers=ME))

        first, again = await client.send(request), await client.send(request)

    assert [one["success"] for one in first.json()["results"]] == [True, True]
    assert (again.status_code, again.json()["error"]["code"]) == (401, "replayed_signature")
