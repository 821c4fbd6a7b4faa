"""A budget as clients meet it: when it is spent, what is known is still answered, and the next day all is."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.config import Settings
from app.container import open_container, open_service
from app.database import Database, Sql
from app.drivers.build import open_database
from app.observe.metrics import Metrics
from app.storage import storage_on
from app.utils.clock import Clock
from tests.api.calls import check_cache, classify, get_data, upload
from tests.api.test_errors import assert_error
from tests.conftest import make_client, with_settings
from tests.factories import make_image
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.figures import Figures
from tests.support.unreliable_database import UnreliableDatabase
from tests.support.waiting import until

pytestmark = pytest.mark.on_both_databases

EVENING = datetime(2026, 11, 29, 22, 0, tzinfo=UTC)


class Hour:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = EVENING

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def hour() -> Hour:
    return Hour()


@pytest.fixture
def clock(hour: Hour) -> Clock:
    return hour


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Three questions a day, at the default price."""
    return with_settings(settings, daily_budget="0.03", stats_timezone="Europe/Berlin")


async def sum_of(database: Database, period: str) -> int:
    """Return what a period has cost, in hundredths of a cent."""
    rows = await database.fetch_all(Sql.same("SELECT spent FROM budget WHERE period = :period"), {"period": period})
    return int(rows[0][0]) // 1_000_000 if rows else 0


async def test_a_spent_budget_asks_no_model_until_midnight_and_what_is_known_is_answered(
    client: httpx.AsyncClient, hour: Hour, fake_models: FakeModels
) -> None:
    known = [make_image() for _ in range(3)]
    for image in known:
        await classify(client, image)

    refused = await upload(client, make_image())

    assert_error(refused, 503, "budget_exhausted")
    assert int(refused.headers["Retry-After"]) == 3600  # it is 23:00 in Berlin
    for image in known:
        assert (await check_cache(client, image))["cached"] is True
        assert (await classify(client, image))["from_cache"] is True
    assert len(fake_models.calls) == 3
    figures = Figures.of((await client.get("http://test/metrics")).text)
    assert figures.sum("budget_limit", period="day") == 0.03
    assert figures.sum("budget_refusals_total", reason="day") == 1
    assert figures.sum("errors_total", code="budget_exhausted") == 1

    hour.now += timedelta(hours=1)
    for _ in range(3):
        await classify(client, make_image())
    assert_error(await upload(client, make_image()), 503, "budget_exhausted")


async def test_many_uploads_at_once_to_several_processes_are_no_more_calls_than_the_budget_pays_for(
    settings: Settings, processes: list[httpx.AsyncClient], fake_models: FakeModels
) -> None:
    answers = await asyncio.gather(*(upload(processes[number % 3], make_image()) for number in range(30)))

    assert len(fake_models.calls) == 3
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [503] * 27
    assert {answer.json()["error"]["code"] for answer in answers if answer.status_code == 503} == {"budget_exhausted"}


async def test_many_uploads_of_one_photo_are_charged_once(
    client: httpx.AsyncClient, database: Database, fake_models: FakeModels
) -> None:
    image = make_image()

    await asyncio.gather(*(classify(client, image) for _ in range(20)))

    assert await sum_of(database, "2026-11-29") == await sum_of(database, "2026-11") == 100


async def test_what_the_vendor_does_not_bill_is_given_back(
    client: httpx.AsyncClient, database: Database, fake_models: FakeModels
) -> None:
    fake_models.behaviour = Behaviour(status=400)
    for _ in range(5):
        assert_error(await upload(client, make_image()), 502, "model_bad_answer")
        async with asyncio.timeout(5):
            while await sum_of(database, "2026-11-29"):
                await asyncio.sleep(0.01)

    assert await sum_of(database, "2026-11") == 0
    assert await database.fetch_all(Sql.same("SELECT COUNT(*) FROM budget_reservation"), {}) == [(0,)]


