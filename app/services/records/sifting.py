"""Finds the rows of a batch that the database will not take, so that the others do not fail with them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from app.database import ValueRejected
from app.repositories.record_batch import KINDS_OF_ROWS, JsonRow, RecordBatch

Rehearse = Callable[[RecordBatch], Awaitable[None]]
"""Raises `ValueRejected` for a batch that the database would not take, and writes nothing."""

_Row = tuple[str, JsonRow]


async def sift(rehearse: Rehearse, batch: RecordBatch) -> tuple[RecordBatch, RecordBatch]:
    """Return the batch with the rows that the database takes together, and one with the others.

    Halves what was rejected until single rows are left: few bad rows among many cost few rehearsals. Each is of all
    rows found good so far, since some fit alone and not together. Raises `DatabaseUnavailable`, `DatabaseRejected`.
    """
    good: list[_Row] = []
    bad: list[_Row] = []

    async def place(rows: list[_Row]) -> None:
        try:
            await rehearse(_with_rows(batch, good + rows))
        except ValueRejected:
            if len(rows) == 1:
                bad.extend(rows)
                return
            half = len(rows) // 2
            await place(rows[:half])
            await place(rows[half:])
        else:
            good.extend(rows)

    rows: list[_Row] = [(kind, row) for kind in KINDS_OF_ROWS for row in getattr(batch, kind)]
    if rows:
        await place(rows)
    return _with_rows(batch, good), _with_rows(batch, bad)


def _with_rows(batch: RecordBatch, rows: list[_Row]) -> RecordBatch:
    kinds: dict[str, Any] = {wanted: [row for kind, row in rows if kind == wanted] for wanted in KINDS_OF_ROWS}
    return replace(batch, **kinds)
