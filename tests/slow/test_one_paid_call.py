"""P1 as its users meet it: 300 uploads of one photo at the same moment, to three processes on one MySQL."""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.services.one_call.lease import LEASE_SECONDS
from app.utils.hash_utils import sha256_hex
from tests.conftest import settings_for_provider
from tests.factories import make_image
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.service_process import Service, running_service
from tests.support.waiting import until

Upload = asyncio.Task[httpx.Response]

CALLERS = 300
MODEL_SECONDS = 5


@pytest.fixture
def services(mysql_settings: dict[str, Any], fake_models: FakeModels, tmp_path: Path) -> Iterator[list[Service]]:
    settings = {**mysql_settings, **settings_for_provider("openai", fake_models)}
    with ExitStack() as stack:
        folders = [tmp_path / name for name in "abc"]
        for folder in folders:
            folder.mkdir()
        yield [stack.enter_context(running_service(folder, **settings)) for folder in folders]


async def post(client: httpx.AsyncClient, service: Service, image: bytes) -> httpx.Response:
    return await client.post(f"{service.url}/api/v1/classify", files={"image": image})


@asynccontextmanager
async def uploads(
    services: Sequence[Service], image: bytes, number: int, models: FakeModels
) -> AsyncIterator[list[Upload]]:
    """Upload an image so many times at the same moment, to these processes in turn; go on when a model is asked."""
    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=number)) as client:
        turns = itertools.islice(itertools.cycle(services), number)
        callers = [asyncio.create_task(post(client, service, image)) for service in turns]
        await until(lambda: len(models.calls) > 0, seconds=20)
        yield callers


def assert_alike(answers: Sequence[httpx.Response]) -> None:
    assert {answer.status_code for answer in answers} == {200}
    assert len({str(answer.json()["data"]) for answer in answers}) == 1


async def test_300_uploads_of_one_image_are_one_call_and_300_right_answers(
    services: list[Service], fake_models: FakeModels
) -> None:
    image = make_image()
    fake_models.behaviour = Behaviour(hang=True)

    async with uploads(services, image, CALLERS, fake_models) as callers:
        threading.Timer(1, fake_models.released.set).start()
        answers = await asyncio.gather(*callers)

    assert_alike(answers)
    assert len(fake_models.calls) == 1


async def test_when_the_process_that_asks_is_killed_another_takes_over_within_its_lease(
    services: list[Service], fake_models: FakeModels
) -> None:
    image = make_image()
    fake_models.script = [Behaviour(hang=True)]

    async with uploads(services[:1], image, 1, fake_models) as (first,):
        async with uploads(services[1:], image, CALLERS, fake_models) as callers:
            await asyncio.sleep(1)
            services[0].process.kill()
            async with asyncio.timeout(LEASE_SECONDS + MODEL_SECONDS):
                answers = await asyncio.gather(*callers)
        with pytest.raises(httpx.TransportError):
            await first

    assert_alike(answers)
    assert len(fake_models.calls) == 2


async def test_when_all_callers_hang_up_the_answer_is_in_the_cache(
    services: list[Service], fake_models: FakeModels
) -> None:
    image = make_image()
    fake_models.behaviour = Behaviour(hang=True)

    async with uploads(services, image, CALLERS, fake_models) as callers:
        for caller in callers:
            caller.cancel()
        await asyncio.wait(callers)
    fake_models.released.set()

    async with httpx.AsyncClient(timeout=10) as client, asyncio.timeout(20):
        while True:
            body = {"image_hash": sha256_hex(image)}
            found = await client.post(f"{services[0].url}/api/v1/classify/check-cache", json=body)
            if found.json()["cached"]:
                break
            await asyncio.sleep(0.05)
    assert len(fake_models.calls) == 1
