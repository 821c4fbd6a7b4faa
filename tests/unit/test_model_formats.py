"""The strictest answer format that a server takes is found, and kept."""

import pytest

from app.services.model.errors import ModelBadAnswer, ModelError, ModelRefused, ModelRejectedRequest
from app.services.model.stack.formats import FormatsModel
from tests.factories import make_reply
from tests.support.fake_model import FakeModel, ask, failing


async def test_a_rejected_format_is_followed_by_the_next_and_the_one_that_answers_is_kept() -> None:
    strict, loose = FakeModel([failing(ModelRejectedRequest)]), FakeModel([make_reply()])
    model = FormatsModel([strict, loose])

    await ask(model)
    await ask(model)

    assert (strict.calls, loose.calls) == (1, 2)


async def test_after_an_answer_a_rejected_request_is_about_the_image() -> None:
    strict, loose = FakeModel([make_reply(), failing(ModelRejectedRequest)]), FakeModel([make_reply()])
    model = FormatsModel([strict, loose])
    await ask(model)

    with pytest.raises(ModelRejectedRequest):
        await ask(model)
    assert (strict.calls, loose.calls) == (2, 0)


@pytest.mark.parametrize("kind", [ModelRefused, ModelBadAnswer])
async def test_what_is_no_rejection_is_no_reason_to_ask_for_less_and_settles_nothing(kind: type[ModelError]) -> None:
    strict = FakeModel([failing(kind), failing(ModelRejectedRequest)])
    loose = FakeModel([make_reply()])
    model = FormatsModel([strict, loose])

    with pytest.raises(kind):
        await ask(model)
    assert loose.calls == 0

    await ask(model)
    assert loose.calls == 1
