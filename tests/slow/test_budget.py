"""A budget as operators trust it: 300 photos at once, three processes, one of them killed in the middle."""

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.config import Settings
from app.container import open_container
from app.database import Database, Sql
from app.drivers.build import open_database
from app.utils.clock import utc_now
from tests.api.calls import classify
from tests.conftest import make_client, make_settings, settings_for_provider
from tests.factories import make_image
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.service_process import Service, running_service
from tests.support.waiting import until

PHOTOS, CALLS = 300, 100
AT_ONCE = 20
"""Questions that run at the same time in a process."""

Answer = httpx.Response | httpx.TransportError

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def settings(mysql_settings: dict[str, Any], fake_models: FakeModels) -> Settings:
    """A hundred questions a day, with time enough for a machine that does other work too."""
    return make_settings(
        **mysql_settings,
        **{**settings_for_provider("openai", fake_models), "llm_timeout": 100},
        daily_budget=1,
        cost_per_api_call="0.01",
        llm_max_concurrency=AT_ONCE,
        max_uploads_in_flight_mb=512,
    )


@pytest.fixture
def services(settings: Settings, tmp_path: Path) -> Iterator[list[Service]]:
    given = settings.model_dump(exclude_unset=True, exclude={"llm_api_key", "mysql_password", "spool_dir"})
    secret = {"llm_api_key": "test-key", "mysql_password": settings.mysql_password.get_secret_value()}
    with ExitStack() as stack:
        folders = [tmp_path / name for name in "abc"]
        for folder in folders:
            folder.mkdir()
        yield [
            stack.enter_context(running_service(folder, **given, **secret, spool_dir=folder / "spool"))
            for folder in folders
        ]


async def post(client: httpx.AsyncClient, service: Service, image: bytes) -> Answer:
    """Upload, and again for as long as the service lives and is too busy, or closes the connection: as clients do."""
    while True:
        try:
            answer = await client.post(f"{service.url}/api/v1/classify", files={"image": image})
        except httpx.TransportError as error:
            if service.process.poll() is not None:
                return error
        else:
            if answer.status_code != 503 or answer.json()["error"]["code"] != "overloaded":
                return answer
        await asyncio.sleep(1)


def count(answers: Sequence[Answer], status: int) -> int:
    return sum(isinstance(answer, httpx.Response) and answer.status_code == status for answer in answers)


async def end_what_the_dead_hold(database: Database) -> int:
    """Let the reservations end that are left when the living have settled theirs. Return how many there were."""
    open_ones = Sql.same("SELECT COUNT(*) FROM budget_reservation")
    async with asyncio.timeout(20):
        while (await database.fetch_all(open_ones, {}))[0][0] > AT_ONCE + 3:
            await asyncio.sleep(0.1)
    return await database.execute(Sql.same("UPDATE budget_reservation SET expires_at = NOW(3)"), {})


async def test_a_budget_of_100_calls_is_100_calls_over_three_processes_one_of_them_killed(
    services: list[Service], settings: Settings, fake_models: FakeModels
) -> None:
    photos = [make_image(size=(64, 48)) for _ in range(PHOTOS)]
    fake_models.behaviour = Behaviour(hang=True)
    database = await open_database(settings)

    async with httpx.AsyncClient(timeout=150, limits=httpx.Limits(max_connections=PHOTOS)) as client:
        turns = itertools.cycle(services)
        async with asyncio.TaskGroup() as tasks:
            asking = [tasks.create_task(post(client, next(turns), photo)) for photo in photos]
            await until(lambda: len(fake_models.calls) == 3 * AT_ONCE, seconds=60)
            services[0].process.kill()
            fake_models.released.set()
        answers = [task.result() for task in asking]

        assert CALLS - 3 <= len(fake_models.calls) <= CALLS
        assert count(answers, 200) == len(fake_models.calls) - AT_ONCE
        refused = [one for one in answers if isinstance(one, httpx.Response) and one.status_code != 200]
        assert len(refused) == PHOTOS - PHOTOS // 3 - count(answers, 200)
        assert {one.json()["error"]["code"] for one in refused} == {"budget_exhausted"}

        # What the dead process asked was sent: that it can no longer say so brings nothing back.
        assert AT_ONCE <= await end_what_the_dead_hold(database) <= AT_ONCE + 3
        again = await asyncio.gather(*(post(client, services[1], photo) for photo in photos))
        assert count(again, 200) == count(answers, 200)
        assert all(one.json()["from_cache"] for one in again if isinstance(one, httpx.Response) and one.is_success)
        late = [one for one in again if isinstance(one, httpx.Response) and one.status_code == 503]
        assert {one.json()["error"]["code"] for one in late} == {"budget_exhausted"}
        assert int(late[-1].headers["Retry-After"]) > 10
        assert CALLS - 3 <= len(fake_models.calls) <= CALLS
    await database.close()
    await the_next_day(settings, fake_models, photos)


async def the_next_day(settings: Settings, fake_models: FakeModels, photos: Sequence[bytes]) -> None:
    def tomorrow() -> datetime:
        return utc_now() + timedelta(days=1)

    before = len(fake_models.calls)
    async with (
        open_container(settings, clock=tomorrow) as container,
        make_client(settings, container) as client,
    ):
        answers = [await classify(client, photo) for photo in photos[-20:]]
        new = sum(not answer["from_cache"] for answer in answers)

    assert len(fake_models.calls) == before + new
    assert new > 0
