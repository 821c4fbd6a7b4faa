"""A batch is in the database or in the spool when `write` returns, and in the database once, in order, in the end."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from app.errors import DatabaseUnavailable
from app.observe.metrics import Metrics
from app.repositories.record_batch import RecordBatch
from app.services.records.durable_writer import DurableWriter
from app.services.records.rejected_files import RejectedFiles
from app.services.records.sifted_tables import SiftedTables
from app.utils.clock import utc_now
from tests.factories import make_classification, make_outcome, make_reply
from tests.fakes import FakeRecords
from tests.support.waiting import until


def batch(number: int) -> RecordBatch:
    return RecordBatch.of("w", number, [make_outcome()])


def numbers(records: FakeRecords) -> list[int]:
    """Return the numbers of what was written, without batches that only find out whether the database is back."""
    return [written.number for written in records.written if written.rows]


@pytest.fixture
def records() -> FakeRecords:
    return FakeRecords()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@asynccontextmanager
async def opened(
    records: FakeRecords, folder: Path, max_bytes: int, metrics: Metrics | None = None
) -> AsyncIterator[DurableWriter]:
    metrics = metrics or Metrics()
    rejected = RejectedFiles(folder / "spool", metrics, utc_now)
    writer = DurableWriter(SiftedTables(records, rejected), folder / "spool", max_bytes, metrics)
    yield writer
    await writer.close()


@pytest.fixture
async def writer(records: FakeRecords, metrics: Metrics, tmp_path: Path) -> AsyncIterator[DurableWriter]:
    """With room for a few batches in its spool."""
    async with opened(records, tmp_path, 4 * len(batch(1).to_json()), metrics) as made:
        yield made


async def spool(writer: DurableWriter, records: FakeRecords, *batches: int) -> None:
    """Write batches while the database is away."""
    records.away = True
    for number in batches:
        await writer.write(batch(number))
    records.away = False


async def test_while_the_database_takes_them_batches_go_there_alone(
    writer: DurableWriter, records: FakeRecords
) -> None:
    await writer.write(batch(1))

    assert numbers(records) == [1]
    assert (writer.waiting_bytes, writer.waiting_answers) == (0, 0)


async def test_while_it_is_away_batches_wait_in_the_spool_and_that_shows(
    writer: DurableWriter, records: FakeRecords, metrics: Metrics
) -> None:
    await spool(writer, records, 1, 2)

    assert numbers(records) == []
    assert metrics.spooled_answers.read() == {(): 2}
    assert metrics.spooled_bytes.read() == {(): writer.waiting_bytes}
    assert writer.waiting_bytes > 0


async def test_batches_are_replayed_in_the_order_in_which_they_came(
    writer: DurableWriter, records: FakeRecords, metrics: Metrics
) -> None:
    await spool(writer, records, 1, 2, 3)

    await writer.replay()

    assert numbers(records) == [1, 2, 3]
    assert metrics.spooled_answers.read() == metrics.spooled_bytes.read() == {(): 0}


async def test_no_batch_overtakes_those_in_the_spool(writer: DurableWriter, records: FakeRecords) -> None:
    await spool(writer, records, 1)

    await writer.write(batch(2))  # the database would take it
    assert numbers(records) == []
    await writer.replay()
    await writer.write(batch(3))

    assert numbers(records) == [1, 2, 3]
    assert writer.waiting_bytes == 0


async def test_a_batch_whose_answer_was_lost_is_written_once(writer: DurableWriter, records: FakeRecords) -> None:
    records.loses_answers = True
    await writer.write(batch(1))
    records.loses_answers = False
    assert writer.waiting_answers == 1

    await writer.replay()

    assert numbers(records) == [1]


async def test_what_comes_for_the_spool_does_not_wait_for_a_database_that_does_not_answer(
    writer: DurableWriter, records: FakeRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    records.away = True
    await writer.write(batch(1))
    asked, answers = asyncio.Event(), asyncio.Event()

    async def sleep(batches: Sequence[RecordBatch]) -> None:
        asked.set()
        await answers.wait()
        raise DatabaseUnavailable(detail="no answer in time")

    monkeypatch.setattr(records, "write", sleep)
    replaying = asyncio.create_task(writer.replay())
    await asked.wait()
    async with asyncio.timeout(10):
        await writer.write(batch(2))
    answers.set()

    with pytest.raises(DatabaseUnavailable):
        await replaying
    assert writer.waiting_answers == 2


async def test_a_replay_that_fails_keeps_everything_for_the_next(writer: DurableWriter, records: FakeRecords) -> None:
    await spool(writer, records, 1, 2)
    before = writer.waiting_bytes
    records.away = True

    with pytest.raises(DatabaseUnavailable):
        await writer.replay()

    assert (writer.waiting_bytes, writer.waiting_answers) == (before, 2)
    records.away = False
    await writer.replay()
    assert numbers(records) == [1, 2]


async def test_a_replay_that_fails_in_the_middle_goes_on_there(records: FakeRecords, tmp_path: Path) -> None:
    long = make_outcome(reply=make_reply(make_classification(description="x" * 3_000_000)))  # a read brings few of them
    async with opened(records, tmp_path, 100_000_000) as writer:
        records.away = True
        for number in range(1, 6):
            await writer.write(RecordBatch.of("w", number, [long]))
        everything = writer.waiting_bytes
        records.away_after = 2

        with pytest.raises(DatabaseUnavailable):
            await writer.replay()

        done = len(numbers(records))
        assert 0 < done < 5
        assert writer.waiting_answers == 5 - done
        assert writer.waiting_bytes == everything // 5 * (5 - done)
        records.away, records.away_after = False, None
        await writer.replay()
        assert numbers(records) == [1, 2, 3, 4, 5]


class SlowRecords(FakeRecords):
    """A database to which more than a few batches at once take longer than a transaction may."""

    most = 2

    async def write(self, batches: Sequence[RecordBatch]) -> None:
        if len(batches) > self.most:
            raise DatabaseUnavailable(detail="it gave no answer in time")
        await super().write(batches)


async def test_a_database_that_is_too_slow_for_much_at_once_gets_less_until_it_has_all(tmp_path: Path) -> None:
    records = SlowRecords()
    long = make_outcome(reply=make_reply(make_classification(description="x" * 300_000)))
    async with opened(records, tmp_path, 100_000_000) as writer:
        records.away = True
        for number in range(1, 31):
            await writer.write(RecordBatch.of("w", number, [long]))
        records.away = False

        async with asyncio.timeout(10):
            while writer.waiting_bytes:
                with suppress(DatabaseUnavailable):
                    await writer.replay()

        assert numbers(records) == list(range(1, 31))


async def test_after_an_outage_a_little_is_tried_first_and_then_more_at_once(
    records: FakeRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    write = records.write

    async def count(batches: Sequence[RecordBatch]) -> None:
        await write(batches)
        written.append(len(batches))

    long = make_outcome(reply=make_reply(make_classification(description="x" * 30_000)))
    async with opened(records, tmp_path, 100_000_000) as writer:
        records.away = True
        for number in range(1, 101):
            await writer.write(RecordBatch.of("w", number, [long]))
        for _ in range(10):
            with pytest.raises(DatabaseUnavailable):
                await writer.replay()
        records.away = False
        monkeypatch.setattr(records, "write", count)
        await writer.replay()

    assert written[0] <= 3
    assert written == sorted(written[:-1]) + written[-1:]
    assert max(written) > 10


async def test_a_spool_that_somebody_empties_in_the_middle_of_a_replay_holds_nothing(
    records: FakeRecords, tmp_path: Path
) -> None:
    long = make_outcome(reply=make_reply(make_classification(description="x" * 3_000_000)))  # a read brings few of them
    async with opened(records, tmp_path, 100_000_000) as writer:
        records.away = True
        for number in range(1, 4):
            await writer.write(RecordBatch.of("w", number, [long]))
        records.away_after = 1
        with pytest.raises(DatabaseUnavailable):
            await writer.replay()
        records.away, records.away_after = False, None
        (path,) = (tmp_path / "spool").glob("*.spool")
        os.truncate(path, 0)

        await writer.replay()

        assert (writer.waiting_bytes, writer.waiting_answers) == (0, 0)


async def test_the_spool_of_a_dead_process_is_kept_until_it_has_been_replayed(
    writer: DurableWriter, records: FakeRecords, tmp_path: Path
) -> None:
    async with opened(records, tmp_path, 100_000) as dead:
        await spool(dead, records, 1, 2)
    records.away = True
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable):
            await writer.replay()
    records.away = False

    await writer.replay()

    assert numbers(records) == [1, 2]


async def test_the_spool_of_a_dead_process_is_gone_on_with_where_the_database_went_away(
    writer: DurableWriter, records: FakeRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = make_outcome(reply=make_reply(make_classification(description="x" * 400_000)))
    asked: list[int] = []
    write = records.write

    async def note(batches: Sequence[RecordBatch]) -> None:
        asked.extend(batch.number for batch in batches if batch.rows)
        await write(batches)

    async with opened(records, tmp_path, 100_000_000) as dead:
        records.away = True
        for number in range(1, 10):
            await dead.write(RecordBatch.of("w", number, [long]))
    records.away, records.away_after = False, 1
    monkeypatch.setattr(records, "write", note)

    with pytest.raises(DatabaseUnavailable):
        await writer.replay()
    done = numbers(records)
    assert 0 < len(done) < 9
    records.away, records.away_after = False, None
    asked.clear()
    await writer.replay()

    assert numbers(records) == list(range(1, 10))
    assert asked == list(range(len(done) + 1, 10))


async def test_a_full_spool_takes_nothing_until_it_has_been_replayed(
    writer: DurableWriter, records: FakeRecords
) -> None:
    await spool(writer, records, 1, 2, 3)
    records.away = True

    with pytest.raises(DatabaseUnavailable):
        await writer.write(batch(4))

    records.away = False
    await writer.replay()
    assert numbers(records) == [1, 2, 3]
    await spool(writer, records, 5)
    assert writer.waiting_answers == 1


async def test_what_comes_into_the_spool_is_replayed_without_being_asked_for(
    writer: DurableWriter, records: FakeRecords
) -> None:
    replaying = asyncio.create_task(writer.run_forever())
    await asyncio.sleep(0)

    await spool(writer, records, 1)

    await until(lambda: numbers(records) == [1], seconds=4)  # sooner than the spools of others are looked for
    replaying.cancel()
    await asyncio.wait([replaying])


async def test_once_neither_place_takes_anything_that_is_known_before_the_next_batch(
    writer: DurableWriter, records: FakeRecords
) -> None:
    writer.check()
    await spool(writer, records, 1, 2, 3)
    records.away = True
    writer.check()

    with pytest.raises(DatabaseUnavailable):
        await writer.write(batch(4))

    assert writer.takes_nothing
    with pytest.raises(DatabaseUnavailable):
        writer.check()


async def test_a_writer_that_takes_nothing_finds_out_by_itself_when_a_place_takes_batches_again(
    records: FakeRecords, metrics: Metrics, tmp_path: Path
) -> None:
    writer = DurableWriter(SiftedTables(records, RejectedFiles(tmp_path, metrics, utc_now)), tmp_path, 1, metrics)
    records.away = True
    with pytest.raises(DatabaseUnavailable):
        await writer.write(batch(1))
    running = asyncio.create_task(writer.run_forever())

    records.away = False

    await until(lambda: not writer.takes_nothing)
    writer.check()
    running.cancel()
    await writer.close()
