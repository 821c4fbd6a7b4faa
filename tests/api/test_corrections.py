"""Wrong answers are mended: for all names of a photo, for good, in every process, and the audit says by whom."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.config import Settings
from app.container import open_container
from app.database import Database, Sql
from app.models.domain import LOCAL_MODEL, Category
from app.models.identity import Alias, MatchedBy, Naming
from app.repositories.record_batch import RecordBatch
from app.repositories.record_repository import RecordRepository
from app.utils.clock import utc_now
from tests.api.calls import check_cache, classify, get_data, upload
from tests.conftest import make_client, make_settings
from tests.factories import (
    make_classification,
    make_content_name,
    make_fingerprint,
    make_image,
    make_image_hash,
    make_outcome,
    make_reply,
)
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.records import fetch_known, write_outcomes

pytestmark = pytest.mark.on_both_databases

SECONDS = 2.0
"""Within these every process sees a change."""

ANSWER = json.dumps({"category": "travel_scenery", "confidence": 0.9, "description": "一座山"})
PETS = {"category": "pets", "reason": "a dog, not a plate of food"}


@pytest.fixture(autouse=True)
def one_answer(fake_models: FakeModels) -> None:
    """The model says the same of all photos, and nobody else says that."""
    fake_models.behaviour = Behaviour(text=ANSWER)


def hash_of(image: bytes) -> str:
    return hashlib.sha256(image).hexdigest()


async def correct(client: httpx.AsyncClient, name: str, **body: Any) -> dict[str, Any]:
    response = await client.put(f"/cache/{name}", json={**PETS, **body})
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.json()["data"]
    return data


async def delete(client: httpx.AsyncClient, name: str) -> httpx.Response:
    return await client.delete(f"/cache/{name}", params={"reason": "asked about again"})


async def count(database: Database, table: str) -> int:
    counts = {
        "image_classification_cache": "SELECT COUNT(*) FROM image_classification_cache",
        "image_alias": "SELECT COUNT(*) FROM image_alias",
        "image_fingerprint": "SELECT COUNT(*) FROM image_fingerprint",
        "fingerprint_slot": "SELECT COUNT(*) FROM fingerprint_slot",
        "audit": "SELECT COUNT(*) FROM audit",
    }
    ((rows,),) = await database.fetch_all(Sql.same(counts[table]), {})
    return int(rows)


async def until_all_say(clients: list[httpx.AsyncClient], image: bytes, category: str | None) -> None:
    """Return when every process gives this category, or does not know the photo; TimeoutError if that takes long."""
    async with asyncio.timeout(SECONDS):
        while True:
            answers = [await check_cache(client, image) for client in clients]
            if {answer.get("data", {}).get("category") for answer in answers} == {category}:
                return
            await asyncio.sleep(0.02)


async def test_a_correction_is_the_answer_at_once_and_no_model_is_asked_again(
    client: httpx.AsyncClient, fake_models: FakeModels
) -> None:
    image = make_image()
    before = await classify(client, image)

    corrected = await correct(client, hash_of(image))

    assert before["data"]["category"] != "pets"
    assert (corrected["category"], corrected["confidence"], corrected["corrected"]) == ("pets", 1, True)
    for answer in (await check_cache(client, image), await classify(client, image)):
        assert answer["data"] == {"category": "pets", "confidence": 1, "description": None}
    assert len(fake_models.calls) == 1


async def test_three_processes_that_remember_the_wrong_answer_say_the_right_one_within_two_seconds(
    processes: list[httpx.AsyncClient],
) -> None:
    image = make_image()
    for process in processes:
        await classify(process, image)

    await correct(processes[0], hash_of(image))
    await until_all_say(processes, image, "pets")

    await correct(processes[1], hash_of(image), category="foods")
    await until_all_say(processes, image, "foods")


async def test_three_processes_forget_a_deleted_answer_within_two_seconds(processes: list[httpx.AsyncClient]) -> None:
    image = make_image()
    for process in processes:
        await classify(process, image)

    assert (await delete(processes[0], hash_of(image))).status_code == 200
    await until_all_say(processes, image, None)


async def test_a_correction_follows_all_names_of_the_photo_whichever_is_corrected_by(
    client: httpx.AsyncClient, database: Database
) -> None:
    name, file, paid = make_content_name(), make_image_hash(), make_outcome()
    aliases = (Alias(name, MatchedBy.CONTENT), Alias(file, MatchedBy.CONTENT))
    await write_outcomes(database, [make_outcome(image_hash=paid.image_hash, naming=Naming(paid.image_hash, aliases))])
    hit = await client.post("/classify/check-cache", json={"content_hash": name})
    assert hit.json()["data"]["category"] == "foods"

    answer = await correct(client, name.upper().replace("C1", "c1"))

    assert answer["image_hash"] == paid.image_hash
    assert {one["name"] for one in answer["names"]} == {name, file}
    for question in ({"content_hash": name}, {"image_hash": file}, {"image_hash": paid.image_hash}):
        hit = await client.post("/classify/check-cache", json=question)
        assert hit.json()["data"]["category"] == "pets"


async def test_to_say_what_the_model_said_keeps_its_description(client: httpx.AsyncClient) -> None:
    image = make_image()
    said = await classify(client, image)

    confirmed = await correct(client, hash_of(image), category=said["data"]["category"])

    assert confirmed["corrected"] is True
    assert (await check_cache(client, image))["data"]["description"] == said["data"]["description"]


async def test_a_corrected_answer_of_the_embedded_network_is_served_beside_a_model(
    client: httpx.AsyncClient, database: Database
) -> None:
    guess = make_outcome(reply=make_reply(make_classification(confidence=0.3), LOCAL_MODEL))
    await write_outcomes(database, [guess])
    assert await fetch_known(database, guess.image_hash) is None

    await correct(client, guess.image_hash)

    known = await fetch_known(database, guess.image_hash)
    assert known is not None
    assert known.classification.category is Category.PETS


async def test_neither_a_late_answer_nor_the_networks_nor_a_replayed_one_replaces_a_correction(
    client: httpx.AsyncClient, database: Database
) -> None:
    paid = make_outcome()
    await write_outcomes(database, [paid])
    await correct(client, paid.image_hash)

    for model in ("gpt-6-luna", LOCAL_MODEL):
        late = make_outcome(image_hash=paid.image_hash, reply=make_reply(model_used=model))
        await write_outcomes(database, [late])

    known = await fetch_known(database, paid.image_hash)
    assert known is not None
    assert known.classification.category is Category.PETS


async def test_another_file_of_a_corrected_photo_that_was_paid_for_meanwhile_becomes_a_name_of_the_correction(
    client: httpx.AsyncClient, database: Database
) -> None:
    content, question = make_content_name(), make_content_name()
    shared = (Alias(content, MatchedBy.CONTENT), Alias(question, MatchedBy.QUESTION))
    first, late = make_outcome(), make_outcome()
    await write_outcomes(
        database, [make_outcome(image_hash=first.image_hash, naming=Naming(first.image_hash, shared[:1]))]
    )
    await correct(client, first.image_hash)

    await write_outcomes(database, [make_outcome(image_hash=late.image_hash, naming=Naming(late.image_hash, shared))])

    for name in (first.image_hash, late.image_hash, content, question):
        known = await fetch_known(database, name)
        assert known is not None, name
        assert (known.classification.category, known.image_hash) == (Category.PETS, first.image_hash)
    await correct(client, content, category="other")
    known = await fetch_known(database, late.image_hash)
    assert known is not None
    assert known.classification.category is Category.OTHER


async def test_what_only_looks_like_a_corrected_photo_keeps_its_own_answer(
    client: httpx.AsyncClient, database: Database
) -> None:
    near, first, own = make_content_name(), make_outcome(), make_outcome()
    aliases = (Alias(near, MatchedBy.NEAR, 3),)
    await write_outcomes(
        database, [make_outcome(image_hash=first.image_hash, naming=Naming(first.image_hash, aliases))]
    )
    await correct(client, first.image_hash)

    exact = (Alias(near, MatchedBy.CONTENT),)
    await write_outcomes(database, [make_outcome(image_hash=own.image_hash, naming=Naming(own.image_hash, exact))])

    for name in (own.image_hash, near):
        known = await fetch_known(database, name)
        assert known is not None
        assert (known.classification.category, known.image_hash) == (Category.FOODS, own.image_hash)


async def test_a_near_match_is_corrected_for_its_own_photo_alone(client: httpx.AsyncClient, database: Database) -> None:
    file, neighbour = make_image_hash(), make_outcome()
    aliases = (Alias(file, MatchedBy.NEAR, 3),)
    await write_outcomes(
        database, [make_outcome(image_hash=neighbour.image_hash, naming=Naming(neighbour.image_hash, aliases))]
    )

    answer = await correct(client, file)

    assert answer["image_hash"] == file
    assert answer["history"][0]["before"]["category"] == "foods"
    categories = [(await fetch_known(database, name)).classification.category for name in (file, neighbour.image_hash)]  # type: ignore[union-attr]
    assert categories == [Category.PETS, Category.FOODS]


async def test_a_name_that_is_only_near_is_not_deleted_with_anothers_answer(
    client: httpx.AsyncClient, database: Database
) -> None:
    name, neighbour = make_content_name(), make_outcome()
    aliases = (Alias(name, MatchedBy.NEAR, 3),)
    await write_outcomes(
        database, [make_outcome(image_hash=neighbour.image_hash, naming=Naming(neighbour.image_hash, aliases))]
    )

    refused = [await delete(client, name), await client.put(f"/cache/{name}", json=PETS)]

    assert [(one.status_code, one.json()["error"]["code"]) for one in refused] == [(400, "invalid_request")] * 2
    assert await count(database, "image_classification_cache") == 1


async def test_a_deleted_answer_leaves_nothing_that_finds_it_and_is_asked_about_again(
    client: httpx.AsyncClient, database: Database, fake_models: FakeModels
) -> None:
    image, other = make_image(), make_outcome()
    other = make_outcome(naming=Naming(other.image_hash, (), make_fingerprint()), image_hash=other.image_hash)
    await classify(client, image)
    await write_outcomes(database, [other])
    assert await count(database, "fingerprint_slot") == 32

    deleted = await delete(client, hash_of(image))

    assert deleted.json()["data"]["image_hash"] == hash_of(image)
    counts = [await count(database, table) for table in ("image_alias", "image_fingerprint", "fingerprint_slot")]
    assert counts == [0, 1, 16]
    assert (await check_cache(client, image))["cached"] is False
    assert (await classify(client, image))["from_cache"] is False
    assert len(fake_models.calls) == 2
    assert (await check_cache(client, image))["cached"] is True


async def test_a_deleted_answer_does_not_come_back_from_a_spool(client: httpx.AsyncClient, database: Database) -> None:
    old = make_outcome(created_at=utc_now() - timedelta(minutes=5))
    await write_outcomes(database, [old])
    await delete(client, old.image_hash)

    spooled = RecordBatch.from_json(RecordBatch.of("dead-process", 1, [old]).to_json())
    await RecordRepository(database).write([spooled])
    assert await fetch_known(database, old.image_hash) is None

    await write_outcomes(database, [make_outcome(image_hash=old.image_hash, created_at=utc_now())])
    assert await fetch_known(database, old.image_hash) is not None


async def test_the_audit_says_who_when_what_and_why_and_goes_back_page_by_page(
    database_settings: dict[str, Any],
) -> None:
    key = "a-key-for-operators-84b60e2d"
    settings = make_settings(**database_settings, llm_provider="local", admin_api_keys=f"alice:{key}")
    image = make_image()
    async with open_container(settings) as container, make_client(settings, container) as client:
        said = (await classify(client, image))["data"]
        client.headers["X-API-Key"] = key
        begun = datetime.now(UTC).replace(microsecond=0)
        response = await client.put(f"/cache/{hash_of(image)}", json=PETS)
        await delete(client, hash_of(image))

        newest, older = await get_data(client, "/audit")
        assert await get_data(client, "/audit?limit=1") == [newest]
        assert await get_data(client, f"/audit?limit=1&before={newest['id']}") == [older]
        assert await get_data(client, f"/audit?before={older['id']}") == []

    assert [(one["key_name"], one["ip_address"]) for one in (newest, older)] == [("alice", "192.0.2.7")] * 2
    assert (newest["action"], newest["reason"], newest["after"]) == ("delete", "asked about again", None)
    assert newest["before"] == older["after"] == {"category": "pets", "confidence": 1, "model_used": "operator"}
    assert older["before"] == {
        "category": said["category"],
        "confidence": said["confidence"],
        "model_used": LOCAL_MODEL,
    }
    assert (older["action"], older["reason"], older["image_hash"]) == ("correct", PETS["reason"], hash_of(image))
    assert older["request_id"] == response.headers["x-request-id"]
    assert begun <= datetime.fromisoformat(older["created_at"]) <= datetime.now(UTC)


async def test_a_change_that_fails_leaves_no_audit(client: httpx.AsyncClient, database: Database) -> None:
    unknown = make_image_hash()

    for response in (await client.put(f"/cache/{unknown}", json=PETS), await delete(client, unknown)):
        assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")
    assert (await client.get(f"/cache/{unknown}")).status_code == 404
    assert await count(database, "audit") == 0


@pytest.mark.parametrize(
    "body",
    [
        {"category": "cats", "reason": "r"},
        {"category": "pets"},
        {"category": "pets", "reason": " "},
        {"category": "pets", "reason": "r" * 501},
        {"category": "pets", "reason": "two\nlines"},
    ],
)
async def test_a_correction_has_a_category_and_a_reason_of_one_line(
    body: dict[str, str], client: httpx.AsyncClient
) -> None:
    image = make_image()
    said = await classify(client, image)

    response = await client.put(f"/cache/{hash_of(image)}", json=body)

    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_request")
    assert (await check_cache(client, image))["data"] == said["data"]


async def test_a_correction_of_an_overlong_body_or_a_wrong_name_is_refused(client: httpx.AsyncClient) -> None:
    too_long = await client.put(f"/cache/{make_image_hash()}", content=b" " * 9000)
    wrong_name = await client.put("/cache/photo.jpg", json=PETS)

    assert (too_long.status_code, too_long.json()["error"]["code"]) == (413, "request_too_large")
    assert (wrong_name.status_code, wrong_name.json()["error"]["code"]) == (400, "invalid_image_hash")


async def test_answers_that_were_given_while_the_database_was_away_do_not_undo_a_correction(
    settings: Settings, database: Database
) -> None:
    """What a process was told by a model meanwhile it has in memory, and in its spool."""
    image = make_image()
    async with open_container(settings) as container, make_client(settings, container) as client:
        await upload(client, image)
        await correct(client, hash_of(image))
        memory = container.classifier.parts.cache.memory
        memory.doubt()
        known = await fetch_known(database, hash_of(image))
        assert known is not None

        container.classifier.parts.cache.remember(
            hash_of(image), type(known)(make_classification(), known.image_hash, known.matched_by, None)
        )

        assert (await check_cache(client, image))["data"]["category"] == "pets"
