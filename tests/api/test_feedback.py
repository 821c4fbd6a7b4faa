"""A user says that an answer is wrong: that user's changes at once, nobody else's, and operators see the votes."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from app.database import Database, Sql
from app.models.identity import Alias, MatchedBy, Naming
from app.utils.clock import Clock, utc_now
from tests.api.calls import check_cache, classify, get_data
from tests.api.test_corrections import SECONDS, correct, hash_of
from tests.factories import make_content_name, make_image, make_image_hash, make_outcome
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.records import write_outcomes

pytestmark = pytest.mark.on_both_databases

ANSWER = json.dumps({"category": "travel_scenery", "confidence": 0.9, "description": "一座山"})
ME, OTHER = "device-42", "device-43"


class Hour:
    """The real time, or so much later."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@pytest.fixture
def hour() -> Hour:
    return Hour()


@pytest.fixture
def clock(hour: Hour) -> Clock:
    return hour


@pytest.fixture(autouse=True)
def one_answer(fake_models: FakeModels) -> None:
    """The model says the same of all photos, and nobody else says that."""
    fake_models.behaviour = Behaviour(text=ANSWER)


async def vote(client: httpx.AsyncClient, user: str | None, request_id: str, category: str | None = None) -> Any:
    body = {"request_id": request_id, **({} if category is None else {"category": category})}
    return await client.post("/feedback", json=body, headers={} if user is None else {"X-User-ID": user})


async def votes(database: Database) -> list[Any]:
    return await database.fetch_all(Sql.same("SELECT user_id, category FROM feedback ORDER BY user_id"), {})


async def test_a_vote_changes_the_users_own_answer_at_once_and_nobody_elses(client: httpx.AsyncClient) -> None:
    image = make_image()
    said = await classify(client, image, ME)
    assert "corrected_by" not in said

    answer = await vote(client, ME, said["request_id"], "screenshot")

    assert answer.json()["data"] == {
        "request_id": said["request_id"],
        "category": "screenshot",
        "answered": said["data"]["category"],
    }
    for mine in (await check_cache(client, image, ME), await classify(client, image, ME)):
        assert mine["data"] == {"category": "screenshot", "confidence": 1, "description": None}
        assert mine["corrected_by"] == "you"
        record = await client.get(f"/requests/{mine['request_id']}", headers={"X-User-ID": ME})
        assert record.json()["data"]["category"] == "screenshot"
    for user in (OTHER, None):
        for theirs in (await check_cache(client, image, user), await classify(client, image, user)):
            assert theirs["data"] == said["data"]
            assert "corrected_by" not in theirs


async def test_every_process_knows_a_vote_within_two_seconds(processes: list[httpx.AsyncClient]) -> None:
    image = make_image()
    said = [await classify(process, image, ME) for process in processes]

    await vote(processes[0], ME, said[0]["request_id"], "screenshot")

    async with asyncio.timeout(SECONDS):
        while {(await check_cache(process, image, ME))["data"]["category"] for process in processes} != {"screenshot"}:
            await asyncio.sleep(0.02)


async def test_a_vote_counts_for_all_names_of_the_photo(client: httpx.AsyncClient, database: Database) -> None:
    name, file, paid = make_content_name(), make_image_hash(), make_outcome()
    aliases = (Alias(name, MatchedBy.CONTENT), Alias(file, MatchedBy.CONTENT))
    await write_outcomes(database, [make_outcome(image_hash=paid.image_hash, naming=Naming(paid.image_hash, aliases))])
    own = {"X-User-ID": ME}
    first = await client.post("/classify/check-cache", json={"content_hash": name}, headers=own)

    await vote(client, ME, first.json()["request_id"], "pets")

    for question in ({"content_hash": name}, {"image_hash": file}, {"image_hash": paid.image_hash}):
        answer = await client.post("/classify/check-cache", json=question, headers=own)
        assert answer.json()["data"]["category"] == "pets"


