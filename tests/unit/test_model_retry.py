"""A question that failed is asked once more where that can help."""

import asyncio

import pytest

from app.models.domain import Usage
from app.services.model.errors import (
    ModelBadAnswer,
    ModelCircuitOpen,
    ModelDenied,
    ModelError,
    ModelMisconfigured,
    ModelRefused,
    ModelRejectedRequest,
    ModelTimeout,
    ModelUnavailable,
)
from app.services.model.stack.retry import RetryingModel
from tests.factories import make_reply
from tests.support.fake_model import FakeModel, ask, failing, make_question


@pytest.mark.parametrize("kind", [ModelUnavailable, ModelBadAnswer])
async def test_what_may_pass_is_tried_once_more(kind: type[ModelError]) -> None:
    inner = FakeModel([failing(kind), make_reply()])

    assert (await ask(RetryingModel(inner))).classification == make_reply().classification
    assert inner.calls == 2


@pytest.mark.parametrize("kind", [ModelUnavailable, ModelBadAnswer])
async def test_what_fails_twice_has_failed(kind: type[ModelError]) -> None:
    inner = FakeModel([failing(kind)])

    with pytest.raises(kind):
        await ask(RetryingModel(inner))
    assert inner.calls == 2


@pytest.mark.parametrize(
    "kind", [ModelRefused, ModelTimeout, ModelMisconfigured, ModelDenied, ModelCircuitOpen, ModelRejectedRequest]
)
async def test_what_another_try_cannot_help_is_final(kind: type[ModelError]) -> None:
    inner = FakeModel([failing(kind), make_reply()])

    with pytest.raises(kind):
        await ask(RetryingModel(inner))
    assert inner.calls == 1


async def test_a_wish_to_wait_that_does_not_fit_the_budget_is_final_at_once() -> None:
    inner = FakeModel([failing(ModelUnavailable, retry_after_seconds=60), make_reply()])

    async with asyncio.timeout(1):
        with pytest.raises(ModelUnavailable):
            await ask(RetryingModel(inner), seconds=5)
    assert inner.calls == 1


async def test_a_wish_to_wait_that_fits_is_honoured() -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    inner = FakeModel([failing(ModelUnavailable, retry_after_seconds=3), make_reply()])

    await ask(RetryingModel(inner, sleep))

    assert pauses == [3]
    assert inner.calls == 2


async def test_the_reply_has_the_tokens_of_its_own_call_and_the_question_those_of_all() -> None:
    spent = Usage(100, 10, 5)
    question = make_question()

    reply = await RetryingModel(FakeModel([failing(ModelBadAnswer), make_reply()], call_usage=spent)).ask(question)

    assert reply.usage == make_reply().usage
    assert question.usage == spent + spent


async def test_a_caller_who_leaves_during_the_pause_ends_it() -> None:
    inner = FakeModel([failing(ModelUnavailable, retry_after_seconds=3), make_reply()])
    caller = asyncio.create_task(ask(RetryingModel(inner)))
    while inner.calls == 0:
        await asyncio.sleep(0)
    caller.cancel()

    with pytest.raises(asyncio.CancelledError):
        await caller
    assert inner.calls == 1
