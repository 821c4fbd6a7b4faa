"""The embedded network in front of a model, and in place of models that are away: `LOCAL_FIRST`, `LOCAL_FALLBACK`."""

import asyncio
import csv
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from PIL import Image

from app.config import Settings
from app.container import Container, open_container
from app.database import Database, Sql
from app.models.domain import LOCAL_MODEL, Category
from app.services.model.stack import local_first
from app.services.model.stack.local_first import is_audit
from app.services.network.build import NetworkServer
from app.services.network.photo_net import PhotoNet
from app.utils.image_utils import ImageLimits, prepare_image
from tests.api.calls import check_cache, classify, get_data, upload
from tests.conftest import SAMPLES, TESTS, make_client, with_settings
from tests.factories import make_image, save_image
from tests.support.fake_model_server import Behaviour, FakeModels

PHOTOS = TESTS / "photos"
AWAY = Behaviour(status=503)
SURE_AND_WRONG = "other-0109.jpg"
"""A photo that the network says is food."""


@pytest.fixture
async def opened(settings: Settings, network: NetworkServer) -> AsyncIterator[Any]:
    """Opens the application with settings of a test's own."""
    async with AsyncExitStack() as stack:

        async def open_with(**changes: Any) -> httpx.AsyncClient:
            # Much time: a busy machine looks slowly, and is not what these tests are about.
            made = with_settings(settings, **{"llm_timeout": 30.0, **changes})
            container: Container = await stack.enter_async_context(open_container(made, network=network))
            return await stack.enter_async_context(make_client(made, container))

        yield open_with


async def count(database: Database, sql: str) -> int:
    ((number,),) = await database.fetch_all(Sql.same(sql), {})
    return int(number)


@pytest.mark.on_both_databases
async def test_while_models_are_away_answers_are_marked_and_not_kept_and_asked_again_when_they_are_back(
    opened: Any, database: Database, fake_models: FakeModels
) -> None:
    client = await opened(local_fallback="unavailable")
    image = (SAMPLES / "cat.png").read_bytes()
    fake_models.behaviour = AWAY

    degraded = [await classify(client, image, user="device-42") for _ in range(2)]

    for answer in degraded:
        assert (answer["degraded"], answer["model_used"], answer["from_cache"]) == (True, LOCAL_MODEL, False)
        assert (answer["matched_by"], answer["data"]["category"]) == (None, "pets")
    assert (await check_cache(client, image))["cached"] is False
    assert await count(database, "SELECT COUNT(*) FROM image_classification_cache") == 0
    assert await count(database, "SELECT COUNT(*) FROM request_log WHERE from_cache = 0") == 2
    record = await get_record(client, degraded[0]["request_id"])
    assert (record["category"], record["from_cache"]) == ("pets", False)

    fake_models.behaviour = Behaviour()
    answer = await classify(client, image)

    assert (answer["degraded"], answer["model_used"], answer["from_cache"]) == (False, "gpt-6-luna", False)
    assert (await check_cache(client, image))["data"] == answer["data"]
    assert (await get_data(client, "/stats/models"))["network"]["degraded"] == 2


async def get_record(client: httpx.AsyncClient, request_id: str) -> Any:
    response = await client.get(f"/requests/{request_id}", headers={"X-User-ID": "device-42"})
    return response.json()["data"]


@pytest.mark.on_both_databases
async def test_callers_who_share_a_degraded_answer_are_each_on_record_and_none_is_a_hit(
    opened: Any, database: Database, fake_models: FakeModels
) -> None:
    client = await opened(local_fallback="unavailable")
    image = make_image()
    fake_models.behaviour = AWAY

    answers = await asyncio.gather(*(classify(client, image) for _ in range(20)))

    assert {(answer["degraded"], answer["from_cache"], answer["model_used"]) for answer in answers} == {
        (True, False, LOCAL_MODEL)
    }
    assert len({answer["request_id"] for answer in answers}) == 20
    assert await count(database, "SELECT COUNT(*) FROM request_log WHERE from_cache = 0") == 20
    assert await count(database, "SELECT COUNT(*) FROM image_classification_cache") == 0
    assert await count(database, "SELECT COUNT(*) FROM image_alias") == 0
    assert (await get_data(client, "/stats/models"))["network"]["degraded"] < 20


async def test_versions_of_one_picture_share_a_degraded_answer_and_leave_no_name_and_no_evidence(
    opened: Any, database: Database, fake_models: FakeModels
) -> None:
    """Near matches are observed, so that a degraded answer would be compared with the neighbour's if it counted."""
    client = await opened(local_fallback="unavailable", near_duplicates="observe")
    picture = Image.open(SAMPLES / "temple.jpg").convert("RGB")
    known, *others = [save_image(picture, "JPEG", quality=quality) for quality in (95, 90, 85, 80)]
    await classify(client, known)
    fake_models.behaviour = AWAY

    versions = [others[0], add_comment(others[0]), *others[1:]]
    answers = await asyncio.gather(*(classify(client, version) for version in versions))

    assert {(answer["degraded"], answer["from_cache"]) for answer in answers} == {(True, False)}
    assert await count(database, "SELECT COUNT(*) FROM near_trial") == 0
    assert await count(database, "SELECT COUNT(*) FROM image_classification_cache") == 1
    assert await count(database, "SELECT COUNT(*) FROM image_fingerprint") == 1
    assert [(await check_cache(client, version))["cached"] for version in versions] == [False] * 4


