"""One piece of work a key at a time, and nobody's leaving stops it."""

import asyncio

import pytest

from app.errors import Overloaded
from app.observe.metrics import Metrics
from app.services.model.errors import ModelTimeout
from app.services.one_call.single_flight import SingleFlight


class FakeWork:
    """Counts how often it is begun; ends when told."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.begun = 0
        self.gate = asyncio.Event()
        self.failure = failure

    async def __call__(self) -> int:
        self.begun += 1
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return self.begun


async def test_callers_of_one_key_share_one_piece_of_work() -> None:
    flights, work = SingleFlight[int](metrics=Metrics()), FakeWork()
    callers = [asyncio.create_task(flights.run("a", work)) for _ in range(10)]
    await asyncio.sleep(0)

    work.gate.set()
    results = await asyncio.gather(*callers)

    assert work.begun == 1
    assert [mine for _, mine in results] == [True] + [False] * 9


async def test_different_keys_do_not_wait_for_each_other() -> None:
    flights, slow, quick = SingleFlight[int](metrics=Metrics()), FakeWork(), FakeWork()
    waiting = asyncio.create_task(flights.run("a", slow))
    quick.gate.set()

    assert await flights.run("b", quick) == (1, True)

    slow.gate.set()
    await waiting


async def test_when_all_callers_leave_the_work_goes_on() -> None:
    flights, work = SingleFlight[int](metrics=Metrics()), FakeWork()
    callers = [asyncio.create_task(flights.run("a", work)) for _ in range(3)]
    await asyncio.sleep(0)
    for caller in callers:
        caller.cancel()
    await asyncio.wait(callers)

    late = asyncio.create_task(flights.run("a", work))
    await asyncio.sleep(0)
    work.gate.set()

    assert await late == (1, False)


async def test_a_failure_is_shared_and_not_kept() -> None:
    flights, work = SingleFlight[int](metrics=Metrics()), FakeWork(ModelTimeout())
    work.gate.set()

    results = await asyncio.gather(*(flights.run("a", work) for _ in range(3)), return_exceptions=True)
    work.failure = None

    assert [type(result) for result in results] == [ModelTimeout] * 3
    assert await flights.run("a", work) == (2, True)


async def test_more_waiters_than_admitted_are_told_at_once() -> None:
    flights, work = SingleFlight[int](max_waiters=2, metrics=Metrics()), FakeWork()
    callers = [asyncio.create_task(flights.run("a", work)) for _ in range(2)]
    await asyncio.sleep(0)

    with pytest.raises(Overloaded):
        await flights.run("a", work)
    work.gate.set()
    await asyncio.gather(*callers)


async def test_closing_lets_work_end_and_cancels_what_is_late() -> None:
    flights, quick, stuck = SingleFlight[int](metrics=Metrics()), FakeWork(), FakeWork()
    callers = [asyncio.create_task(flights.run("a", quick)), asyncio.create_task(flights.run("b", stuck))]
    await asyncio.sleep(0)
    quick.gate.set()

    await flights.close(timeout_seconds=0.1)
    await asyncio.wait(callers)

    assert callers[0].result() == (1, True)
    assert callers[1].cancelled()
