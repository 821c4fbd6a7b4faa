"""One photo is paid for once, by whatever file it comes, and the answer says how it was recognised."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from app.config import Settings
from app.container import open_container
from app.database import Database, Sql
from app.services.identity.trials import AUDIT_EVERY
from app.utils.content_hash.content_hash import content_hash
from tests.api.calls import check_cache, classify, get_data, upload
from tests.conftest import SAMPLES, make_client, with_settings
from tests.support.client_versions import shrunk
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.jpeg_surgery import with_comment
from tests.support.waiting import until

pytestmark = pytest.mark.on_both_databases

SIZES = Sql.same("SELECT image_size FROM image_classification_cache")
FORGET_NAMES = (
    Sql.same("UPDATE image_classification_cache SET image_size = NULL"),
    Sql.same("DELETE FROM image_alias"),
    Sql.same("DELETE FROM image_fingerprint"),
)


def as_png(image: bytes, level: int) -> bytes:
    """Return the picture as a PNG, compressed so much: other levels are other content, and the same question."""
    output = BytesIO()
    Image.open(BytesIO(image)).convert("RGB").save(output, "PNG", compress_level=level)
    return output.getvalue()


def make_photo() -> bytes:
    """Return a photo as a phone would send it: PDQ tells smooth noise apart by little."""
    output = BytesIO()
    Image.open(SAMPLES / "coffee.png").convert("RGB").resize((960, 640)).save(output, "JPEG", quality=92)
    return output.getvalue()


async def ask_by_content(client: httpx.AsyncClient, image: bytes) -> Any:
    response = await client.post("/classify/check-cache", json={"content_hash": content_hash(image)})
    assert response.status_code == 200, response.text
    return response.json()


@pytest.fixture
def settings_that_serve(settings: Settings) -> Settings:
    return with_settings(settings, near_duplicates="serve")


@pytest.fixture
async def serving(settings_that_serve: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The application, serving near matches."""
    async with (
        open_container(settings_that_serve) as container,
        make_client(settings_that_serve, container) as made,
    ):
        yield made


def shrunk_and_served(photo: bytes) -> bytes:
    """Return what a client makes of a photo before it sends it, but none that a model is asked about as a sample."""
    versions = (shrunk(photo, 480, quality) for quality in range(60, 95))
    return next(image for image in versions if int(hashlib.sha256(image).hexdigest()[-8:], 16) % AUDIT_EVERY)


async def test_a_file_with_other_metadata_is_known_by_its_content(
    client: httpx.AsyncClient, fake_models: FakeModels
) -> None:
    photo = make_photo()
    paid = await classify(client, photo)

    other = await classify(client, with_comment(photo, "a caption"))
    by_content = await ask_by_content(client, photo)
    by_bytes = await check_cache(client, photo)
    other_by_bytes = await check_cache(client, with_comment(photo, "a caption"))

    assert (paid["from_cache"], paid["matched_by"]) == (False, None)
    assert (other["from_cache"], other["matched_by"], other["data"]) == (True, "content", paid["data"])
    assert (by_content["cached"], by_content["matched_by"], by_content["data"]) == (True, "content", paid["data"])
    assert (by_bytes["matched_by"], other_by_bytes["matched_by"]) == ("bytes", "content")
    assert len(fake_models.calls) == 1


async def test_a_file_that_prepares_to_the_same_is_known_by_its_question(
    client: httpx.AsyncClient, fake_models: FakeModels
) -> None:
    photo = make_photo()
    paid = await classify(client, as_png(photo, 1))

    other = await classify(client, as_png(photo, 9))
    again = await classify(client, as_png(photo, 9))

    assert [answer["matched_by"] for answer in (other, again)] == ["question", "question"]
    assert other["data"] == again["data"] == paid["data"]
    assert len(fake_models.calls) == 1


async def test_what_a_client_made_of_a_photo_is_known_by_its_looks_and_gets_no_description(
    serving: httpx.AsyncClient, fake_models: FakeModels
) -> None:
    photo = make_photo()
    paid = await classify(serving, photo)
    small = shrunk_and_served(photo)

    near = await classify(serving, small)
    again = [await classify(serving, small), await check_cache(serving, small), await ask_by_content(serving, small)]

    for answer in (near, *again):
        assert (answer["from_cache"], answer["matched_by"]) == (True, "near")
        assert answer["data"] == {**paid["data"], "description": None}
    assert len(fake_models.calls) == 1


