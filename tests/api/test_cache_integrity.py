"""P4, no poison: only what the server hashed itself and only a validated answer enters the cache."""

import hashlib
import json

import httpx
import pytest

from app.database import Database, Sql
from tests.api.calls import check_cache, classify, upload
from tests.factories import make_image
from tests.support.fake_model_server import Behaviour, FakeModels

GOOD = {"category": "pets", "confidence": 0.9, "description": "一只猫"}


async def cached_images(database: Database) -> int:
    (row,) = await database.fetch_all(Sql.same("SELECT COUNT(*) FROM image_classification_cache"), {})
    return int(row[0])


@pytest.mark.on_both_databases
async def test_p4_a_hash_that_is_not_the_uploads_is_an_error_and_stores_nothing(
    client: httpx.AsyncClient, database: Database, fake_models: FakeModels
) -> None:
    victim, attack = make_image(), make_image()

    response = await upload(client, attack, hashlib.sha256(victim).hexdigest())

    assert response.json()["error"]["code"] == "hash_mismatch"
    assert fake_models.calls == []
    assert await cached_images(database) == 0
    assert (await check_cache(client, victim))["cached"] is False


async def test_p4_a_wrong_hash_is_an_error_even_where_either_image_is_known(client: httpx.AsyncClient) -> None:
    known, other = make_image(), make_image()
    await classify(client, known)

    for image, image_hash in ((known, hashlib.sha256(other).hexdigest()), (other, hashlib.sha256(known).hexdigest())):
        assert (await upload(client, image, image_hash)).json()["error"]["code"] == "hash_mismatch"


@pytest.mark.parametrize("change", [str.lower, str.upper])
async def test_a_right_hash_is_taken_in_either_case(change: "type[str]", client: httpx.AsyncClient) -> None:
    image = make_image()

    response = await upload(client, image, change(hashlib.sha256(image).hexdigest()))

    assert response.status_code == 200
    assert (await check_cache(client, image))["cached"] is True


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(finish="refusal", text="I can't help with that."),
        Behaviour(finish="content_filter", text=""),
        Behaviour(finish="length", text=json.dumps(GOOD)),
        Behaviour(text=json.dumps({**GOOD, "category": "cats"})),
        Behaviour(text=json.dumps({**GOOD, "confidence": "high"})),
        Behaviour(text=json.dumps(GOOD)[:-5]),
        Behaviour(text=""),
        Behaviour(no_choices=True),
        Behaviour(status=500),
        Behaviour(status=429),
        Behaviour(raw=b"<html>"),
    ],
    ids=lambda behaviour: f"{behaviour.status}-{behaviour.finish}-{behaviour.text}",
)
async def test_p4_what_is_no_valid_answer_is_neither_stored_nor_logged(
    behaviour: Behaviour, client: httpx.AsyncClient, database: Database, fake_models: FakeModels
) -> None:
    image = make_image()
    fake_models.behaviour = behaviour

    assert (await upload(client, image)).status_code in (422, 502, 503)

    assert await cached_images(database) == 0
    assert await database.fetch_all(Sql.same("SELECT COUNT(*) FROM request_log"), {}) == [(0,)]
    assert (await check_cache(client, image))["cached"] is False


async def test_p4_a_failure_is_not_held_against_the_image(client: httpx.AsyncClient, fake_models: FakeModels) -> None:
    image = make_image()
    fake_models.behaviour = Behaviour(text="no json")
    await upload(client, image)

    fake_models.behaviour = Behaviour()

    assert (await classify(client, image))["from_cache"] is False


async def test_p4_an_image_that_does_not_decode_is_not_asked_about(
    client: httpx.AsyncClient, database: Database, fake_models: FakeModels
) -> None:
    response = await upload(client, make_image()[:-300])

    assert response.json()["error"]["code"] == "invalid_image"
    assert fake_models.calls == []
    assert await cached_images(database) == 0


@pytest.mark.on_both_databases
async def test_p4_looking_up_writes_nothing_for_an_unknown_image(client: httpx.AsyncClient, database: Database) -> None:
    await check_cache(client, make_image(), "device-42")

    assert await cached_images(database) == 0
    assert await database.fetch_all(Sql.same("SELECT COUNT(*) FROM request_log"), {}) == [(0,)]
