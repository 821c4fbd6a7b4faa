"""The service on two databases that are split by hash: no statement of the hot path needs both, and the promises hold.

What docs/scale.md says of several databases rests on this. The service is the real one, on real databases;
`tests/support/sharding.py` stands for what sends each statement where it belongs.
"""

# ruff: noqa: F811  # fixtures are imported

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from app.config import Settings
from app.container import open_service
from app.observe.metrics import Metrics
from app.services.images.decoding_server import DecodingServer
from app.utils.content_hash.content_hash import content_hash
from tests.api.calls import check_cache, classify, upload
from tests.conftest import make_client, make_settings
from tests.factories import make_image, make_image_hash
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.jpeg_surgery import with_comment
from tests.support.records import apply_all
from tests.support.spread_tables import SHARDS, Spread, shard_settings, spread  # noqa: F401

PHOTOS = 10


@pytest.fixture
def settings(shard_settings: list[dict[str, Any]], provider_settings: dict[str, Any], tmp_path: Path) -> Settings:
    return make_settings(**shard_settings[SHARDS], **provider_settings, spool_dir=tmp_path / "spool")


@pytest.fixture
async def processes(
    spread: Spread, settings: Settings, decoders: DecodingServer
) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Two instances of the service, which remember nothing, on the same shards."""
    settings = settings.model_copy(update={"memory_cache_entries": 0})
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(2):
            service = open_service(settings, spread.storage(settings), Metrics(), decoders)
            container = await stack.enter_async_context(service)
            clients.append(await stack.enter_async_context(make_client(settings, container)))
        yield clients


async def check_batch(client: httpx.AsyncClient, items: list[dict[str, str]]) -> list[Any]:
    response = await client.post("/classify/check-cache/batch", json={"items": items})
    assert response.status_code == 200, response.text
    return cast(list[Any], response.json()["results"])


async def test_the_service_runs_on_two_shards_and_every_answer_is_found_by_each_of_its_names(
    processes: list[httpx.AsyncClient], spread: Spread, fake_models: FakeModels
) -> None:
    client, other = processes
    photos = [make_image() for _ in range(PHOTOS)]

    paid = [await classify(client, photo, "u1") for photo in photos]
    again = [await classify(other, photo, "u2") for photo in photos]
    by_content = [await classify(other, with_comment(photo, "a caption"), "u2") for photo in photos]
    looked_up = [await check_cache(client, photo, "u3") for photo in photos]
    names = [{"content_hash": str(content_hash(photo))} for photo in photos]
    batch = await check_batch(client, [*names, {"image_hash": make_image_hash()}])

    assert {answer["matched_by"] for answer in paid} == {None}
    assert {answer["matched_by"] for answer in again} == {"bytes"}
    assert {answer["matched_by"] for answer in by_content} == {"content"}
    assert {answer["matched_by"] for answer in looked_up} == {"bytes"}
    assert [item["cached"] for item in batch] == [True] * PHOTOS + [False]
    assert len(fake_models.calls) == PHOTOS
    await spread.check_places()
    assert min(len(rows) for rows in await spread.read("SELECT id FROM image_classification_cache")) > 0


async def test_the_sums_of_all_shards_are_those_of_all_answers(
    processes: list[httpx.AsyncClient], spread: Spread
) -> None:
    photos = [make_image() for _ in range(PHOTOS)]

    await asyncio.gather(*(classify(processes[0], photo, "u1") for photo in photos))
    await asyncio.gather(*(check_cache(processes[1], photo, "u2") for photo in photos * 5))
    for line in spread.lines:
        await apply_all(line.inner)

    assert await spread.total("SELECT COUNT(*) FROM request_log") == 6 * PHOTOS
    assert await spread.total("SELECT SUM(hit_count) FROM image_classification_cache") == 6 * PHOTOS
    assert await spread.total("SELECT COUNT(*) FROM model_call") == PHOTOS
    assert await spread.total("SELECT SUM(requests) FROM stats_request") == 6 * PHOTOS
    assert await spread.total("SELECT cache_hits FROM stats_state") == 6 * PHOTOS


async def test_a_photo_that_both_processes_get_at_once_is_paid_for_once(
    processes: list[httpx.AsyncClient], spread: Spread, fake_models: FakeModels
) -> None:
    photos = [make_image() for _ in range(PHOTOS)]

    await asyncio.gather(*(classify(client, photo) for photo in photos for client in processes for _ in range(3)))

    assert len(fake_models.calls) == PHOTOS


async def test_what_a_model_refuses_is_known_by_each_of_its_names(
    processes: list[httpx.AsyncClient], spread: Spread, fake_models: FakeModels
) -> None:
    photo = make_image()
    fake_models.behaviour = Behaviour(text="I can't help with that.", finish="refusal")

    first = await upload(processes[0], photo)
    second = await upload(processes[1], with_comment(photo, "a caption"))

    assert (first.status_code, second.status_code) == (422, 422)
    assert len(fake_models.calls) == 1
    await spread.check_places()


async def test_nothing_is_lost_of_a_service_whose_one_shard_is_away_for_a_while(
    processes: list[httpx.AsyncClient], spread: Spread
) -> None:
    photos = [make_image() for _ in range(PHOTOS)]
    spread.lines[1].away = True

    for photo in photos:
        await classify(processes[0], photo)
    spread.lines[1].away = False

    async with asyncio.timeout(20):
        while await spread.total("SELECT COUNT(*) FROM request_log") < PHOTOS:
            await asyncio.sleep(0.05)
    assert await spread.total("SELECT SUM(hit_count) FROM image_classification_cache") == PHOTOS
    await spread.check_places()
