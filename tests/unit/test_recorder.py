"""What the recorder makes of an answer and of a failure."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import cast

from app.models.domain import Failure, Outcome, Usage
from app.models.prices import Prices
from app.services.records.group_commit import GroupCommit
from app.services.records.recorder import Recorder
from tests.factories import make_call, make_classification, make_context, make_image_hash, make_reply

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


@dataclass
class FakeCommits:
    """Takes records as `GroupCommit` does."""

    taken: list[Outcome | Failure] = field(default_factory=list)

    async def record(self, outcome: Outcome | Failure) -> None:
        self.taken.append(outcome)


def make_recorder(commits: FakeCommits) -> Recorder:
    return Recorder(
        cast(GroupCommit, commits), lambda: NOON, True, Prices(Decimal("0.01"), Decimal("0.10"), Decimal("0.50"))
    )


async def test_each_question_gets_its_cost_at_the_present_prices() -> None:
    commits, reply = FakeCommits(), make_reply()
    calls = [
        make_call(outcome="unavailable", usage=Usage(), cost=None),
        make_call(usage=Usage(1_000_000, 0, 0), cost=None),
    ]

    await make_recorder(commits).record(
        make_context(), make_image_hash(), reply.classification, 5, image_size=9, reply=reply, calls=calls
    )

    (outcome,) = commits.taken
    assert [call.cost for call in outcome.calls] == [0, Decimal("0.1")]


async def test_a_failure_is_recorded_with_its_questions_and_until_when_the_image_is_refused() -> None:
    commits, context, image_hash = FakeCommits(), make_context(), make_image_hash()
    until = NOON + timedelta(days=1)

    await make_recorder(commits).record_failure(
        context, image_hash, [make_call(outcome="refused", usage=Usage(10, 0, 0), cost=None)], refused_until=until
    )

    (failure,) = commits.taken
    assert isinstance(failure, Failure)
    assert (failure.request_id, failure.image_hash, failure.created_at) == (context.request_id, image_hash, NOON)
    assert (failure.refused_until, failure.usage) == (until, Usage(10, 0, 0))
    assert [call.cost for call in failure.calls] == [Decimal("0.000001")]


async def test_an_answer_from_the_cache_has_no_questions() -> None:
    commits = FakeCommits()

    await make_recorder(commits).record(make_context(), make_image_hash(), make_classification(), 1)

    (outcome,) = commits.taken
    assert outcome.calls == ()
