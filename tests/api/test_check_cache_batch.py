"""Many photos asked about in one call: each is answered and recorded as in a call of its own."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from app.api.http.batch_body import MAX_BATCH_JSON_BYTES
from app.container import Container
from app.database import Database, Sql
from app.models.batch_request import MAX_QUESTIONS
from app.utils.content_hash.content_hash import content_hash
from app.utils.hash_utils import sha256_hex
from tests.api.calls import classify, get_data
from tests.factories import make_content_name, make_image, make_image_hash, make_outcome
from tests.support.jpeg_surgery import with_comment
from tests.support.records import write_outcomes

ME = {"X-User-ID": "device-42"}
HITS = Sql.same("SELECT SUM(hit_count) FROM image_classification_cache")
RECORDS = Sql.same("SELECT COUNT(*) FROM request_log")


async def ask(client: httpx.AsyncClient, items: list[Any], **fields: Any) -> httpx.Response:
    return await client.post("/classify/check-cache/batch", json={"items": items, **fields}, headers=ME)


async def results(client: httpx.AsyncClient, items: list[Any], **fields: Any) -> list[dict[str, Any]]:
    response = await ask(client, items, **fields)
    assert response.status_code == 200, response.text
    body = response.json()
    assert list(body) == ["success", "results", "request_id", "timestamp"]
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert [one["index"] for one in body["results"]] == list(range(len(items)))
    found: list[dict[str, Any]] = body["results"]
    return found


@pytest.mark.on_both_databases
async def test_each_photo_is_answered_as_in_a_call_of_its_own_and_each_hit_is_a_record(
    client: httpx.AsyncClient, database: Database
) -> None:
    photos = [make_image() for _ in range(2)]
    said = [await classify(client, photo) for photo in photos]
    captioned = with_comment(photos[0], "a caption")
    items: list[dict[str, Any]] = [
        {"id": "first", "image_hash": sha256_hex(photos[0]).upper()},
        {"image_hash": make_image_hash()},
        {"id": "二", "image_hash": sha256_hex(captioned), "content_hash": content_hash(captioned)},
        {"id": "last", "image_hash": sha256_hex(photos[1])},
        {"id": "again", "image_hash": sha256_hex(photos[1])},
    ]

    first, miss, second, last, again = await results(client, items)

    assert [one["id"] for one in (first, miss, second, last, again)] == ["first", None, "二", "last", "again"]
    single = (await client.post("/classify/check-cache", json={"image_hash": items[1]["image_hash"]})).json()
    assert miss == {"index": 1, "id": None, **single}
    single = (await client.post("/classify/check-cache", json={"image_hash": items[0]["image_hash"]})).json()
    assert list(first) == ["index", "id", *single]
    assert [one["data"] for one in (first, second, last, again)] == [said[0]["data"]] * 2 + [said[1]["data"]] * 2
    assert [one["matched_by"] for one in (first, second)] == ["bytes", "content"]
    for hit in (first, second, last, again):
        record = await client.get(f"/requests/{hit['request_id']}", headers=ME)
        assert record.json()["data"]["category"] == hit["data"]["category"]
        assert record.json()["data"]["from_cache"] is True
    assert await database.fetch_all(RECORDS, {}) == [(2 + 4,)]
    assert await database.fetch_all(HITS, {}) == [(2 + 5,)]  # and the single one, of nobody
    assert (await get_data(client, "/stats/today"))["cache_hits"] == 4


async def test_two_hundred_photos_are_one_statement_and_one_commit(
    client: httpx.AsyncClient, container: Container, database: Database
) -> None:
    hashes = [make_image_hash() for _ in range(MAX_QUESTIONS)]
    await write_outcomes(database, [make_outcome(image_hash=one) for one in hashes])
    commits, lookups = container.metrics.commit_batch_size, container.metrics.lookup_batch_size

    found = await results(client, [{"image_hash": one} for one in hashes])

    assert [one["cached"] for one in found] == [True] * MAX_QUESTIONS
    assert len({one["request_id"] for one in found}) == MAX_QUESTIONS
    assert (sum(lookups.tallies[()].counts), lookups.tallies[()].total) == (1, MAX_QUESTIONS)
    assert (sum(commits.tallies[()].counts), commits.tallies[()].total) == (1, MAX_QUESTIONS)


@pytest.mark.parametrize(
    ("item", "code", "says"),
    [
        ({"image_hash": "x"}, "invalid_image_hash", "64 hex"),
        ({"image_hash": None}, "invalid_image_hash", "64 hex"),
        ({"image_hash": 7}, "invalid_image_hash", "64 hex"),
        ({"content_hash": "c2:0"}, "invalid_request", "content_hash: String should match"),
        ({}, "invalid_request", "image_hash or content_hash"),
        ("0" * 64, "invalid_request", "body"),
        (None, "invalid_request", "body"),
        ({"id": "x" * 65, "image_hash": "0" * 64}, "invalid_request", "id: String should have at most 64"),
        ({"id": "", "image_hash": "0" * 64}, "invalid_request", "id: String should have at least 1"),
        ({"id": "a\nb\nc", "image_hash": "0" * 64}, "invalid_request", "id: has characters that cannot be printed"),
    ],
)
async def test_a_malformed_item_fails_alone_and_its_error_repeats_nothing_of_it(
    item: Any, code: str, says: str, client: httpx.AsyncClient
) -> None:
    before, wrong, after = await results(client, [{"image_hash": "0" * 64}, item, {"image_hash": "0" * 64}])

    assert (before["cached"], after["cached"]) == (False, False)
    assert list(wrong) == ["index", "id", "success", "error"]
    assert (wrong["success"], wrong["id"], wrong["error"]["code"]) == (False, None, code)
    assert says in wrong["error"]["message"]
    sent = [str(value) for value in item.values()] if isinstance(item, dict) else [str(item)]
    assert not any(value in wrong["error"]["message"] for value in sent if len(value) > 3)


async def test_a_malformed_item_keeps_its_id(client: httpx.AsyncClient) -> None:
    (wrong,) = await results(client, [{"id": "mine", "image_hash": "x"}])

    assert (wrong["id"], wrong["error"]["code"]) == ("mine", "invalid_image_hash")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "invalid_request"),
        (b"[]", 400, "invalid_request"),
        (b'{"items": []}', 400, "invalid_request"),
        (b'{"items": {}}', 400, "invalid_request"),
        (b'{"user_id": "a b", "items": [{}]}', 400, "invalid_user_id"),
        (json.dumps({"items": [{"image_hash": "0" * 64}] * (MAX_QUESTIONS + 1)}).encode(), 400, "invalid_request"),
        (b" " * (MAX_BATCH_JSON_BYTES + 1), 413, "request_too_large"),
    ],
)
async def test_what_is_no_batch_or_a_batch_over_a_limit_is_an_error(
    body: bytes, status: int, code: str, client: httpx.AsyncClient
) -> None:
    response = await client.post("/classify/check-cache/batch", content=body)

    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


async def test_the_longest_batch_that_may_be_fits_into_the_limit(client: httpx.AsyncClient) -> None:
    """Ids of characters that JSON escapes in twelve bytes."""
    item = {"id": "\N{GRINNING FACE}" * 64, "image_hash": "0" * 64, "content_hash": make_content_name()}

    found = await results(client, [item] * MAX_QUESTIONS, user_id="u" * 64)

    assert [one["id"] for one in found] == [item["id"]] * MAX_QUESTIONS


async def test_the_user_may_be_named_in_the_body_and_the_header_wins(client: httpx.AsyncClient) -> None:
    image = make_image()
    await classify(client, image)
    body = {"items": [{"image_hash": sha256_hex(image)}], "user_id": "device-43"}

    for headers, user in (({}, "device-43"), (ME, "device-42")):
        response = await client.post("/classify/check-cache/batch", json=body, headers=headers)
        (hit,) = response.json()["results"]
        assert (await client.get(f"/requests/{hit['request_id']}", headers={"X-User-ID": user})).status_code == 200


async def test_a_user_who_has_voted_gets_their_own_answers_and_nobody_else_does(client: httpx.AsyncClient) -> None:
    image = make_image()
    said = await classify(client, image, "device-42")
    wrong = "pets" if said["data"]["category"] == "idcard" else "idcard"
    await client.post("/feedback", json={"request_id": said["request_id"], "category": wrong}, headers=ME)
    items = [{"image_hash": sha256_hex(image)}]

    (mine,) = await results(client, items)
    theirs = (await client.post("/classify/check-cache/batch", json={"items": items})).json()["results"][0]

    assert (mine["data"]["category"], mine["corrected_by"]) == (wrong, "you")
    assert theirs["data"] == said["data"]


async def test_batches_hold_room_for_uploads_while_they_are_read(
    client: httpx.AsyncClient, container: Container
) -> None:
    body = json.dumps({"items": [{"image_hash": "0" * 64}]}).encode()
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def pieces() -> Any:
        yield body[:10]
        begun.set()
        await go_on.wait()
        yield body[10:]

    async with asyncio.timeout(20):
        call = asyncio.create_task(client.post("/classify/check-cache/batch", content=pieces()))
        await begun.wait()
        while container.uploads.in_flight != 10:
            await asyncio.sleep(0)
        go_on.set()
        assert (await call).status_code == 200
    assert container.uploads.in_flight == 0
