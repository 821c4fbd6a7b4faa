"""A model that keeps failing is left alone for a while; what is about one question does not count against it."""

import asyncio

import pytest

from app.models.domain import ModelReply
from app.observe.metrics import Metrics
from app.services.model.errors import (
    ModelBadAnswer,
    ModelCircuitOpen,
    ModelDenied,
    ModelError,
    ModelMisconfigured,
    ModelOverloaded,
    ModelRefused,
    ModelRejectedRequest,
    ModelTimeout,
    ModelUnavailable,
)
from app.services.model.stack.breaker import FAILURES_TO_OPEN, BreakerModel
from app.services.model.stack.counted import CountedModel
from app.services.model_client import Question
from tests.factories import make_call, make_reply
from tests.support.fake_model import FakeModel, Step, ask, failing, make_question

BUDGET_SECONDS = 30.0


def make_breaker(inner: FakeModel, open_seconds: float = 30) -> BreakerModel:
    return BreakerModel(inner, "fake", fair_budget_seconds=BUDGET_SECONDS, open_seconds=open_seconds)


async def fail(breaker: BreakerModel, times: int, jpeg: bytes = b"jpeg") -> None:
    for _ in range(times):
        with pytest.raises(ModelError):
            await ask(breaker, jpeg=jpeg)


async def test_failures_in_a_row_open_the_breaker_and_then_nobody_is_asked() -> None:
    inner = FakeModel([failing(ModelUnavailable)])
    breaker = make_breaker(inner)

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
    inner = FakeModel([*script, make_reply(), *script], call_ms=30_000)
    breaker = make_breaker(inner)

    await fail(breaker, FAILURES_TO_OPEN - 1)
    await ask(breaker)
    await fail(breaker, FAILURES_TO_OPEN - 1)

    assert breaker.closed


@pytest.mark.parametrize("kind", [ModelRefused, ModelBadAnswer, ModelRejectedRequest])
async def test_what_is_about_one_image_opens_no_breaker(kind: type[ModelError]) -> None:
    breaker = make_breaker(FakeModel([failing(kind)]))

    await fail(breaker, FAILURES_TO_OPEN * 2)

    assert breaker.closed


async def test_what_is_our_configuration_opens_it_at_once() -> None:
    breaker = make_breaker(FakeModel([failing(ModelMisconfigured)]))

    await fail(breaker, 1)

    assert not breaker.closed


async def test_a_full_queue_says_nothing_about_the_model() -> None:
    inner = FakeModel([failing(ModelOverloaded)])
    breaker = make_breaker(inner)

    await fail(breaker, FAILURES_TO_OPEN * 2)

    assert breaker.closed


@pytest.mark.parametrize("late", [make_reply(), ModelBadAnswer(), ModelUnavailable()])
async def test_what_was_asked_before_it_opened_neither_closes_it_nor_opens_it_again(late: Step) -> None:
    gate = asyncio.Event()

    async def wait(question: Question) -> ModelReply:
        await gate.wait()
        if isinstance(late, Exception):
            raise late
        return make_reply()

    inner = FakeModel([wait, failing(ModelMisconfigured), make_reply()])
    breaker = make_breaker(inner, open_seconds=0)
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

    async def wait(question: Question) -> ModelReply:
        await gate.wait()
        return make_reply()

    inner = FakeModel([failing(ModelMisconfigured), wait])
    breaker = make_breaker(inner, open_seconds=0)
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
    breaker = make_breaker(inner, open_seconds=0)
    await fail(breaker, FAILURES_TO_OPEN)
    breaker.open_seconds = 30

    await fail(breaker, 1)

    with pytest.raises(ModelCircuitOpen):
        await ask(breaker)
    assert inner.calls == FAILURES_TO_OPEN + 1


async def test_a_probe_whose_caller_leaves_makes_room_for_another() -> None:
    async def hang(question: Question) -> ModelReply:
        await asyncio.Event().wait()
        raise AssertionError

    inner = FakeModel([failing(ModelMisconfigured), hang, make_reply()])
    breaker = make_breaker(inner, open_seconds=0)
    await fail(breaker, 1)
    probe = asyncio.create_task(ask(breaker))
    while inner.calls == 1:
        await asyncio.sleep(0)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe

    await ask(breaker)

    assert breaker.closed


