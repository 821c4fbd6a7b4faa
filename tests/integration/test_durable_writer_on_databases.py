"""Records are durable in the database or in the spool, and end up in the database once, on both databases."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from app.database import Database, Sql
from app.errors import DatabaseUnavailable, Overloaded
from app.models.domain import Failure, Outcome
from app.observe.metrics import Metrics
from app.repositories.record_batch import RecordBatch
from app.repositories.record_repository import RecordRepository
from app.repositories.refusal_repository import RefusalRepository
from app.services.records.durable_writer import DurableWriter
from app.services.records.group_commit import GroupCommit
from app.services.records.rejected_files import RejectedFiles
from app.services.records.sifted_tables import SiftedTables
from app.utils.clock import utc_now
from tests.factories import make_call, make_failure, make_hit, make_outcome
from tests.support.unreliable_database import UnreliableDatabase


@pytest.fixture
def unreliable(database: Database) -> UnreliableDatabase:
    return UnreliableDatabase(database)


@pytest.fixture
async def writer(unreliable: UnreliableDatabase, tmp_path: Path) -> AsyncIterator[DurableWriter]:
    opened = open_writer(unreliable, tmp_path)
    yield opened
    await opened.close()


def open_writer(database: Database, folder: Path, max_bytes: int = 100_000_000) -> DurableWriter:
    metrics = Metrics()
    rejected = RejectedFiles(folder / "spool", metrics, utc_now)
    return DurableWriter(SiftedTables(RecordRepository(database), rejected), folder / "spool", max_bytes, metrics)


async def spool(unreliable: UnreliableDatabase, writer: DurableWriter, outcomes: Sequence[Outcome | Failure]) -> None:
    """Record outcomes, a batch each, while the database is away."""
    unreliable.away = True
    for outcome in outcomes:
        await GroupCommit(writer, metrics=Metrics()).record(outcome)
    unreliable.away = False


async def leave_spool(unreliable: UnreliableDatabase, folder: Path, outcomes: Sequence[Outcome]) -> None:
    """Leave behind the spool of a process that recorded outcomes and died."""
    dead = open_writer(unreliable, folder)
    await spool(unreliable, dead, outcomes)
    await dead.close()


async def hit_counts(database: Database) -> list[int]:
    rows = await database.fetch_all(Sql.same("SELECT hit_count FROM image_classification_cache ORDER BY 1"), {})
    return [count for (count,) in rows]


async def logged_ids(database: Database) -> list[str]:
    rows = await database.fetch_all(Sql.same("SELECT request_id FROM request_log ORDER BY 1"), {})
    return [identifier for (identifier,) in rows]


async def test_a_batch_given_twice_is_written_once(database: Database) -> None:
    first = make_outcome()
    batch = RecordBatch.of("w", 1, [first, make_hit(first), make_hit(first, logged=False)])

    await RecordRepository(database).write([batch])
    await RecordRepository(database).write([batch])

    assert await hit_counts(database) == [3]
    assert len(await logged_ids(database)) == 2


async def test_a_batch_that_comes_too_late_changes_nothing(database: Database) -> None:
    first = make_outcome()
    late = RecordBatch.of("w", 2, [make_hit(first)])
    await RecordRepository(database).write([RecordBatch.of("w", 1, [first])])
    await RecordRepository(database).write([late, RecordBatch.of("w", 3, [make_hit(first)])])

    await RecordRepository(database).write([late])

    assert await hit_counts(database) == [3]


async def test_of_several_batches_only_those_not_written_yet_are_written(database: Database) -> None:
    first = make_outcome()
    batches = [
        RecordBatch.of("a", 1, [first]),
        RecordBatch.of("b", 1, [make_hit(first)]),
        RecordBatch.of("b", 2, [make_hit(first)]),
    ]
    await RecordRepository(database).write(batches[:2])

    await RecordRepository(database).write(batches)

    assert await hit_counts(database) == [3]


async def test_of_one_writers_batches_only_those_not_written_yet_are_written(database: Database) -> None:
    first = make_outcome()
    batches = [RecordBatch.of("w", number, [make_hit(first)]) for number in (2, 3, 4)]
    await RecordRepository(database).write([RecordBatch.of("w", 1, [first])])
    await RecordRepository(database).write(batches[:1])

    await RecordRepository(database).write(batches)

    assert await hit_counts(database) == [4]


async def test_the_same_batch_twice_at_the_same_time_is_written_once(database: Database) -> None:
    first = make_outcome()
    await RecordRepository(database).write([RecordBatch.of("w", 1, [first])])
    batch = RecordBatch.of("w", 2, [make_hit(first)])

    await asyncio.gather(*(RecordRepository(database).write([batch]) for _ in range(8)))

    assert await hit_counts(database) == [2]


async def test_a_batch_survives_being_written_as_text() -> None:
    batch = RecordBatch.of("w", 7, [make_outcome(calls=(make_call(),)), make_outcome(reply=None), make_failure()])

    assert RecordBatch.from_json(batch.to_json()) == batch
    assert batch.answers == 2


def test_a_line_from_before_there_were_calls_can_still_be_read() -> None:
    batch = RecordBatch.of("w", 7, [make_outcome(), make_outcome(reply=None)])
    values = json.loads(batch.to_json())
    del values["calls"], values["refusals"]

    assert RecordBatch.from_json(json.dumps(values).encode()) == batch


async def test_what_a_refusal_cost_and_that_it_was_one_survive_an_outage(
    unreliable: UnreliableDatabase, writer: DurableWriter
) -> None:
    failure = make_failure()
    await spool(unreliable, writer, [failure])

    await writer.replay()

    refusals = RefusalRepository(unreliable)
    assert failure.refused_until is not None
    assert await refusals.is_refused([failure.image_hash], failure.created_at)
    assert not await refusals.is_refused([failure.image_hash], failure.refused_until)
    sql = Sql.same("SELECT image_hash, outcome, input_tokens FROM model_call")
    assert await unreliable.fetch_all(sql, {}) == [(failure.image_hash, "refused", 412)]


async def test_many_outcomes_are_twelve_statements_and_one_transaction(unreliable: UnreliableDatabase) -> None:
    first = make_outcome()
    answers = [first, *(make_hit(first) for _ in range(50)), *(make_outcome(calls=(make_call(),)) for _ in range(50))]
    outcomes: list[Outcome | Failure] = [*answers, *(make_failure() for _ in range(50))]

    await RecordRepository(unreliable).write([RecordBatch.of("w", 1, outcomes)])

    assert unreliable.commits == [12]


async def test_what_arrives_during_a_commit_is_written_by_the_next(
    unreliable: UnreliableDatabase, writer: DurableWriter
) -> None:
    commits = GroupCommit(writer, metrics=Metrics())
    unreliable.gate.clear()
    first = [asyncio.create_task(commits.record(make_outcome())) for _ in range(10)]
    while not unreliable.commits:
        await asyncio.sleep(0)
    later = [asyncio.create_task(commits.record(make_outcome())) for _ in range(300)]
    await asyncio.sleep(0)

    unreliable.gate.set()
    await asyncio.gather(*first, *later)

    assert len(unreliable.commits) == 2
    assert len(await logged_ids(unreliable)) == 310


async def test_a_caller_who_leaves_leaves_the_others_records(
    unreliable: UnreliableDatabase, writer: DurableWriter
) -> None:
    commits = GroupCommit(writer, metrics=Metrics())
    leaving = asyncio.create_task(commits.record(make_outcome()))
    staying = asyncio.create_task(commits.record(make_outcome()))
    await asyncio.sleep(0)

    leaving.cancel()
    await staying

    assert len(await logged_ids(unreliable)) == 2


async def test_a_full_queue_answers_at_once(writer: DurableWriter) -> None:
    commits = GroupCommit(writer, max_waiting=3, metrics=Metrics())
    waiting = [asyncio.create_task(commits.record(make_outcome())) for _ in range(3)]
    await asyncio.sleep(0)

    with pytest.raises(Overloaded):
        await commits.record(make_outcome(reply=None))
    await asyncio.gather(*waiting)


async def test_a_full_queue_takes_what_was_paid_for(database: Database, writer: DurableWriter) -> None:
    commits = GroupCommit(writer, max_waiting=3, metrics=Metrics())

    await asyncio.gather(*(commits.record(make_outcome()) for _ in range(6)))

    assert await hit_counts(database) == [1] * 6


async def test_while_the_database_is_away_records_wait_in_the_spool_and_are_then_replayed(
    unreliable: UnreliableDatabase, writer: DurableWriter
) -> None:
    first = make_outcome()
    await spool(unreliable, writer, [first, *(make_hit(first) for _ in range(5))])
    assert writer.waiting_answers == 6
    unreliable.away = True
    with pytest.raises(DatabaseUnavailable):
        await writer.replay()

    unreliable.away = False
    await writer.replay()

    assert writer.waiting_answers == 0
    assert await hit_counts(unreliable) == [6]
    assert len(await logged_ids(unreliable)) == 6


async def test_a_hit_never_overtakes_its_result_that_is_still_in_the_spool(
    unreliable: UnreliableDatabase, writer: DurableWriter
) -> None:
    first = make_outcome()
    await spool(unreliable, writer, [first])

    await GroupCommit(writer, metrics=Metrics()).record(make_hit(first))
    await writer.replay()

    assert await hit_counts(unreliable) == [2]


async def test_a_commit_whose_answer_was_lost_is_counted_once(
    unreliable: UnreliableDatabase, writer: DurableWriter
) -> None:
    commits = GroupCommit(writer, metrics=Metrics())
    first = make_outcome()
    await commits.record(first)
    unreliable.loses_answers = True
    await commits.record(make_hit(first))
    unreliable.loses_answers = False
    await commits.record(make_hit(first))  # goes behind it, into the spool

    await writer.replay()

    assert await hit_counts(unreliable) == [3]
    assert len(await logged_ids(unreliable)) == 3


async def test_a_replay_takes_more_than_one_of_the_largest_batches_at_a_time_and_so_catches_up_with_them(
    unreliable: UnreliableDatabase, writer: DurableWriter
) -> None:
    unreliable.away = True
    for number in range(20):
        await writer.write(RecordBatch.of("w", number, [make_outcome(reply=None) for _ in range(512)]))
    unreliable.away = False
    unreliable.commits.clear()

    await writer.replay()

    whether_it_is_back, alone_since_little_is_tried_first = 1, 4
    others = 20 - alone_since_little_is_tried_first
    assert len(unreliable.commits) <= whether_it_is_back + alone_since_little_is_tried_first + others / 2


async def test_records_that_come_in_during_a_replay_are_all_written(
    unreliable: UnreliableDatabase, writer: DurableWriter
) -> None:
    commits = GroupCommit(writer, metrics=Metrics())
    first = make_outcome()
    unreliable.away = True
    await asyncio.gather(*(commits.record(outcome) for outcome in [first, *(make_outcome() for _ in range(200))]))
    unreliable.away = False

    async def client() -> None:
        for _ in range(20):
            await commits.record(make_hit(first))

    await asyncio.gather(writer.replay(), *(client() for _ in range(10)))
    await writer.replay()

    assert max(await hit_counts(unreliable)) == 201
    assert len(await logged_ids(unreliable)) == 401


async def test_the_spool_of_a_dead_process_is_replayed_by_another(
    unreliable: UnreliableDatabase, writer: DurableWriter, tmp_path: Path
) -> None:
    first = make_outcome()
    await leave_spool(unreliable, tmp_path, [first, make_hit(first)])

    await writer.replay()

    assert await hit_counts(unreliable) == [2]
    assert len(list((tmp_path / "spool").iterdir())) == 1


async def test_a_replay_that_is_cut_short_goes_on_without_counting_twice(
    unreliable: UnreliableDatabase, writer: DurableWriter, tmp_path: Path
) -> None:
    first = make_outcome()
    await leave_spool(unreliable, tmp_path, [first, make_hit(first)])
    unreliable.loses_answers = True
    with pytest.raises(DatabaseUnavailable):
        await writer.replay()
    unreliable.loses_answers = False

    await writer.replay()

    assert await hit_counts(unreliable) == [2]


async def test_a_damaged_line_is_put_aside_and_the_others_are_replayed(
    unreliable: UnreliableDatabase, writer: DurableWriter, tmp_path: Path
) -> None:
    await leave_spool(unreliable, tmp_path, [make_outcome() for _ in range(3)])
    (orphan,) = [path for path in (tmp_path / "spool").iterdir() if path.stat().st_size]
    lines = orphan.read_bytes().split(b"\n")
    lines[1] = lines[1].replace(b"foods", b"pets!")
    orphan.write_bytes(b"\n".join(lines))

    await writer.replay()

    assert len(await logged_ids(unreliable)) == 2
    (put_aside,) = (tmp_path / "spool").glob("rejected-*.jsonl")
    assert put_aside.read_bytes() == lines[1] + b"\n"


async def test_a_spool_that_is_full_refuses(unreliable: UnreliableDatabase, tmp_path: Path) -> None:
    writer = open_writer(unreliable, tmp_path, max_bytes=1000)
    commits = GroupCommit(writer, metrics=Metrics())
    unreliable.away = True

    await commits.record(make_outcome())
    with pytest.raises(DatabaseUnavailable):
        await commits.record(make_outcome())

    assert sum(path.stat().st_size for path in (tmp_path / "spool").iterdir()) <= 1000
    await writer.close()


async def test_a_process_that_ends_with_nothing_to_replay_leaves_no_file(
    unreliable: UnreliableDatabase, tmp_path: Path
) -> None:
    writer = open_writer(unreliable, tmp_path)
    await GroupCommit(writer, metrics=Metrics()).record(make_outcome())

    await writer.close()

    assert list((tmp_path / "spool").iterdir()) == []