async def test_where_the_network_stands_in_for_models_it_does_so_when_the_budget_is_spent(
    settings: Settings, fake_models: FakeModels
) -> None:
    settings = with_settings(settings, daily_budget="0.01", local_fallback="unavailable")
    async with open_container(settings) as container, make_client(settings, container) as client:
        await classify(client, make_image())
        image = make_image()

        answer = await classify(client, image)

        assert (answer["degraded"], answer["model_used"]) == (True, "local-network")
        assert (await check_cache(client, image))["cached"] is False
    assert len(fake_models.calls) == 1


@pytest.fixture
async def line(settings: Settings) -> AsyncIterator[UnreliableDatabase]:
    """The line to the database, that a test may cut."""
    real = await open_database(settings)
    yield UnreliableDatabase(real)
    await real.close()


async def test_while_the_database_is_away_a_budget_lets_no_model_be_asked(
    settings: Settings, line: UnreliableDatabase, fake_models: FakeModels
) -> None:
    async with (
        open_service(settings, storage_on(line, settings), Metrics()) as container,
        make_client(settings, container) as client,
    ):
        known, image = make_image(), make_image()
        await classify(client, known)
        line.away = True

        assert_error(await upload(client, image), 503, "database_unavailable")
        assert (await classify(client, known))["from_cache"] is True
        line.away = False
        assert (await classify(client, image))["from_cache"] is False
    assert len(fake_models.calls) == 2


async def test_what_is_being_asked_when_the_process_ends_is_settled(
    settings: Settings, database: Database, fake_models: FakeModels, clock: Clock
) -> None:
    settings = with_settings(settings, llm_price_input_per_mtok="1", llm_price_output_per_mtok="1")
    fake_models.behaviour = Behaviour(hang=True)
    async with open_container(settings, clock=clock) as container, make_client(settings, container) as client:
        asking = asyncio.create_task(upload(client, make_image()))
        await until(lambda: bool(fake_models.calls))
        fake_models.released.set()
    answer: Any = await asking

    assert answer.status_code == 200
    rows = await database.fetch_all(Sql.same("SELECT spent FROM budget ORDER BY period"), {})
    assert rows == [(4_490_000,), (4_490_000,)]  # of 449 tokens


async def test_operators_read_what_is_left_with_what_is_set_aside_for_questions_under_way(
    client: httpx.AsyncClient, database: Database, fake_models: FakeModels
) -> None:
    await classify(client, make_image())
    async with asyncio.timeout(5):
        while await database.fetch_all(Sql.same("SELECT id FROM budget_reservation"), {}):
            await asyncio.sleep(0.01)
    fake_models.behaviour = Behaviour(hang=True)
    asking = asyncio.create_task(upload(client, make_image()))
    await until(lambda: len(fake_models.calls) == 2)

    budget = await get_data(client, "/stats/budget")

    fake_models.released.set()
    await asking
    assert budget["day"] == {
        "period": "2026-11-29",
        "limit": 0.03,
        "spent": 0.02,
        "reserved": 0.01,
        "left": 0.01,
        "share": 0.6667,
        "renewed_at": "2026-11-29T23:00:00Z",
    }
    nothing = dict.fromkeys(["limit", "left", "share", "renewed_at"])
    assert budget["month"] == {"period": "2026-11", "spent": 0.02, "reserved": 0.01, **nothing}
    assert (budget["as_of"], budget["timezone"]) == ("2026-11-29T22:00:00Z", "Europe/Berlin")


async def test_where_nothing_is_limited_nothing_is_told_of_a_budget(settings: Settings, clock: Clock) -> None:
    settings = with_settings(settings, daily_budget="0")
    async with open_container(settings, clock=clock) as container, make_client(settings, container) as client:
        await classify(client, make_image())

        budget = await get_data(client, "/stats/budget")

    for name, period in (("day", "2026-11-29"), ("month", "2026-11")):
        assert budget[name].pop("period") == period
        assert set(budget[name].values()) == {None}
