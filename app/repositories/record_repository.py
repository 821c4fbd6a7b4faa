"""All that is written about requests: results, hits, request records, paid questions, refusals. SQL only."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

from app.database import ConstraintError, Database, Params, Sql, Statement
from app.models.domain import LOCAL_MODEL
from app.repositories.categories import CATEGORIES_JSON
from app.repositories.record_batch import JsonRow, RecordBatch, sum_hits
from app.repositories.record_statements import (
    ADD_HITS,
    ADVANCE_WRITERS,
    DELETE_REPLACED,
    INSERT_CALLS,
    INSERT_RECORDS,
    INSERT_RESULTS,
    UPSERT_REFUSALS,
)

_SELECT_WRITTEN = Sql.same("SELECT 1 FROM ledger_writer WHERE writer = :writer AND last_batch >= :number")


@dataclass(frozen=True, slots=True)
class RecordRepository:
    """Writes batches. Rows are sorted by key, so that concurrent transactions lock in one order."""

    database: Database

    async def write(self, batches: Sequence[RecordBatch]) -> None:
        """Write batches in one transaction, but for those that have been written already: to repeat it is safe.

        Batches of one writer must come in the order of their numbers. Raises `DatabaseUnavailable`, after which the
        same batches may be given again, now or much later.
        """
        if not batches:
            return
        try:
            await self.database.commit(_statements(batches))
        except ConstraintError:
            missing = [batch for batch in batches if not await self._is_written(batch)]
            if len(missing) == len(batches) == 1:
                raise
            for batch in missing:
                await self.write([batch])

    async def _is_written(self, batch: RecordBatch) -> bool:
        params: Params = {"writer": batch.writer, "number": batch.number}
        return bool(await self.database.fetch_all(_SELECT_WRITTEN, params))


def _statements(batches: Sequence[RecordBatch]) -> list[Statement]:
    statements: list[Statement] = [(ADVANCE_WRITERS, {"rows": _as_json(_spans(batches))})]
    if results := [row for batch in batches for row in batch.results]:
        # A guess behind the answer to the same image, so that it is the guess that gives way.
        rows = _as_json(sorted(results, key=_is_guess))
        statements.append((DELETE_REPLACED, {"rows": rows, "local": LOCAL_MODEL, "categories": CATEGORIES_JSON}))
        statements.append((INSERT_RESULTS, {"rows": rows}))
    if hits := sum_hits(row for batch in batches for row in batch.hits):
        statements.append((ADD_HITS, {"rows": _as_json(hits)}))
    if records := [row for batch in batches for row in batch.records]:
        statements.append((INSERT_RECORDS, {"rows": _as_json(records)}))
    if calls := [row for batch in batches for row in batch.calls]:
        statements.append((INSERT_CALLS, {"rows": _as_json(calls)}))
    if refusals := [row for batch in batches for row in batch.refusals]:
        statements.append((UPSERT_REFUSALS, {"rows": _as_json(refusals)}))
    return statements


def _spans(batches: Sequence[RecordBatch]) -> list[JsonRow]:
    """Return each writer with the numbers of its first and its last batch."""
    spans: dict[str, JsonRow] = {}
    for batch in batches:
        first = spans[batch.writer][1] if batch.writer in spans else batch.number
        spans[batch.writer] = (batch.writer, first, batch.number)
    return list(spans.values())


def _is_guess(row: JsonRow) -> bool:
    return bool(row[4] == LOCAL_MODEL)


def _as_json(rows: Iterable[JsonRow]) -> str:
    # ensure_ascii stays on: whatever a text holds, what is sent is plain.
    return json.dumps(sorted(rows, key=itemgetter(0)), separators=(",", ":"))
