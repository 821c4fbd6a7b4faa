"""Every question that is really sent is counted and kept with the question, whatever became of it."""

import asyncio
from datetime import UTC, datetime

import pytest

from app.models.domain import ModelReply, Usage
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
from app.services.model.stack.counted import CountedModel, CountedSkips
from app.services.model_client import Question
from tests.factories import make_reply
from tests.support.fake_model import FakeModel, Step, failing, make_question

NOW = datetime(2025, 10, 10, 12, tzinfo=UTC)


def counted(step: Step) -> CountedModel:
    return CountedModel(FakeModel([step], adds_calls=False), "openai", "gpt", "7", Metrics(), clock=lambda: NOW)


async def test_an_answer_is_kept_with_its_tokens_and_its_time() -> None:
    question = make_question()

    await counted(make_reply()).ask(question)

    (call,) = question.calls
    assert (call.provider, call.model, call.prompt_version, call.outcome) == ("openai", "gpt", "7", "answered")
    assert (call.usage, call.started_at) == (make_reply().usage, NOW)
    assert 0 <= call.duration_ms < 5000


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (ModelRefused, "refused"),
        (ModelBadAnswer, "bad_answer"),
        (ModelRejectedRequest, "rejected"),
        (ModelUnavailable, "unavailable"),
        (ModelMisconfigured, "misconfigured"),
        (ModelDenied, "misconfigured"),
        (ModelTimeout, "timeout"),
    ],
)
async def test_a_failure_is_kept_with_what_it_cost(kind: type[ModelError], outcome: str) -> None:
    question, error = make_question(), kind()
    error.usage = Usage(100, 10, 5)

    with pytest.raises(kind):
        await counted(error).ask(question)

    assert [(call.outcome, call.usage) for call in question.calls] == [(outcome, Usage(100, 10, 5))]


async def test_a_question_whose_caller_left_is_kept_as_cancelled() -> None:
    asked = asyncio.Event()

    async def hang(question: Question) -> ModelReply:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    question = make_question()
    caller = asyncio.create_task(counted(hang).ask(question))
    await asked.wait()
    caller.cancel()
    await asyncio.wait([caller])

    assert [call.outcome for call in question.calls] == ["cancelled"]


async def test_all_calls_of_a_question_are_kept_in_order_and_summed() -> None:
    question, bad = make_question(), failing(ModelBadAnswer)
    bad.usage = Usage(100, 10, 5)

    with pytest.raises(ModelBadAnswer):
        await counted(bad).ask(question)
    await counted(make_reply()).ask(question)

    assert [call.outcome for call in question.calls] == ["bad_answer", "answered"]
    assert question.usage == Usage(100, 10, 5) + make_reply().usage


@pytest.mark.parametrize("kind", [ModelCircuitOpen, ModelOverloaded])
async def test_a_question_that_was_not_sent_is_not_kept(kind: type[ModelError]) -> None:
    question = make_question()

    with pytest.raises(kind):
        await CountedSkips(FakeModel([failing(kind)], adds_calls=False), "openai", "gpt", Metrics()).ask(question)

    assert question.calls == []
