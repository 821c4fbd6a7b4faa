"""What arrives during a batch shares the next one."""

import asyncio

import pytest

from app.errors import DatabaseUnavailable, Overloaded
from app.observe.logs import request_id_variable
from app.utils.batcher import Batcher


class FakeWork:
    """Notes each batch, and turns items to upper case when the gate is open."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.request_ids: list[str | None] = []
        self.gate = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self, items: list[str]) -> list[str]:
        self.batches.append(items)
        self.request_ids.append(request_id_variable.get())
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return [item.upper() for item in items]


def submit(batcher: Batcher[str, str], items: str) -> list[asyncio.Task[str]]:
    return [asyncio.create_task(batcher.submit(item)) for item in items]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_arrives_during_a_batch_shares_the_next_one() -> None:
    work = FakeWork()
    batcher = Batcher(work)

    first = submit(batcher, "a")
    await settle()
    second = submit(batcher, "bcb")
    await settle()
    work.gate.set()

    assert await asyncio.gather(*first, *second) == ["A", "B", "C", "B"]
    assert work.batches == [["a"], ["b", "c", "b"]]


async def test_a_caller_who_leaves_takes_nobody_along() -> None:
    work = FakeWork()
    leaving, staying = submit(Batcher(work), "ab")
    await settle()

    leaving.cancel()
    work.gate.set()

    assert await staying == "B"


async def test_a_failure_reaches_all_of_its_batch_and_none_after_it() -> None:
    work = FakeWork()
    work.gate.set()
    work.failure = DatabaseUnavailable(detail="away")
    batcher = Batcher(work)

    results = await asyncio.gather(*submit(batcher, "ab"), return_exceptions=True)
    work.failure = None

    assert [type(result) for result in results] == [DatabaseUnavailable] * 2
    assert await batcher.submit("a") == "A"


async def test_each_caller_gets_an_exception_of_its_own() -> None:
    work = FakeWork()
    work.gate.set()
    work.failure = DatabaseUnavailable(detail="away", retry_after_seconds=7)

    one, other = await asyncio.gather(*submit(Batcher(work), "ab"), return_exceptions=True)

    assert isinstance(one, DatabaseUnavailable)
    assert isinstance(other, DatabaseUnavailable)
    assert one is not other
    assert (one.detail, one.retry_after_seconds, one.__cause__) == ("away", 7, work.failure)


async def test_what_a_batch_logs_belongs_to_no_request() -> None:
    work = FakeWork()
    work.gate.set()
    token = request_id_variable.set("req_of_whoever_came_first")

    await Batcher(work).submit("a")
    request_id_variable.reset(token)

    assert work.request_ids == [None]


async def test_a_full_queue_answers_at_once_but_for_what_is_always_taken() -> None:
    work = FakeWork()
    batcher = Batcher(work, max_waiting=2)
    waiting = submit(batcher, "ab")
    await asyncio.sleep(0)

    with pytest.raises(Overloaded):
        await batcher.submit("c")
    always = asyncio.create_task(batcher.submit("d", always=True))
    await settle()
    work.gate.set()

    assert await asyncio.gather(*waiting, always) == ["A", "B", "D"]


async def test_no_batch_is_larger_than_its_limit() -> None:
    work = FakeWork()
    work.gate.set()
    batcher = Batcher(work, max_batch=5)

    await asyncio.gather(*submit(batcher, "abcdefghijkl"))

    assert [len(batch) for batch in work.batches] == [5, 5, 2]


async def test_a_result_too_few_fails_its_batch_and_leaves_nobody_waiting() -> None:
    async def forget_the_last(items: list[str]) -> list[str]:
        return items[:-1]

    results = await asyncio.gather(*submit(Batcher(forget_the_last), "ab"), return_exceptions=True)

    assert isinstance(results[1], ValueError)


async def test_closing_lets_what_waits_be_done() -> None:
    work = FakeWork()
    batcher = Batcher(work)
    waiting = submit(batcher, "ab")
    await settle()
    work.gate.set()

    await batcher.close(timeout_seconds=5)

    assert [task.result() for task in waiting] == ["A", "B"]


async def test_an_exception_in_place_of_a_result_fails_that_item_alone() -> None:
    async def refuse_b(items: list[str]) -> list[str | Exception]:
        return [ValueError() if item == "b" else item for item in items]

    results = await asyncio.gather(*submit(Batcher(refuse_b), "abc"), return_exceptions=True)

    assert [results[0], type(results[1]), results[2]] == ["a", ValueError, "c"]


async def test_items_that_are_submitted_together_get_each_its_result_or_its_error() -> None:
    async def work(items: list[str]) -> list[str | Exception]:
        return [ValueError(item) if item == "b" else item.upper() for item in items]

    first, second, third = await Batcher(work).submit_all(["a", "b", "c"])

    assert (first, third) == ("A", "C")
    assert isinstance(second, ValueError)
    assert await Batcher(work).submit_all([]) == []


async def test_many_items_together_come_in_batches_of_the_greatest_size_with_what_waits_beside_them() -> None:
    work = FakeWork()
    batcher = Batcher(work, max_batch=3, max_waiting=100)
    work.gate.set()

    many, one, few = await asyncio.gather(
        batcher.submit_all(["a", "b", "c", "d"]), batcher.submit("e"), batcher.submit_all(["f", "g"])
    )

    assert work.batches == [["a", "b", "c"], ["d", "e"], ["f", "g"]]
    assert (many, one, few) == (["A", "B", "C", "D"], "E", ["F", "G"])
    assert batcher.waiting == 0


async def test_more_items_together_than_there_is_room_for_are_refused_at_once_and_none_is_worked_on() -> None:
    work = FakeWork()
    batcher = Batcher(work, max_waiting=3)
    waiting = submit(batcher, "a")
    await settle()

    with pytest.raises(Overloaded):
        await batcher.submit_all(["b", "c", "d", "e"])

    work.gate.set()
    await asyncio.gather(*waiting)
    assert work.batches == [["a"]]


async def test_items_together_leave_half_of_the_room_to_those_that_come_alone() -> None:
    work = FakeWork()
    batcher = Batcher(work, max_waiting=4)
    waiting = submit(batcher, "a")
    await settle()
    many = asyncio.create_task(batcher.submit_all(["b", "c"]))
    await settle()

    with pytest.raises(Overloaded):
        await batcher.submit_all(["d"])
    waiting += submit(batcher, "e")
    await settle()

    work.gate.set()
    await asyncio.gather(many, *waiting)
    assert [one for batch in work.batches for one in batch] == ["a", "b", "c", "e"]
