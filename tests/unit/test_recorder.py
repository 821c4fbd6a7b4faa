"""What is written down of an answer, and which answers get a row in the request log."""

import pytest

from app.errors import DatabaseUnavailable
from app.models.domain import ModelReply, Outcome
from app.services.records.recorder import Recorder
from tests.factories import make_classification, make_context, make_reply
from tests.fakes import NOON, FakeCommits, as_any, fixed_clock


async def record(
    *,
    user: str | None = "device-42",
    size: int | None = None,
    reply: ModelReply | None = None,
    log_requests: bool = True,
) -> Outcome:
    """Record one answer, and return what was written down."""
    commits = FakeCommits()
    recorder = Recorder(as_any(commits), fixed_clock, log_requests)
    context = make_context(user_id=user)
    await recorder.record(context, "a" * 64, make_classification(), 17, image_size=size, reply=reply)
    (outcome,) = commits.outcomes
    assert outcome.context is context
    return outcome


async def test_an_answer_is_written_down_as_it_was_given() -> None:
    outcome = await record(size=1000)

    assert (outcome.image_hash, outcome.classification) == ("a" * 64, make_classification())
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
    recorder = Recorder(as_any(FakeCommits(failure=DatabaseUnavailable(detail="away"))), fixed_clock, log_requests=True)

    with pytest.raises(DatabaseUnavailable):
        await recorder.record(make_context(), "a" * 64, make_classification(), 17)
