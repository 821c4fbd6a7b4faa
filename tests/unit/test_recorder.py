"""What is written down of an answer, and which answers get a row in the request log."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from app.errors import DatabaseUnavailable
from app.models.domain import Failure, ModelReply, Outcome, Usage
from app.models.prices import Prices
from app.services.records.recorder import Recorder
from tests.factories import make_call, make_context, make_image_hash, make_known, make_reply
from tests.fakes import NOON, FakeCommits, as_any, fixed_clock

PRICES = Prices(Decimal("0.01"), Decimal("0.10"), Decimal("0.50"))


async def record(
    *,
    user: str | None = "device-42",
    size: int | None = None,
    reply: ModelReply | None = None,
    log_requests: bool = True,
) -> Outcome:
    """Record one answer, and return what was written down."""
    commits = FakeCommits()
    recorder = Recorder(as_any(commits), fixed_clock, log_requests, PRICES)
    context = make_context(user_id=user)
    await recorder.record(context, "a" * 64, make_known("a" * 64), 17, image_size=size, reply=reply)
    (outcome,) = commits.outcomes
    assert isinstance(outcome, Outcome)
    assert outcome.context is context
    return outcome


async def test_an_answer_is_written_down_as_it_was_given() -> None:
    outcome = await record(size=1000)

    assert (outcome.image_hash, outcome.classification) == ("a" * 64, make_known().classification)
    assert (outcome.image_size, outcome.processing_time_ms, outcome.created_at) == (1000, 17, NOON)


async def test_an_answer_with_a_reply_is_new_and_one_without_is_a_hit() -> None:
    reply = make_reply()

    assert (await record(size=1000, reply=reply)).reply is reply
    assert (await record(size=1000, reply=reply)).from_cache is False
    assert (await record(size=1000)).from_cache is True


@pytest.mark.parametrize(
    ("user", "size", "logged"),
    [("device-42", 1000, True), (None, 1000, True), ("device-42", None, True), (None, None, False)],
)
async def test_an_upload_is_logged_and_a_lookup_where_its_user_is_known(
    user: str | None, size: int | None, logged: bool
) -> None:
    assert (await record(user=user, size=size)).logged is logged
    assert (await record(user=user, size=size, log_requests=False)).logged is False


async def test_what_could_not_be_written_down_is_not_kept_quiet() -> None:
    recorder = Recorder(
        as_any(FakeCommits(failure=DatabaseUnavailable(detail="away"))), fixed_clock, log_requests=True, prices=PRICES
    )

    with pytest.raises(DatabaseUnavailable):
        await recorder.record(make_context(), "a" * 64, make_known("a" * 64), 17)


def make_recorder(commits: FakeCommits) -> Recorder:
    return Recorder(as_any(commits), fixed_clock, True, PRICES)


async def test_each_question_gets_its_cost_at_the_present_prices() -> None:
    commits = FakeCommits()
    calls = (
        make_call(outcome="unavailable", usage=Usage(), cost=None),
        make_call(usage=Usage(1_000_000, 0, 0), cost=None),
    )
    reply = replace(make_reply(), calls=calls)

    await make_recorder(commits).record(make_context(), make_image_hash(), make_known(), 5, image_size=9, reply=reply)

    (outcome,) = commits.outcomes
    assert [call.cost for call in outcome.calls] == [0, Decimal("0.1")]


async def test_a_failure_is_recorded_with_its_questions_and_until_when_the_image_is_refused() -> None:
    commits, context, image_hash = FakeCommits(), make_context(), make_image_hash()
    until = NOON + timedelta(days=1)

    await make_recorder(commits).record_failure(
        context,
        [image_hash, "c1:other"],
        [make_call(outcome="refused", usage=Usage(10, 0, 0), cost=None)],
        refused_until=until,
    )

    (failure,) = commits.outcomes
    assert isinstance(failure, Failure)
    assert (failure.request_id, failure.image_hash, failure.created_at) == (context.request_id, image_hash, NOON)
    assert failure.other_names == ("c1:other",)
    assert (failure.refused_until, failure.usage) == (until, Usage(10, 0, 0))
    assert [call.cost for call in failure.calls] == [Decimal("0.000001")]


async def test_an_answer_from_the_cache_has_no_questions() -> None:
    commits = FakeCommits()

    await make_recorder(commits).record(make_context(), make_image_hash(), make_known(), 1)

    (outcome,) = commits.outcomes
    assert outcome.calls == ()
