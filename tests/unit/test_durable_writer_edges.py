"""The writer between the database and its spool file, at its edges: a file that others cut, and the end."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.errors import DatabaseUnavailable
from app.observe.metrics import Metrics
from app.repositories.record_batch import RecordBatch
from app.services.records.durable_writer import DurableWriter
from app.services.records.rejected_files import RejectedFiles
from app.services.records.sifted_tables import SiftedTables
from app.utils.clock import utc_now
from tests.factories import make_outcome
from tests.support.full_disk import no_file_longer_than
from tests.support.waiting import until


@dataclass
class FakeTables:
    """Remembers what it was given, unless it is away. While the `gate` is shut, rows wait."""

    away: bool = False
    refused: int = 0
    written: list[int] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def write(self, batches: Sequence[RecordBatch]) -> None:
        if any(batch.rows for batch in batches):
            await self.gate.wait()
        if self.away:
            self.refused += 1
            raise DatabaseUnavailable(detail="away, as told")
        self.written += [batch.number for batch in batches if batch.rows]

    async def rehearse(self, batch: RecordBatch) -> None: ...


@pytest.fixture
def tables() -> FakeTables:
    return FakeTables()


@pytest.fixture
async def writer(tables: FakeTables, tmp_path: Path) -> AsyncIterator[DurableWriter]:
    metrics = Metrics()
    opened = DurableWriter(
        SiftedTables(tables, RejectedFiles(tmp_path, metrics, utc_now)), tmp_path, 100_000_000, metrics
    )
    yield opened
    await opened.close()


def batch(number: int) -> RecordBatch:
    return RecordBatch.of("w", number, [make_outcome()])


async def spool(writer: DurableWriter, tables: FakeTables, numbers: Sequence[int]) -> None:
    tables.away = True
    for number in numbers:
        await writer.write(batch(number))
    tables.away = False


@asynccontextmanager
async def replaying(writer: DurableWriter) -> AsyncIterator[None]:
    task = asyncio.create_task(writer.run_forever())
    yield
    task.cancel()
    await asyncio.wait([task])


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def spool_file(folder: Path) -> Path:
    (path,) = folder.glob("*.spool")
    return path


@pytest.mark.timeout(10)
@pytest.mark.parametrize("left_bytes", [0, 3])
async def test_a_spool_file_that_somebody_empties_ends_the_replay(
    left_bytes: int, writer: DurableWriter, tables: FakeTables, tmp_path: Path
) -> None:
    await spool(writer, tables, [1, 2])
    with spool_file(tmp_path).open("r+b") as file:
        file.truncate(left_bytes)

    async with asyncio.timeout(5):
        await writer.replay()

    assert (writer.waiting_bytes, writer.waiting_answers) == (0, 0)
    await writer.write(batch(3))
    assert tables.written == [3]


@pytest.mark.timeout(10)
async def test_what_came_in_after_somebody_emptied_the_spool_file_is_replayed(
    writer: DurableWriter, tables: FakeTables, tmp_path: Path
) -> None:
    await spool(writer, tables, [1])
    with spool_file(tmp_path).open("r+b") as file:
        file.truncate(0)
    await spool(writer, tables, [2])

    async with asyncio.timeout(5):
        await writer.replay()

    assert set(tables.written) == {2}  # the tables know a batch that comes again by its number
    assert writer.waiting_bytes == 0


async def test_a_batch_that_is_still_on_its_way_when_the_writer_closes_is_refused_and_not_half_written(
    writer: DurableWriter, tables: FakeTables, tmp_path: Path
) -> None:
    tables.gate.clear()
    late = asyncio.create_task(writer.write(batch(1)))
    await asyncio.sleep(0)

    await writer.close()
    tables.away = True
    tables.gate.set()

    with pytest.raises(DatabaseUnavailable, match="the spool is closed"):
        await late
    assert files_in(tmp_path) == []


async def test_closing_waits_for_the_one_who_is_at_the_file(
    writer: DurableWriter, tables: FakeTables, tmp_path: Path
) -> None:
    await spool(writer, tables, [1])
    tables.gate.clear()
    replaying = asyncio.create_task(writer.replay())
    await asyncio.to_thread(lambda: None)

    closing = asyncio.create_task(writer.close())
    await asyncio.sleep(0)
    assert not closing.done()
    tables.gate.set()
    await asyncio.gather(replaying, closing)

    assert tables.written == [1]
    assert files_in(tmp_path) == []


async def test_a_disk_that_refused_one_batch_is_found_to_take_them_again_while_the_database_is_away(
    writer: DurableWriter, tables: FakeTables, tmp_path: Path
) -> None:
    await spool(writer, tables, [1])
    tables.away = True
    before = spool_file(tmp_path).read_bytes()
    with no_file_longer_than(len(before) + 10), pytest.raises(DatabaseUnavailable, match="the spool takes nothing"):
        await writer.write(batch(2))
    assert writer.takes_nothing

    async with replaying(writer):
        await until(lambda: not writer.takes_nothing, seconds=5)

    assert spool_file(tmp_path).read_bytes() == before
    await writer.write(batch(3))


async def test_a_disk_that_takes_less_than_it_refused_is_not_thought_to_take_anything(
    writer: DurableWriter, tables: FakeTables, tmp_path: Path
) -> None:
    await spool(writer, tables, [1])
    tables.away = True
    left = len(batch(2).to_json())
    with no_file_longer_than(spool_file(tmp_path).stat().st_size + left):
        with pytest.raises(DatabaseUnavailable):
            await writer.write(RecordBatch.of("w", 2, [make_outcome(), make_outcome()]))
        async with replaying(writer):
            await until(lambda: tables.refused > 3, seconds=10)
        await writer.write(RecordBatch.of("w", 3, []))

        with pytest.raises(DatabaseUnavailable):
            writer.check()


async def test_a_full_spool_takes_nothing_however_often_the_disk_would(tmp_path: Path, tables: FakeTables) -> None:
    metrics = Metrics()
    room = len(batch(1).to_json()) + 200
    writer = DurableWriter(SiftedTables(tables, RejectedFiles(tmp_path, metrics, utc_now)), tmp_path, room, metrics)
    await spool(writer, tables, [1])
    tables.away = True
    with pytest.raises(DatabaseUnavailable, match="the spool is full"):
        await writer.write(batch(2))

    async with replaying(writer):
        await until(lambda: tables.refused > 3, seconds=10)
        assert writer.takes_nothing
        tables.away = False
        await until(lambda: not writer.takes_nothing)

    assert tables.written == [1]
    await writer.close()