async def test_names_of_near_matches_answer_nobody_once_near_matches_are_not_served(
    settings: Settings, serving: httpx.AsyncClient, fake_models: FakeModels
) -> None:
    photo = make_photo()
    await classify(serving, photo)
    small = shrunk_and_served(photo)
    await classify(serving, small)

    careful = with_settings(settings, near_duplicates="observe")
    async with open_container(careful) as container, make_client(careful, container) as client:
        assert (await check_cache(client, small))["cached"] is False
        assert (await ask_by_content(client, small))["cached"] is False
        paid = await classify(client, small)
        known = await check_cache(client, small)

    assert (paid["matched_by"], known["matched_by"]) == (None, "bytes")
    assert known["data"] == paid["data"]
    assert len(fake_models.calls) == 2


async def test_while_near_matches_are_observed_each_is_paid_for_compared_and_counted(
    settings: Settings, fake_models: FakeModels
) -> None:
    careful = with_settings(settings, near_duplicates="observe")
    photo = make_photo()
    async with open_container(careful) as container, make_client(careful, container) as client:
        fake_models.behaviour = Behaviour(text='{"category": "foods", "confidence": 0.9, "description": "coffee"}')
        await classify(client, photo)
        await classify(client, shrunk(photo, 480, 80))
        fake_models.behaviour = Behaviour(text='{"category": "pets", "confidence": 0.9, "description": "a cat"}')
        await classify(client, shrunk(photo, 480, 70))

        # The third has two neighbours by then, and is one trial.
        near = (await get_data(client, "/stats/identity"))["near"]

    assert len(fake_models.calls) == 3
    assert (near["comparisons"], near["disagreed"], near["state"]) == (2, 1, "observing")


async def test_a_content_hash_that_a_client_sends_looks_up_and_is_stored_nowhere(
    client: httpx.AsyncClient, database: Database
) -> None:
    photo = make_photo()
    await classify(client, photo)
    claimed = {"image_hash": "0" * 64, "content_hash": content_hash(photo)}

    hit = (await client.post("/classify/check-cache", json=claimed)).json()

    assert (hit["cached"], hit["matched_by"]) == (True, "content")
    aliases = await database.fetch_all(Sql.same("SELECT name FROM image_alias"), {})
    assert "0" * 64 not in {name for (name,) in aliases}


async def test_hashes_may_be_in_either_case_and_the_surer_one_is_on_record(
    client: httpx.AsyncClient, database: Database
) -> None:
    photo = make_photo()
    await classify(client, photo)
    digits = (content_hash(photo) or "").removeprefix("c1:")
    claimed = {"image_hash": "F" * 64, "content_hash": f"c1:{digits.upper()}", "user_id": "device-42"}

    hit = (await client.post("/classify/check-cache", json=claimed)).json()

    assert (hit["cached"], hit["matched_by"]) == (True, "content")
    log = await database.fetch_all(Sql.same("SELECT image_hash FROM request_log WHERE from_cache = 1"), {})
    assert log == [("f" * 64,)]


async def test_a_hit_by_any_name_counts_on_the_row_that_was_paid_for(
    client: httpx.AsyncClient, database: Database
) -> None:
    photo = make_photo()
    await classify(client, photo, user="device-42")
    await classify(client, with_comment(photo, "one"), user="device-42")
    await check_cache(client, with_comment(photo, "one"), user="device-42")
    await ask_by_content(client, photo)

    rows = await database.fetch_all(Sql.same("SELECT image_hash, hit_count FROM image_classification_cache"), {})
    log = await database.fetch_all(
        Sql.same("SELECT image_hash, matched_by, from_cache, saved_bytes FROM request_log ORDER BY id"), {}
    )

    first, other = (hashlib.sha256(file).hexdigest() for file in (photo, with_comment(photo, "one")))
    assert rows == [(first, 4)]
    assert log == [
        (first, None, 0, None),
        (other, "content", 1, None),
        (other, "content", 1, len(photo)),
    ]


