"""Several processes with a real Redis in front of a real MySQL. Whatever becomes of it, no request fails, no answer is
wrong and no hit is lost."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.config import Settings
from app.database import Database, Sql
from app.services.images.decoding_server import DecodingServer
from tests.api.calls import check_cache, classify
from tests.conftest import make_settings, three_processes
from tests.factories import make_image
from tests.support.fake_model_server import FakeModels
from tests.support.redis_server import RedisServer, running_redis
from tests.support.waiting import until

SECONDS = 2.0
"""Within these every process sees a change."""


@pytest.fixture(scope="module")
def running_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
def redis(running_server: RedisServer) -> RedisServer:
    running_server.ask("FLUSHALL")
    return running_server


@pytest.fixture
def database_settings(mysql_settings: dict[str, Any]) -> dict[str, Any]:
    """Redis is for MySQL alone."""
    return mysql_settings


@pytest.fixture
def settings(database_settings: dict[str, Any], provider_settings: dict[str, Any], redis: RedisServer) -> Settings:
    """Without memory, so that each look-up goes to Redis; with more time for it than by default, on a busy machine."""
    values = {"redis_url": redis.url, "redis_timeout_seconds": 0.5, "memory_cache_entries": 0}
    return make_settings(**database_settings, **provider_settings, **values)


def hash_of(image: bytes) -> str:
    return hashlib.sha256(image).hexdigest()


async def correct(client: httpx.AsyncClient, image: bytes, category: str) -> None:
    body = {"category": category, "reason": "a test"}
    response = await client.put(f"/cache/{hash_of(image)}", json=body)
    assert response.status_code == 200, response.text


async def category_of(client: httpx.AsyncClient, image: bytes, user: str | None = None) -> str:
    answer = await check_cache(client, image, user)
    assert answer["cached"], answer
    return str(answer["data"]["category"])


async def keep_in_redis(client: httpx.AsyncClient, image: bytes, redis: RedisServer) -> str:
    """Ask for a known photo until Redis has it; return its category."""
    async with asyncio.timeout(15):
        while True:
            category = await category_of(client, image)
            if redis.keys():
                return category
            await asyncio.sleep(0.01)


async def redis_state(client: httpx.AsyncClient) -> str:
    return str((await client.get("/health")).json()["redis"])


async def figure(client: httpx.AsyncClient, series: str) -> float:
    """Return a figure of this process's metrics."""
    text = (await client.get("http://test/metrics")).text
    return next(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(series))


async def test_what_one_process_has_read_the_others_have_from_redis_and_every_hit_is_on_record(
    processes: list[httpx.AsyncClient], redis: RedisServer, database: Database
) -> None:
    image = make_image()
    answer = await classify(processes[0], image)
    await keep_in_redis(processes[0], image, redis)

    for process in processes[1:]:
        assert (await check_cache(process, image, "u"))["data"] == answer["data"]

    assert await figure(processes[1], 'image_classifier_redis_lookups_total{result="hit"}') == 1
    ((logged,),) = await database.fetch_all(Sql.same("SELECT COUNT(*) FROM request_log WHERE user_id = 'u'"), {})
    assert logged == 2


async def test_a_correction_is_seen_by_all_at_once_though_redis_has_the_old_answer(
    processes: list[httpx.AsyncClient], redis: RedisServer
) -> None:
    image = make_image()
    await classify(processes[0], image)
    before = await keep_in_redis(processes[0], image, redis)
    after = "pets" if before != "pets" else "foods"

    await correct(processes[0], image, after)

    assert await category_of(processes[0], image) == after
    async with asyncio.timeout(SECONDS):
        for process in processes[1:]:
            while await category_of(process, image) != after:
                await asyncio.sleep(0.01)
    assert [await category_of(process, image) for process in processes] == [after] * 3


async def test_a_redis_that_was_away_during_a_correction_brings_nothing_old_back(
    processes: list[httpx.AsyncClient], redis: RedisServer
) -> None:
    image = make_image()
    await classify(processes[0], image)
    await keep_in_redis(processes[0], image, redis)

    redis.pause()
    try:
        await correct(processes[0], image, "screenshot")
        await asyncio.gather(*(_wait_for_state(process, "bypassed") for process in processes))
    finally:
        redis.resume()
    await asyncio.gather(*(_wait_for_state(process, "connected") for process in processes))

    assert [await category_of(process, image) for process in processes] == ["screenshot"] * 3


async def test_what_another_deployment_or_anybody_has_written_is_no_answer(
    processes: list[httpx.AsyncClient], redis: RedisServer
) -> None:
    image = make_image()
    await classify(processes[0], image)
    await keep_in_redis(processes[0], image, redis)
    (key,) = redis.keys()
    redis.ask("SET", key, '[0,0,"pets",2,null,1]')

    assert await category_of(processes[1], image) == await category_of(processes[0], image)


async def test_killed_paused_and_flushed_under_load_no_request_fails_no_answer_is_wrong_and_no_hit_is_lost(
    processes: list[httpx.AsyncClient], redis: RedisServer, database: Database
) -> None:
    images = [make_image() for _ in range(10)]
    for image in images:
        await classify(processes[0], image)
    expected = {hash_of(image): {await category_of(processes[0], image)} for image in images}
    over, answered = asyncio.Event(), Counter[str]()

    async def ask_on(client: httpx.AsyncClient, user: str) -> None:
        while not over.is_set():
            for image in images:
                assert await category_of(client, image, user) in expected[hash_of(image)]
                answered[user] += 1

    async def correct_some() -> None:
        for image in images[:3]:
            expected[hash_of(image)].add("screenshot")
            await correct(processes[1], image, "screenshot")

    load = [
        asyncio.create_task(ask_on(client, f"u{number}{caller}"))
        for number, client in enumerate(processes)
        for caller in range(3)
    ]
    try:
        for disturb, mend in ((redis.kill, redis.start), (redis.pause, redis.resume)):
            await asyncio.to_thread(disturb)
            await asyncio.gather(*(_wait_for_state(process, "bypassed") for process in processes))
            await correct_some()
            await asyncio.to_thread(mend)
            await asyncio.gather(*(_wait_for_state(process, "connected") for process in processes))
            await asyncio.to_thread(redis.ask, "FLUSHALL")
        for image in images[:3]:
            expected[hash_of(image)] = {"screenshot"}  # two seconds later nobody says anything else
        before = answered.copy()
        await until(lambda: all(answered[user] > before[user] + 10 for user in before))
    finally:
        over.set()
        await asyncio.gather(*load)

    rows = await database.fetch_all(
        Sql.same("SELECT user_id, COUNT(*) FROM request_log WHERE user_id IS NOT NULL GROUP BY user_id"), {}
    )
    assert {user: int(count) for user, count in rows} == dict(answered)


async def test_a_redis_that_is_away_from_the_start_is_no_failure_and_joins_later(
    settings: Settings, redis: RedisServer, decoders: DecodingServer, fake_models: FakeModels
) -> None:
    redis.kill()
    async with three_processes(settings, decoders) as processes:
        image = make_image()
        await classify(processes[0], image)
        health = (await processes[0].get("/health")).json()
        assert (health["status"], health["redis"]) == ("healthy", "bypassed")
        assert await category_of(processes[1], image)

        await asyncio.to_thread(redis.start)
        await _wait_for_state(processes[1], "connected")
        await keep_in_redis(processes[1], image, redis)


async def _wait_for_state(client: httpx.AsyncClient, state: str) -> None:
    async with asyncio.timeout(15):
        while await redis_state(client) != state:
            await asyncio.sleep(0.05)
