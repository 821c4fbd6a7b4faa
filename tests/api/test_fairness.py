"""No client takes the model, or its money, away from the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.config import Settings
from app.container import open_container
from tests.api.calls import check_cache, upload
from tests.api.test_errors import assert_error
from tests.conftest import make_client, with_settings
from tests.factories import make_image
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.figures import Figures
from tests.support.signing import KEY_ID, SECRET, sign
from tests.support.waiting import until

KEYS = ("a-key-for-one-app-7f3a9c51", "a-key-for-another-51d2e84b")
EVENING = datetime(2026, 11, 29, 22, 0, tzinfo=UTC)


@dataclass
class Hour:
    """A clock that a test sets."""

    now: datetime = EVENING

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def hour() -> Hour:
    return Hour()


@pytest.fixture
async def opened(settings: Settings, hour: Hour) -> AsyncIterator[Any]:
    """Opens the application with settings of a test's own."""
    async with AsyncExitStack() as stack:

        async def open_with(**changes: Any) -> httpx.AsyncClient:
            made = with_settings(settings, **changes)
            container = await stack.enter_async_context(open_container(made, clock=hour))
            return await stack.enter_async_context(make_client(made, container))

        yield open_with


async def refused(client: httpx.AsyncClient, limit: str) -> float:
    text = (await client.get("http://test/metrics")).text
    return Figures.of(text).sum("quota_refusals_total", limit=limit)


async def with_key(client: httpx.AsyncClient, key: str, user: str | None = None) -> httpx.Response:
    headers = {"X-API-Key": key} | ({} if user is None else {"X-User-ID": user})
    return await client.post("/classify", files={"image": make_image()}, headers=headers)


async def test_one_client_with_200_photos_does_not_keep_another_waiting(opened: Any, fake_models: FakeModels) -> None:
    client = await opened(fair_share=0.5, llm_max_concurrency=4, llm_timeout=60)
    fake_models.behaviour = Behaviour(hang=True)
    photos = [make_image(size=(64, 48)) for _ in range(200)]
    greedy = [asyncio.create_task(upload(client, photo, user="greedy")) for photo in photos]
    # Two of its questions run and eight wait; nothing of it ends while the model says nothing.
    async with asyncio.timeout(50):
        while await refused(client, "share") == 0:
            await asyncio.sleep(0.05)
    assert len(fake_models.calls) == 2

    fake_models.behaviour = Behaviour()
    other = await upload(client, make_image(), user="other")

    assert other.status_code == 200
    assert len(fake_models.calls) == 3
    fake_models.released.set()
    answers = await asyncio.gather(*greedy)
    turned_away = [answer for answer in answers if answer.status_code == 429]
    assert turned_away
    assert_error(turned_away[0], 429, "quota_exceeded")
    assert turned_away[0].headers["Retry-After"] == "1"


@pytest.mark.on_both_databases
async def test_a_client_has_its_calls_of_the_day_over_all_processes_and_hits_are_free(
    opened: Any, hour: Hour, fake_models: FakeModels
) -> None:
    clients = [await opened(daily_calls_per_client=3, stats_timezone="Europe/Berlin") for _ in range(2)]
    photos = [make_image() for _ in range(8)]

    answers = await asyncio.gather(
        *(upload(clients[number % 2], photo, user="greedy") for number, photo in enumerate(photos))
    )

    assert len(fake_models.calls) == 3
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [429] * 5
    turned_away = next(answer for answer in answers if answer.status_code == 429)
    assert_error(turned_away, 429, "quota_exceeded")
    assert int(turned_away.headers["Retry-After"]) == 3600  # it is 23:00 in Berlin
    for photo, answer in zip(photos, answers, strict=True):
        if answer.status_code == 200:
            assert (await check_cache(clients[0], photo, user="greedy"))["cached"] is True
            assert (await upload(clients[1], photo, user="greedy")).json()["from_cache"] is True
    assert (await upload(clients[0], make_image(), user="other")).status_code == 200
    assert (await upload(clients[0], make_image())).status_code == 200

    hour.now += timedelta(hours=1)
    assert (await upload(clients[0], make_image(), user="greedy")).status_code == 200


async def test_who_joins_anothers_question_is_charged_nothing(opened: Any, fake_models: FakeModels) -> None:
    client = await opened(daily_calls_per_client=1)
    image = make_image()
    fake_models.behaviour = Behaviour(hang=True)
    leading = asyncio.create_task(upload(client, image, user="leader"))
    await until(lambda: len(fake_models.calls) == 1)
    joining = asyncio.create_task(upload(client, image, user="joiner"))

    fake_models.released.set()
    fake_models.behaviour = Behaviour()

    assert [(await task).status_code for task in (leading, joining)] == [200, 200]
    assert (await upload(client, make_image(), user="joiner")).status_code == 200
    assert (await upload(client, make_image(), user="leader")).status_code == 429


async def test_who_joins_a_client_that_has_had_its_calls_is_answered(opened: Any, fake_models: FakeModels) -> None:
    client = await opened(daily_calls_per_client=1)
    assert (await upload(client, make_image(), user="greedy")).status_code == 200
    image = make_image()

    greedy = [upload(client, image, user="greedy") for _ in range(3)]
    answers = await asyncio.gather(*greedy, upload(client, image, user="other"))

    assert answers[-1].status_code == 200
    assert len(fake_models.calls) == 2


async def test_a_key_tells_clients_apart_where_there_are_several_whatever_users_they_name(
    opened: Any, fake_models: FakeModels
) -> None:
    client = await opened(daily_calls_per_client=1, api_keys=",".join(KEYS))

    assert (await with_key(client, KEYS[0], user="one")).status_code == 200
    assert (await with_key(client, KEYS[0], user="two")).status_code == 429
    assert (await with_key(client, KEYS[1], user="one")).status_code == 200


async def test_who_signs_tells_clients_apart_where_there_are_several(
    opened: Any, hour: Hour, fake_models: FakeModels
) -> None:
    hour.now = datetime.now(UTC)  # signatures are made now
    client = await opened(daily_calls_per_client=1, signing_keys=f"{KEY_ID}:{SECRET},app-2:{SECRET[::-1]}")

    async def signed(**changes: Any) -> int:
        photo = client.build_request("POST", "/classify", files={"image": make_image()})
        return int((await client.send(sign(photo, **changes))).status_code)

    assert [await signed(), await signed()] == [200, 429]
    assert await signed(key_id="app-2", secret=SECRET[::-1]) == 200


async def test_a_key_that_all_have_tells_nobody_apart(opened: Any, fake_models: FakeModels) -> None:
    client = await opened(daily_calls_per_client=1, api_keys=KEYS[0])

    assert (await with_key(client, KEYS[0], user="one")).status_code == 200
    assert (await with_key(client, KEYS[0], user="two")).status_code == 200
    assert (await with_key(client, KEYS[0], user="one")).status_code == 429


async def test_without_the_settings_nobody_is_turned_away(opened: Any, fake_models: FakeModels) -> None:
    client = await opened()

    answers = await asyncio.gather(*(upload(client, make_image(), user="greedy") for _ in range(20)))

    assert {answer.status_code for answer in answers} == {200}
