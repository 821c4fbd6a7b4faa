"""Outcomes of one moment are one batch, and whoever recorded one goes on when it is durable."""

import asyncio

import pytest

from app.errors import DatabaseUnavailable, Overloaded
from app.models.domain import Outcome
from app.observe.metrics import Metrics
from app.services.records.group_commit import GroupCommit
from tests.factories import make_outcome
from tests.fakes import FakeWriter, as_any
from tests.support.waiting import until


def make_hit() -> Outcome:
    return make_outcome(reply=None)


def group_commit(writer: FakeWriter, metrics: Metrics | None = None, max_waiting: int = 100) -> GroupCommit:
    return GroupCommit(as_any(writer), metrics=metrics or Metrics(), max_waiting=max_waiting)


def begin(commits: GroupCommit, *outcomes: Outcome) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(commits.record(outcome)) for outcome in outcomes]


async def test_outcomes_of_one_moment_are_one_batch() -> None:
    writer = FakeWriter()

    await asyncio.gather(*begin(group_commit(writer), *(make_outcome() for _ in range(5))))

    assert [written.answers for written in writer.durable] == [5]


async def test_a_caller_goes_on_when_the_outcome_is_durable_and_not_before() -> None:
    writer = FakeWriter()
    writer.gate.clear()
    (caller,) = begin(group_commit(writer), make_outcome())
    await until(lambda: writer.tried == 1)
    assert not caller.done()

    writer.gate.set()
    await caller

    assert len(writer.durable) == 1


async def test_batches_are_numbered_upwards_in_a_series_of_the_processs_own() -> None:
    writer = FakeWriter()
    one, other = group_commit(writer), group_commit(writer)

    for commits in (one, one, other, one):
        await commits.record(make_outcome())

    first, second, foreign, third = writer.durable
    assert [first.number, second.number, third.number, foreign.number] == [1, 2, 3, 1]
    assert first.writer == second.writer == third.writer != foreign.writer


async def test_a_batch_that_failed_does_not_lend_its_number_to_the_next() -> None:
    writer = FakeWriter(failure=DatabaseUnavailable(detail="away"))
    commits = group_commit(writer)
    with pytest.raises(DatabaseUnavailable):
        await commits.record(make_outcome())
    writer.failure = None

    await commits.record(make_outcome())

    assert [written.number for written in writer.durable] == [2]


async def test_where_too_many_wait_a_hit_is_turned_away_and_a_paid_answer_is_not() -> None:
    writer = FakeWriter()
    commits = group_commit(writer, max_waiting=2)
    waiting = begin(commits, make_hit(), make_outcome())
    await asyncio.sleep(0)

    with pytest.raises(Overloaded):
        await commits.record(make_hit())
    await commits.record(make_outcome())

    await asyncio.gather(*waiting)
    assert sum(written.answers for written in writer.durable) == 3


async def test_batches_are_measured_and_those_that_fail_too() -> None:
    metrics, writer = Metrics(), FakeWriter()
    commits = group_commit(writer, metrics)
    await asyncio.gather(*begin(commits, make_hit(), make_hit()))
    writer.failure = DatabaseUnavailable(detail="away")

    with pytest.raises(DatabaseUnavailable):
        await commits.record(make_hit())

    assert metrics.commit_batch_size.tallies[()].total == 3
    assert sum(metrics.commit_seconds.tallies[()].counts) == 2


async def test_how_many_wait_shows() -> None:
    metrics, writer = Metrics(), FakeWriter()
    writer.gate.clear()
    commits = group_commit(writer, metrics)
    callers = begin(commits, make_hit())
    await until(lambda: writer.tried == 1)
    callers += begin(commits, make_hit(), make_hit())
    await asyncio.sleep(0)

    assert metrics.queues.read() == {("records",): 2}
    writer.gate.set()
    await asyncio.gather(*callers)


async def test_closing_writes_what_waits() -> None:
    writer = FakeWriter()
    commits = group_commit(writer)
    callers = begin(commits, make_hit(), make_hit())
    await asyncio.sleep(0)

    await commits.close()

    assert [written.answers for written in writer.durable] == [2]
    await asyncio.gather(*callers)
