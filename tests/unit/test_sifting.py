"""The rows that do not fit are found among those that do, in few attempts."""

from collections.abc import Callable

import pytest

from app.database import ValueRejected
from app.errors import DatabaseUnavailable
from app.repositories.record_batch import RecordBatch
from app.services.records.sifting import MAX_REHEARSALS, Rehearse, sift
from tests.factories import make_outcome


class FakeTable:
    """Takes a batch that `fits` says yes to, and counts how often it is asked."""

    def __init__(self, fits: Callable[[RecordBatch], bool]) -> None:
        self._fits = fits
        self.asked = 0

    async def rehearse(self, batch: RecordBatch) -> None:
        self.asked += 1
        if not self._fits(batch):
            raise ValueRejected(detail="as told")


def batch_of(outcomes: int) -> RecordBatch:
    return RecordBatch.of("w", 7, [make_outcome() for _ in range(outcomes)])


async def test_one_bad_row_among_many_is_found_in_few_attempts() -> None:
    batch = batch_of(256)
    bad = batch.records[100]
    table = FakeTable(lambda rows: bad not in rows.records)

    fitting, rejected = await sift(table.rehearse, batch)

    assert (rejected.results, rejected.records) == ([], [bad])
    assert fitting.results == batch.results
    assert fitting.records == [row for row in batch.records if row != bad]
    assert (fitting.writer, fitting.number) == (rejected.writer, rejected.number) == ("w", 7)
    assert table.asked <= 2 * 9 + 1  # 512 rows are halved nine times


async def test_what_fits_alone_and_not_together_is_taken_as_far_as_it_fits() -> None:
    table = FakeTable(lambda rows: rows.rows <= 3)

    fitting, rejected = await sift(table.rehearse, batch_of(4))

    assert (fitting.rows, rejected.rows) == (3, 5)


async def test_where_nothing_fits_all_is_rejected_in_a_bounded_number_of_attempts() -> None:
    table = FakeTable(lambda rows: False)
    batch = batch_of(256)

    fitting, rejected = await sift(table.rehearse, batch)

    assert (fitting.rows, rejected) == (0, batch)
    assert table.asked <= MAX_REHEARSALS


async def test_where_many_rows_are_bad_only_their_neighbours_are_rejected_with_them() -> None:
    batch = batch_of(256)
    bad = batch.records[::32]
    table = FakeTable(lambda rows: not any(row in rows.records for row in bad))

    fitting, rejected = await sift(table.rehearse, batch)

    assert table.asked <= MAX_REHEARSALS
    assert all(row in rejected.records for row in bad)
    assert rejected.rows < batch.rows / 8
    assert fitting.results == batch.results
    assert fitting.rows + rejected.rows == batch.rows


async def test_a_database_that_goes_away_meanwhile_rejects_nothing() -> None:
    async def away(batch: RecordBatch) -> None:
        raise DatabaseUnavailable

    rehearse: Rehearse = away
    with pytest.raises(DatabaseUnavailable):
        await sift(rehearse, batch_of(2))