async def test_a_user_has_one_vote_a_photo_and_the_newest_counts(client: httpx.AsyncClient, database: Database) -> None:
    image = make_image()
    said = await classify(client, image, ME)
    again = await check_cache(client, image, ME)

    await vote(client, ME, said["request_id"], "screenshot")
    await vote(client, ME, again["request_id"], "foods")
    assert (await check_cache(client, image, ME))["data"]["category"] == "foods"
    assert await votes(database) == [(ME, "foods")]

    await vote(client, ME, said["request_id"])  # wrong, and no more: there is nothing to answer instead
    assert (await check_cache(client, image, ME))["data"] == said["data"]
    assert await votes(database) == [(ME, None)]


@pytest.mark.parametrize("user", [OTHER, None])
async def test_nobody_votes_about_what_another_was_answered(
    user: str | None, client: httpx.AsyncClient, database: Database
) -> None:
    said = await classify(client, make_image(), ME)
    unnamed = await classify(client, make_image())

    for request_id in (said["request_id"], unnamed["request_id"], "req_1696934400_a3f5d8c2b1e9"):
        response = await vote(client, user, request_id, "pets")
        assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")
    assert await votes(database) == []


@pytest.mark.parametrize("body", [{}, {"request_id": "x"}, {"request_id": "req_1_0123456789ab", "category": "cats"}])
async def test_a_vote_that_is_none_is_a_bad_request(body: dict[str, str], client: httpx.AsyncClient) -> None:
    response = await client.post("/feedback", json=body, headers={"X-User-ID": ME})

    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_request")


async def test_operators_see_the_answers_that_most_users_disagree_with_first(client: httpx.AsyncClient) -> None:
    once, twice, right = make_image(), make_image(), make_image()
    for image, user, category in (
        (once, ME, "idcard"),
        (twice, ME, "screenshot"),
        (twice, OTHER, "screenshot"),
        (twice, "device-44", None),
        (right, ME, "said"),
    ):
        said = await classify(client, image, user)
        named = said["data"]["category"] if category == "said" else category
        assert (await vote(client, user, said["request_id"], named)).status_code == 200

    first, second = await get_data(client, "/feedback")

    assert (first["image_hash"], first["votes"], second["image_hash"], second["votes"]) == (
        hash_of(twice),
        3,
        hash_of(once),
        1,
    )
    assert first["categories"] == [{"category": "screenshot", "votes": 2}, {"category": None, "votes": 1}]
    assert [one["image_hash"] for one in await get_data(client, "/feedback?limit=1")] == [hash_of(twice)]
    assert ME not in str(first)


async def test_what_an_operator_has_decided_leaves_the_queue_and_outranks_what_users_said_before(
    client: httpx.AsyncClient, hour: Hour
) -> None:
    corrected, confirmed = make_image(), make_image()
    said = await classify(client, confirmed, ME)
    for request_id in (said["request_id"], (await classify(client, corrected, ME))["request_id"]):
        await vote(client, ME, request_id, "screenshot")
    assert len(await get_data(client, "/feedback")) == 2

    hour.ahead = timedelta(seconds=5)
    await correct(client, hash_of(corrected), category="foods")
    await correct(client, hash_of(confirmed), category=said["data"]["category"])

    assert await get_data(client, "/feedback") == []
    for user in (ME, OTHER):
        mine = await check_cache(client, corrected, user)
        assert mine["data"]["category"] == "foods"
        assert "corrected_by" not in mine
    mine = await check_cache(client, confirmed, ME)
    assert mine["data"]["category"] == said["data"]["category"]

    await vote(client, ME, mine["request_id"], "idcard")  # now it is the newer word
    assert (await check_cache(client, confirmed, ME))["data"]["category"] == "idcard"


async def test_the_votes_of_an_erased_user_are_gone(client: httpx.AsyncClient, database: Database) -> None:
    image = make_image()
    said = await classify(client, image, ME)
    await vote(client, ME, said["request_id"], "screenshot")

    await client.delete("/history", headers={"X-User-ID": ME})

    assert await votes(database) == []
    assert (await check_cache(client, image, ME))["data"] == said["data"]