def add_comment(jpeg: bytes) -> bytes:
    """Return the same photo as another file."""
    return jpeg[:2] + b"\xff\xfe\x00\x07hello" + jpeg[2:]


async def test_with_little_time_a_model_that_hangs_leaves_the_network_enough_of_it(
    opened: Any, fake_models: FakeModels
) -> None:
    client = await opened(local_fallback="unavailable", llm_timeout=4.0)
    fake_models.behaviour = Behaviour(hang=True)

    assert (await classify(client, make_image()))["degraded"] is True


async def test_a_degraded_answer_is_not_kept_in_memory_while_the_database_is_fine(
    opened: Any, fake_models: FakeModels
) -> None:
    client = await opened(local_fallback="unavailable", memory_cache_entries=100)
    image = make_image()
    fake_models.behaviour = AWAY
    await classify(client, image)
    fake_models.behaviour = Behaviour()

    assert (await classify(client, image))["model_used"] == "gpt-6-luna"


async def test_without_the_setting_a_model_that_is_away_is_503(opened: Any, fake_models: FakeModels) -> None:
    client = await opened()
    fake_models.behaviour = AWAY

    assert (await upload(client, make_image())).status_code == 503


async def test_a_refusal_stays_one(opened: Any, fake_models: FakeModels) -> None:
    client = await opened(local_fallback="unavailable", local_first=0.9999)
    fake_models.behaviour = Behaviour(finish="refusal")

    assert (await upload(client, make_image())).status_code == 422


@pytest.mark.timeout(180)
async def test_share_and_agreement_of_the_network_equal_what_is_counted_by_hand(
    opened: Any, database: Database, fake_models: FakeModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On labelled test photos and a model that knows the labels, with more audits than one in fifty."""
    monkeypatch.setattr(local_first, "AUDIT_EVERY", 5)
    client = await opened(local_first=0.9)
    with (PHOTOS / "photos.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "test"]
    seen_of: Counter[str] = Counter()
    labels: dict[str, str] = {}
    for row in rows:
        seen_of[row["category"]] += 1
        if seen_of[row["category"]] <= 2 or row["file"] == SURE_AND_WRONG:
            labels[row["file"]] = row["category"]
    pictures = {name: _prepare((PHOTOS / name).read_bytes()) for name in labels}
    label_of = {pictures[name]: label for name, label in labels.items()}
    fake_models.answer = lambda jpeg: {"category": label_of[jpeg], "confidence": 0.97, "description": "x"}
    net = PhotoNet.load()

    expected: Counter[str] = Counter()
    for name, label in labels.items():
        answer = await classify(client, (PHOTOS / name).read_bytes())
        seen = net.see_jpeg(pictures[name])
        is_sure = seen.probability >= 0.9 and seen.category is not Category.OTHER
        if is_sure and is_audit(pictures[name]):
            expected["agreed" if seen.category == label else "disagreed"] += 1
        else:
            expected["sure" if is_sure else "unsure"] += 1
        alone = is_sure and not is_audit(pictures[name])
        assert (answer["model_used"], answer["degraded"]) == (LOCAL_MODEL if alone else "gpt-6-luna", False)
        assert answer["data"]["category"] == (seen.category if alone else label)

    assert set(expected) == {"sure", "unsure", "agreed", "disagreed"}
    network = (await get_data(client, "/stats/models"))["network"]
    compared = expected["agreed"] + expected["disagreed"]
    assert network["photos"] == len(labels) == expected.total()
    assert network["answered"] == expected["sure"]
    assert network["share_answered"] == round(expected["sure"] / len(labels), 4)
    assert (network["compared"], network["agreed"]) == (compared, expected["agreed"])
    assert network["agreement"] == round(expected["agreed"] / compared, 4)
    assert len(fake_models.calls) == len(labels) - expected["sure"]
    kept = "SELECT COUNT(*) FROM image_classification_cache WHERE model_used = 'local-network'"
    assert await count(database, kept) == expected["sure"]


@pytest.mark.on_both_databases
async def test_what_the_network_was_sure_of_is_served_while_it_is_asked_first_and_asked_again_afterwards(
    opened: Any, fake_models: FakeModels
) -> None:
    image = (SAMPLES / "cat.png").read_bytes()
    first = await opened(local_first=0.9, memory_cache_entries=0)
    seen = await classify(first, image)
    assert (seen["model_used"], fake_models.calls) == (LOCAL_MODEL, [])

    assert (await check_cache(first, image))["data"] == seen["data"]
    stricter = await opened(local_first=1, memory_cache_entries=0)
    assert (await check_cache(stricter, image))["cached"] is False
    alone = await opened(memory_cache_entries=0)
    assert (await check_cache(alone, image))["cached"] is False

    answer = await classify(alone, image)

    assert (answer["model_used"], answer["from_cache"]) == ("gpt-6-luna", False)
    assert (await check_cache(first, image))["data"] == answer["data"]


async def test_looks_of_the_network_are_no_questions_that_were_paid_for(opened: Any, fake_models: FakeModels) -> None:
    client = await opened(local_first=0.9)
    await classify(client, (SAMPLES / "cat.png").read_bytes())
    await classify(client, make_image())

    assert (await get_data(client, "/stats/tokens"))["today"]["calls"] == len(fake_models.calls)
    assert (await get_data(client, "/stats/identity"))["paid"]["calls"] == len(fake_models.calls)


def _prepare(image: bytes) -> bytes:
    return prepare_image(image, ImageLimits(frozenset({"JPEG", "PNG"}), 50_000_000), 512).jpeg
