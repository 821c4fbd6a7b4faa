"""Finds the rows of a batch that the database will not take, so that the others do not fail with them."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from app.database import ValueRejected
from app.repositories.record_batch import KINDS_OF_ROWS, RecordBatch
from app.repositories.row_types import JsonRow

Rehearse = Callable[[RecordBatch], Awaitable[None]]
"""Raises `ValueRejected` for a batch that the database would not take, and writes nothing."""

MAX_REHEARSALS = 64
"""The callers of a batch wait for its rehearsals, and so do all that come after it."""

_Row = tuple[str, JsonRow]


async def sift(rehearse: Rehearse, batch: RecordBatch) -> tuple[RecordBatch, RecordBatch]:
    """Return the batch with the rows that the database takes together, and one with the others.

    Halves what was rejected, the longest first, until single rows are left: few bad rows among many cost few
    rehearsals. Where there would be more than `MAX_REHEARSALS` what was rejected is not halved any more: good rows are
    then among the others. Each rehearsal is of all rows found good so far, since some fit alone and not together.
    Raises `DatabaseUnavailable`, `DatabaseRejected`.
    """
    rows: list[_Row] = [(kind, row) for kind in KINDS_OF_ROWS for row in getattr(batch, kind)]
    good: list[int] = []
    bad: list[int] = []
    undecided = deque([range(len(rows))] if rows else [])
    left = MAX_REHEARSALS
    while undecided:
        part = undecided.popleft()
        left -= 1
        try:
            await rehearse(_with_rows(batch, rows, [*good, *part]))
        except ValueRejected:
            if len(part) == 1 or len(undecided) + 2 > left:
                bad.extend(part)
            else:
                half = len(part) // 2
                undecided += [part[:half], part[half:]]
        else:
            good.extend(part)
    return _with_rows(batch, rows, good), _with_rows(batch, rows, bad)


def _with_rows(batch: RecordBatch, rows: Sequence[_Row], places: Iterable[int]) -> RecordBatch:
    """Return the batch with the rows at these places alone, in their order."""
    kinds: dict[str, Any] = {kind: [] for kind in KINDS_OF_ROWS}
    for place in sorted(places):
        kind, row = rows[place]
        kinds[kind].append(row)
    return replace(batch, **kinds)
