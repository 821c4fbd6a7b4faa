"""A second model answers what the first one will not or cannot."""

import pytest

from app.models.domain import Usage
from app.services.model.errors import (
    ModelBadAnswer,
    ModelError,
    ModelMisconfigured,
    ModelOverloaded,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
)
from app.services.model.stack.fallback import FallbackModel
from tests.factories import make_reply
from tests.support.fake_model import FakeModel, ask, failing, make_question


@pytest.mark.parametrize(
    "kind", [ModelRefused, ModelTimeout, ModelUnavailable, ModelBadAnswer, ModelMisconfigured, ModelOverloaded]
)
async def test_whatever_the_first_fails_at_the_second_is_asked_once(kind: type[ModelError]) -> None:
    spent = Usage(100, 10, 0)
    first = FakeModel([failing(kind)], call_usage=spent)
    second = FakeModel([make_reply(model_used="second")], call_usage=spent)
    question = make_question()

    reply = await FallbackModel(first, second).ask(question)

    assert reply.model_used == "second"
    assert question.usage == spent + spent
    assert (first.calls, second.calls) == (1, 1)


async def test_the_first_leaves_time_for_the_second() -> None:
    first, second = FakeModel([failing(ModelTimeout)]), FakeModel([make_reply()])

    await ask(FallbackModel(first, second), seconds=10)

    assert second.questions[0].deadline.at - first.questions[0].deadline.at == pytest.approx(4, abs=0.1)


async def test_a_refusal_by_the_first_stays_one_when_the_second_fails() -> None:
    model = FallbackModel(FakeModel([failing(ModelRefused)]), FakeModel([failing(ModelUnavailable)]))

    with pytest.raises(ModelRefused):
        await ask(model)


async def test_when_both_fail_the_last_failure_is_told() -> None:
    model = FallbackModel(FakeModel([failing(ModelUnavailable)]), FakeModel([failing(ModelTimeout)]))

    with pytest.raises(ModelTimeout):
        await ask(model)