@pytest.mark.parametrize(("given_ms", "closed"), [(14_000, True), (15_000, False), (30_000, False)])
async def test_a_time_out_counts_only_if_the_model_had_half_of_its_fair_budget(given_ms: int, closed: bool) -> None:
    breaker = make_breaker(FakeModel([failing(ModelTimeout)], call_ms=given_ms))

    await fail(breaker, FAILURES_TO_OPEN)

    assert breaker.closed is closed


async def test_questions_that_had_no_time_left_when_they_were_sent_open_no_breaker() -> None:
    """The time before was spent by our own queue of images; the model would have answered."""

    async def hang(question: Question) -> ModelReply:
        try:
            async with asyncio.timeout_at(question.deadline.at):
                await asyncio.Event().wait()
        except TimeoutError:
            raise ModelTimeout from None
        raise AssertionError

    provider = CountedModel(FakeModel([hang], adds_calls=False), "openai", "gpt", "1", Metrics())
    breaker = BreakerModel(provider, "fake", fair_budget_seconds=0.5)

    await asyncio.gather(*(ask(breaker, seconds=0.05) for _ in range(20)), return_exceptions=True)
    assert breaker.closed

    await asyncio.gather(*(ask(breaker, seconds=0.5) for _ in range(20)), return_exceptions=True)
    assert not breaker.closed


async def test_what_an_earlier_attempt_took_is_not_added_to_the_time_that_the_model_had() -> None:
    breaker = make_breaker(FakeModel([failing(ModelTimeout)], call_ms=8_000))

    for _ in range(FAILURES_TO_OPEN):
        question = make_question()
        question.calls.append(make_call(duration_ms=20_000, outcome="unavailable"))
        with pytest.raises(ModelTimeout):
            await breaker.ask(question)

    assert breaker.closed


async def test_a_probe_without_a_fair_budget_leaves_the_next_question_to_find_out() -> None:
    inner = FakeModel([failing(ModelMisconfigured), failing(ModelTimeout), make_reply()], call_ms=100)
    breaker = make_breaker(inner, open_seconds=0)
    await fail(breaker, 1)
    breaker.open_seconds = 30

    await fail(breaker, 1)
    assert breaker.state == "half_open"
    await ask(breaker)

    assert breaker.closed


async def test_one_picture_that_is_denied_again_and_again_does_not_take_the_model_away() -> None:
    breaker = make_breaker(FakeModel([failing(ModelDenied)]))

    await fail(breaker, FAILURES_TO_OPEN * 2)

    assert breaker.closed


async def test_several_pictures_denied_in_a_row_open_it() -> None:
    inner = FakeModel([make_reply(), failing(ModelDenied)])
    breaker = make_breaker(inner)
    await ask(breaker)

    for number in range(FAILURES_TO_OPEN - 1):
        await fail(breaker, 1, jpeg=bytes([number]))
    assert breaker.closed
    await fail(breaker, 1, jpeg=b"one more")

    assert not breaker.closed


async def test_a_model_that_never_answered_is_left_alone_after_two_denied_pictures() -> None:
    breaker = make_breaker(FakeModel([failing(ModelDenied)]))

    await fail(breaker, 1, jpeg=b"one")
    assert breaker.closed
    await fail(breaker, 1, jpeg=b"another")

    assert not breaker.closed


async def test_an_answer_between_denied_pictures_starts_the_count_again() -> None:
    denied: list[Step] = [failing(ModelDenied)] * (FAILURES_TO_OPEN - 1)
    breaker = make_breaker(FakeModel([make_reply(), *denied, make_reply(), *denied]))

    for _ in range(2):
        await ask(breaker)
        for number in range(FAILURES_TO_OPEN - 1):
            await fail(breaker, 1, jpeg=bytes([number]))

    assert breaker.closed


async def test_a_denied_probe_does_not_keep_the_model_from_the_next_question() -> None:
    inner = FakeModel([failing(ModelMisconfigured), failing(ModelDenied), make_reply()])
    breaker = make_breaker(inner, open_seconds=0)
    await fail(breaker, 1)
    breaker.open_seconds = 30

    await fail(breaker, 1)
    await ask(breaker)

    assert breaker.closed
