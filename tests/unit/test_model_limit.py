"""So many questions run at the same time, so many wait, and no more."""

import asyncio

import pytest

from app.models.domain import ModelReply
from app.services.model.errors import ModelOverloaded
from app.services.model.stack.limit import LimitedModel
from app.services.model_client import Question
from tests.factories import make_reply
from tests.support.fake_model import FakeModel, ask


async def test_so_many_run_so_many_wait_and_the_next_fails_at_once() -> None:
    gate = asyncio.Event()

    async def wait(question: Question) -> ModelReply:
        await gate.wait()
        return make_reply()

    inner = FakeModel([wait])
    model = LimitedModel(inner, max_concurrency=2)
    callers = [asyncio.create_task(ask(model)) for _ in range(10)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    with pytest.raises(ModelOverloaded):
        await ask(model)
    assert inner.calls == 2

    gate.set()
    await asyncio.gather(*callers)
    assert inner.calls == 10
    await ask(model)


async def test_waiting_for_a_place_ends_with_the_budget_and_keeps_none() -> None:
    gate = asyncio.Event()

    async def wait(question: Question) -> ModelReply:
        await gate.wait()
        return make_reply()

    model = LimitedModel(FakeModel([wait]), max_concurrency=1)
    running = asyncio.create_task(ask(model))
    await asyncio.sleep(0)

    for _ in range(6):
        with pytest.raises(ModelOverloaded):
            await ask(model, seconds=0.01)

    gate.set()
    await running
    await ask(model)