async def test_a_photo_from_before_there_were_names_gets_them_when_it_comes_again(
    client: httpx.AsyncClient, database: Database, settings: Settings, fake_models: FakeModels
) -> None:
    photo = make_photo()
    await classify(client, photo)
    for statement in FORGET_NAMES:
        await database.execute(statement, {})

    async with open_container(settings) as container, make_client(settings, container) as restarted:
        async with asyncio.timeout(30):  # where a decoder is slow to start, it is tried again with the next upload
            while await database.fetch_all(SIZES, {}) != [(len(photo),)]:
                assert (await classify(restarted, photo))["matched_by"] == "bytes"
        assert (await classify(restarted, with_comment(photo, "a caption")))["matched_by"] == "content"

    assert len(fake_models.calls) == 1
    assert await database.fetch_all(Sql.same("SELECT COUNT(*) FROM image_fingerprint"), {}) == [(1,)]


async def test_a_known_photo_that_cannot_be_prepared_for_names_is_answered_all_the_same(
    client: httpx.AsyncClient, database: Database, settings: Settings
) -> None:
    photo = make_photo()
    await classify(client, photo)
    for statement in FORGET_NAMES:
        await database.execute(statement, {})

    strict = with_settings(settings, image_max_pixels=10_000)
    async with open_container(strict) as container, make_client(strict, container) as restarted:
        assert (await classify(restarted, photo))["matched_by"] == "bytes"


async def test_another_version_of_a_refused_photo_is_refused_without_a_call(
    client: httpx.AsyncClient, fake_models: FakeModels
) -> None:
    photo = make_photo()
    fake_models.behaviour = Behaviour(text="I can't help with that.", finish="refusal")
    await upload(client, as_png(photo, 1))
    fake_models.behaviour = Behaviour()

    again = await upload(client, as_png(photo, 9))

    assert (again.status_code, len(fake_models.calls)) == (422, 1)


@pytest.mark.parametrize("kind", ["content", "question"])
async def test_versions_of_one_photo_at_one_moment_are_one_paid_call(
    processes: list[httpx.AsyncClient], fake_models: FakeModels, kind: str
) -> None:
    photo = make_photo()
    versions = [with_comment(photo, str(n)) if kind == "content" else as_png(photo, n + 1) for n in range(5)]

    answers = await asyncio.gather(*(classify(processes[n % 3], versions[n % 5]) for n in range(30)))

    assert len(fake_models.calls) == 1
    assert [answer["from_cache"] for answer in answers].count(False) == 1
    assert {answer["matched_by"] for answer in answers} == {None, "bytes", kind}


async def test_whoever_would_rather_wait_than_upload_gets_the_answer_from_any_process(
    processes: list[httpx.AsyncClient], fake_models: FakeModels
) -> None:
    photo = make_photo()
    fake_models.behaviour = Behaviour(hang=True)
    uploading = asyncio.create_task(classify(processes[0], photo))
    await until(lambda: bool(fake_models.calls))

    body = {"image_hash": hashlib.sha256(photo).hexdigest(), "wait_ms": 10_000}
    waiting = [asyncio.create_task(client.post("/classify/check-cache", json=body)) for client in processes]
    short = await processes[1].post("/classify/check-cache", json={**body, "wait_ms": 50})
    fake_models.released.set()

    assert [(await answer).json()["cached"] for answer in waiting] == [True, True, True]
    assert short.json() == {
        "success": True,
        "cached": False,
        "message": "Cache not found, please upload the full image",
    }
    assert (await uploading)["from_cache"] is False


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_request"),
        ({"content_hash": "c1:" + "g" * 64}, "invalid_request"),
        ({"content_hash": "a" * 64}, "invalid_request"),
        ({"image_hash": "a" * 64, "wait_ms": 10_001}, "invalid_request"),
        ({"image_hash": "a" * 64, "wait_ms": -1}, "invalid_request"),
        ({"image_hash": None}, "invalid_image_hash"),
        ({"image_hash": "c1:" + "a" * 64}, "invalid_image_hash"),
    ],
)
async def test_wrong_names_are_an_error_that_says_which(
    client: httpx.AsyncClient, body: dict[str, Any], code: str
) -> None:
    answer = await client.post("/classify/check-cache", json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
