"""Lookups of one moment are one statement."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from app.errors import DatabaseUnavailable, Overloaded
from app.models.domain import Classification
from app.observe.metrics import Metrics
from app.services.cache.lookups import BatchedLookups
from tests.factories import make_classification


class FakeTable:
    """Knows `known`, notes what it is asked for, and answers when the gate is open."""

    def __init__(self, *known: str) -> None:
        self.known = {image_hash: make_classification(description=image_hash) for image_hash in known}
        self.asked: list[list[str]] = []
        self.gate = asyncio.Event()
        self.failure: Exception | None = None

    async def fetch(self, image_hashes: Sequence[str]) -> Mapping[str, Classification]:
        self.asked.append(sorted(image_hashes))
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return {image_hash: self.known[image_hash] for image_hash in image_hashes if image_hash in self.known}


def ask(lookups: BatchedLookups, image_hashes: str) -> list[asyncio.Task[Classification | None]]:
    return [asyncio.create_task(lookups.fetch_one(image_hash)) for image_hash in image_hashes]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_arrives_during_a_statement_leaves_together_with_the_next() -> None:
    table = FakeTable("a", "c")
    lookups = BatchedLookups(table.fetch, metrics=Metrics())

    first = ask(lookups, "a")
    await settle()
    second = ask(lookups, "bcb")
    await settle()
    table.gate.set()

    assert [found and found.description for found in await asyncio.gather(*first, *second)] == ["a", None, "c", None]
    assert table.asked == [["a"], ["b", "c"]]


async def test_a_caller_who_leaves_takes_nobody_along() -> None:
    table = FakeTable("a")
    leaving, staying = ask(BatchedLookups(table.fetch, metrics=Metrics()), "aa")
    await settle()

    leaving.cancel()
    table.gate.set()

    assert await staying == table.known["a"]


async def test_a_failure_reaches_all_of_its_batch_and_none_after_it() -> None:
    table = FakeTable("a")
    table.gate.set()
    table.failure = DatabaseUnavailable()
    lookups = BatchedLookups(table.fetch, metrics=Metrics())

    results = await asyncio.gather(*ask(lookups, "ab"), return_exceptions=True)
    table.failure = None

    assert [type(result) for result in results] == [DatabaseUnavailable] * 2
    assert await lookups.fetch_one("a") == table.known["a"]


async def test_a_full_queue_answers_at_once() -> None:
    table = FakeTable()
    lookups = BatchedLookups(table.fetch, max_waiting=2, metrics=Metrics())
    waiting = ask(lookups, "ab")
    await asyncio.sleep(0)

    with pytest.raises(Overloaded):
        await lookups.fetch_one("c")
    table.gate.set()
    await asyncio.gather(*waiting)


async def test_no_statement_asks_for_more_than_512_images() -> None:
    table = FakeTable()
    table.gate.set()
    lookups = BatchedLookups(table.fetch, metrics=Metrics())

    await asyncio.gather(*(lookups.fetch_one(f"{number}") for number in range(1200)))

    assert sorted(len(asked) for asked in table.asked) == [176, 512, 512]
