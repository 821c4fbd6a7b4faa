"""What the parts say together: can this process serve, and is anything wrong?"""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from app.database import DatabaseNode
from app.errors import DatabaseNotInitialized, DatabaseUnavailable, ServiceError
from app.services.health_service import Health, HealthService
from tests.fakes import as_any

AWAY, EMPTY = DatabaseUnavailable(detail="away"), DatabaseNotInitialized(detail="no tables")


@dataclass
class FakeDatabase:
    """A database that can serve, or says why it cannot."""

    failure: ServiceError | None
    nodes: Sequence[DatabaseNode] = ()

    async def check(self) -> None:
        if self.failure is not None:
            raise self.failure


@dataclass
class FakeBreaker:
    """A model's breaker."""

    closed: bool


@dataclass
class FakeSpool:
    """Where answers wait for the database."""

    waiting_answers: int
    takes_nothing: bool = False


async def check(
    failure: ServiceError | None, closed: list[bool], waiting: int = 0, *, network_at_last: bool = False
) -> Health:
    database, breakers = as_any(FakeDatabase(failure)), as_any([FakeBreaker(each) for each in closed])
    return await HealthService(database, breakers, as_any(FakeSpool(waiting)), network_at_last).check()


async def test_where_the_embedded_network_answers_at_last_uploads_are_answered_without_database_and_models() -> None:
    health = await check(AWAY, [False], network_at_last=True)

    assert (health.status, health.can_serve, health.model_api) == ("degraded", True, "unavailable")
    assert not (await check(EMPTY, [False], network_at_last=True)).can_serve


@pytest.mark.parametrize(("is_away", "state"), [(True, "bypassed"), (False, "connected")])
async def test_without_its_redis_the_service_is_as_healthy_and_says_so(is_away: bool, state: str) -> None:
    service = HealthService(as_any(FakeDatabase(None)), [], as_any(FakeSpool(0)), redis_is_away=lambda: is_away)

    health = await service.check()

    assert (health.status, health.redis) == ("healthy", state)


@pytest.mark.parametrize(
    ("failure", "model_available", "status", "database"),
    [
        (None, True, "healthy", "connected"),
        (None, False, "degraded", "connected"),
        (AWAY, True, "degraded", "disconnected"),
        (AWAY, False, "unhealthy", "disconnected"),
        (EMPTY, True, "unhealthy", "not_initialized"),
        (EMPTY, False, "unhealthy", "not_initialized"),
    ],
)
async def test_the_database_and_the_model_together_say_whether_it_can_serve(
    failure: ServiceError | None, model_available: bool, status: str, database: str
) -> None:
    health = await check(failure, [model_available])

    assert (health.status, health.database) == (status, database)
    assert health.model_api == ("available" if model_available else "unavailable")
    assert health.can_serve is (status != "unhealthy")


async def test_answers_that_wait_in_the_spool_are_told_and_are_no_health() -> None:
    health = await check(None, [True], waiting=3)

    assert (health.status, health.spooled_answers) == ("degraded", 3)


@pytest.mark.parametrize(
    ("closed", "model_api"),
    [
        ([True, False], "available"),
        ([False, True], "available"),
        ([False, False], "unavailable"),
        ([], "available"),
    ],
    ids=["first", "second", "none", "offline"],
)
async def test_one_model_that_answers_is_enough(closed: list[bool], model_api: str) -> None:
    assert (await check(None, closed)).model_api == model_api


async def test_a_service_that_can_keep_no_answer_is_degraded_although_its_database_answers() -> None:
    spool = FakeSpool(waiting_answers=0, takes_nothing=True)

    health = await HealthService(FakeDatabase(None), [], as_any(spool)).check()  # type: ignore[arg-type]

    assert (health.status, health.database) == ("degraded", "connected")
