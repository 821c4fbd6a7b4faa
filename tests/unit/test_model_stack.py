"""Each layer around a model by itself: what it lets through, what it holds back, what it remembers."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.models.domain import ModelReply, Usage
from app.services.model.errors import (
    ModelBadAnswer,
    ModelCircuitOpen,
    ModelError,
    ModelMisconfigured,
    ModelOverloaded,
    ModelRefused,
    ModelRejectedRequest,
    ModelTimeout,
    ModelUnavailable,
)
from app.services.model.stack.breaker import FAILURES_TO_OPEN, BreakerModel
from app.services.model.stack.fallback import FallbackModel
from app.services.model.stack.limit import LimitedModel
from app.services.model.stack.retry import RetryingModel
from app.utils.deadline import Deadline
from tests.factories import make_reply

Step = ModelReply | Exception | Callable[[Deadline], Awaitable[ModelReply]]


@dataclass
class FakeModel:
    """Answers as its script says, a step a call; the last step again for all further calls."""

    script: list[Step]
    deadlines: list[Deadline] = field(default_factory=list)
    closed: bool = False

    async def classify(self, jpeg: bytes, deadline: Deadline) -> ModelReply:
        self.deadlines.append(deadline)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, ModelReply) else await step(deadline)

    async def close(self) -> None:
        self.closed = True

    @property
    def calls(self) -> int:
        return len(self.deadlines)


def failing(kind: type[ModelError], usage: Usage | None = None, retry_after_seconds: int | None = None) -> ModelError:
    error = kind(retry_after_seconds=retry_after_seconds)
    error.usage = usage or Usage()
    return error


async def ask(model: Any, seconds: float = 5.0) -> ModelReply:
    reply: ModelReply = await model.classify(b"jpeg", Deadline.after(seconds))
    return reply


# Retry


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
    "kind", [ModelRefused, ModelTimeout, ModelMisconfigured, ModelCircuitOpen, ModelRejectedRequest]
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
    inner = FakeModel([failing(ModelUnavailable, retry_after_seconds=1), make_reply()])
    loop = asyncio.get_running_loop()
    started = loop.time()

    await ask(RetryingModel(inner), seconds=5)

    assert loop.time() - started >= 1


async def test_tokens_of_all_attempts_are_summed_in_answers_and_in_failures() -> None:
    spent = Usage(100, 10, 5)
    answer = RetryingModel(FakeModel([failing(ModelBadAnswer, spent), make_reply()]))
    failure = RetryingModel(FakeModel([failing(ModelBadAnswer, spent), failing(ModelBadAnswer, spent)]))

    assert (await ask(answer)).usage == spent + make_reply().usage
    with pytest.raises(ModelBadAnswer) as caught:
        await ask(failure)
    assert caught.value.usage == spent + spent


async def test_a_caller_who_leaves_during_the_pause_ends_it() -> None:
    inner = FakeModel([failing(ModelUnavailable, retry_after_seconds=3), make_reply()])
    caller = asyncio.create_task(ask(RetryingModel(inner)))
    while inner.calls == 0:
        await asyncio.sleep(0)
    caller.cancel()

    with pytest.raises(asyncio.CancelledError):
        await caller
    assert inner.calls == 1


# Breaker


async def fail(breaker: BreakerModel, times: int) -> None:
    for _ in range(times):
        with pytest.raises(ModelError):
            await ask(breaker)


async def test_failures_in_a_row_open_the_breaker_and_then_nobody_is_asked() -> None:
    inner = FakeModel([failing(ModelUnavailable)])
    breaker = BreakerModel(inner, "fake")

    await fail(breaker, FAILURES_TO_OPEN - 1)
    assert breaker.closed
    await fail(breaker, 1)
    assert not breaker.closed

    with pytest.raises(ModelCircuitOpen) as caught:
        await ask(breaker)
    assert inner.calls == FAILURES_TO_OPEN
    assert caught.value.retry_after_seconds is not None
    assert 0 < caught.value.retry_after_seconds <= 30


async def test_an_answer_between_failures_starts_the_count_again() -> None:
    script: list[Step] = [failing(ModelTimeout)] * (FAILURES_TO_OPEN - 1)
    inner = FakeModel([*script, make_reply(), *script])
    breaker = BreakerModel(inner, "fake")

    await fail(breaker, FAILURES_TO_OPEN - 1)
    await ask(breaker)
    await fail(breaker, FAILURES_TO_OPEN - 1)

    assert breaker.closed


@pytest.mark.parametrize("kind", [ModelRefused, ModelBadAnswer, ModelRejectedRequest])
async def test_what_is_about_one_image_opens_no_breaker(kind: type[ModelError]) -> None:
    breaker = BreakerModel(FakeModel([failing(kind)]), "fake")

    await fail(breaker, FAILURES_TO_OPEN * 2)

    assert breaker.closed


async def test_what_is_our_configuration_opens_it_at_once() -> None:
    breaker = BreakerModel(FakeModel([failing(ModelMisconfigured)]), "fake")

    await fail(breaker, 1)

    assert not breaker.closed


async def test_a_full_queue_says_nothing_about_the_model() -> None:
    inner = FakeModel([failing(ModelOverloaded)])
    breaker = BreakerModel(inner, "fake")

    await fail(breaker, FAILURES_TO_OPEN * 2)

    assert breaker.closed


@pytest.mark.parametrize("late", [make_reply(), ModelBadAnswer(), ModelUnavailable()])
async def test_what_was_asked_before_it_opened_neither_closes_it_nor_opens_it_again(late: Step) -> None:
    gate = asyncio.Event()

    async def wait(deadline: Deadline) -> ModelReply:
        await gate.wait()
        if isinstance(late, Exception):
            raise late
        return make_reply()

    inner = FakeModel([wait, failing(ModelMisconfigured), make_reply()])
    breaker = BreakerModel(inner, "fake", open_seconds=0)
    early = asyncio.create_task(ask(breaker))
    while inner.calls == 0:
        await asyncio.sleep(0)
    await fail(breaker, 1)
    breaker.open_seconds = 30

    gate.set()
    await asyncio.wait([early])

    assert not breaker.closed
    await ask(breaker)  # the probe, still due
    assert breaker.closed


async def test_one_probe_goes_through_a_half_open_breaker_and_closes_it_if_answered() -> None:
    gate = asyncio.Event()

    async def wait(deadline: Deadline) -> ModelReply:
        await gate.wait()
        return make_reply()

    inner = FakeModel([failing(ModelMisconfigured), wait])
    breaker = BreakerModel(inner, "fake", open_seconds=0)
    await fail(breaker, 1)

    probe = asyncio.create_task(ask(breaker))
    while inner.calls == 1:
        await asyncio.sleep(0)
    with pytest.raises(ModelCircuitOpen):
        await ask(breaker)
    gate.set()

    await probe
    assert breaker.closed
    assert inner.calls == 2


async def test_a_probe_that_fails_opens_it_again() -> None:
    inner = FakeModel([failing(ModelUnavailable)])
    breaker = BreakerModel(inner, "fake", open_seconds=0)
    await fail(breaker, FAILURES_TO_OPEN)
    breaker.open_seconds = 30

    await fail(breaker, 1)

    with pytest.raises(ModelCircuitOpen):
        await ask(breaker)
    assert inner.calls == FAILURES_TO_OPEN + 1


async def test_a_probe_whose_caller_leaves_makes_room_for_another() -> None:
    async def hang(deadline: Deadline) -> ModelReply:
        await asyncio.Event().wait()
        raise AssertionError

    inner = FakeModel([failing(ModelMisconfigured), hang, make_reply()])
    breaker = BreakerModel(inner, "fake", open_seconds=0)
    await fail(breaker, 1)
    probe = asyncio.create_task(ask(breaker))
    while inner.calls == 1:
        await asyncio.sleep(0)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe

    await ask(breaker)

    assert breaker.closed


# Limit


async def test_so_many_run_so_many_wait_and_the_next_fails_at_once() -> None:
    gate = asyncio.Event()

    async def wait(deadline: Deadline) -> ModelReply:
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


async def test_waiting_for_a_turn_ends_with_the_budget_and_keeps_no_place() -> None:
    gate = asyncio.Event()

    async def wait(deadline: Deadline) -> ModelReply:
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


# Fallback


@pytest.mark.parametrize(
    "kind", [ModelRefused, ModelTimeout, ModelUnavailable, ModelBadAnswer, ModelMisconfigured, ModelOverloaded]
)
async def test_whatever_the_first_fails_at_the_second_is_asked_once(kind: type[ModelError]) -> None:
    spent = Usage(100, 10, 0)
    first, second = FakeModel([failing(kind, spent)]), FakeModel([make_reply(model_used="second")])

    reply = await ask(FallbackModel(first, second))

    assert reply.model_used == "second"
    assert reply.usage == spent + make_reply().usage
    assert (first.calls, second.calls) == (1, 1)


async def test_the_first_leaves_time_for_the_second() -> None:
    first, second = FakeModel([failing(ModelTimeout)]), FakeModel([make_reply()])

    await ask(FallbackModel(first, second), seconds=10)

    assert second.deadlines[0].at - first.deadlines[0].at == pytest.approx(4, abs=0.1)


async def test_a_refusal_by_the_first_stays_one_when_the_second_fails() -> None:
    model = FallbackModel(FakeModel([failing(ModelRefused)]), FakeModel([failing(ModelUnavailable)]))

    with pytest.raises(ModelRefused):
        await ask(model)


async def test_when_both_fail_the_last_failure_is_told() -> None:
    model = FallbackModel(FakeModel([failing(ModelUnavailable)]), FakeModel([failing(ModelTimeout)]))

    with pytest.raises(ModelTimeout):
        await ask(model)


async def test_closing_the_stack_closes_every_provider() -> None:
    providers = [FakeModel([make_reply()]), FakeModel([make_reply()])]
    first, second = (RetryingModel(BreakerModel(LimitedModel(provider, 1), "fake")) for provider in providers)

    await FallbackModel(first, second).close()

    assert [provider.closed for provider in providers] == [True, True]
