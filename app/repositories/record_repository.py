"""All that is written about requests: what was answered, by which names, and what was paid for. SQL only."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

from app.database import ConstraintError, Database, Params, Sql, Statement, StatementTooLarge
from app.models.domain import EARLIER_LOCAL_MODEL, LOCAL_MODEL, OPERATOR
from app.repositories.categories import CATEGORIES_JSON
from app.repositories.change_statements import (
    DELETE_FORGOTTEN,
    DELETE_JOINED,
    JOIN_CORRECTED,
    MOVE_TO_CORRECTED,
)
from app.repositories.history_repository import ERASE_LATE, digest_of
from app.repositories.name_rows import pick_aliases
from app.repositories.name_statements import INSERT_FINGERPRINTS, INSERT_SLOTS, INSERT_TRIALS, UPSERT_ALIASES
from app.repositories.record_batch import RecordBatch, sum_hits
from app.repositories.record_statements import (
    ADD_HITS,
    ADVANCE_WRITERS,
    DELETE_REPLACED,
    INSERT_CALLS,
    INSERT_RECORDS,
    INSERT_RESULTS,
    UPSERT_REFUSALS,
)
from app.repositories.row_types import JsonRow

_SELECT_WRITTEN = Sql.same("SELECT 1 FROM ledger_writer WHERE writer = :writer AND last_batch >= :number")


@dataclass(frozen=True, slots=True)
class RecordRepository:
    """Writes batches. Rows are sorted by key, so that concurrent transactions lock in one order."""

    database: Database

    async def write(self, batches: Sequence[RecordBatch]) -> None:
        """Write batches in one transaction, but for those that have been written already: to repeat it is safe.

        Batches of one writer must come in the order of their numbers. Raises `DatabaseUnavailable`, after which the
        same batches may be given again, now or much later; or `DatabaseRejected`: then none of them was written, or,
        where some had been written before, those up to the one that was rejected.
        """
        if not batches:
            return
        try:
            await self._commit(batches)
        except ConstraintError:
            missing = [batch for batch in batches if not await self._is_written(batch)]
            if len(missing) == len(batches) == 1:
                raise
            for batch in missing:
                await self.write([batch])

    async def rehearse(self, batch: RecordBatch) -> None:
        """Write the rows of a batch, whether they are there or not, and roll back. Raises what `write` would raise."""
        if statements := _row_statements([batch]):
            await self.database.rehearse(statements)

    async def _commit(self, batches: Sequence[RecordBatch]) -> None:
        """Write the rows of each kind with one statement, or with as many as the server's limit of bytes makes it."""
        pieces, rows = 1, sum(batch.rows for batch in batches)
        while True:
            advance: Statement = (ADVANCE_WRITERS, {"rows": _as_json(_spans(batches))})
            try:
                await self.database.commit([advance, *_row_statements(batches, pieces)])
            except StatementTooLarge:
                if pieces > rows:
                    raise
                pieces *= 2
            else:
                return

    async def _is_written(self, batch: RecordBatch) -> bool:
        params: Params = {"writer": batch.writer, "number": batch.number}
        return bool(await self.database.fetch_all(_SELECT_WRITTEN, params))


def _row_statements(batches: Sequence[RecordBatch], pieces: int = 1) -> list[Statement]:
    """Return the statements that write the rows of the batches, each kind of rows in so many pieces."""
    # A model's answer before the network's to the same image, so that it is the network's that gives way.
    results = _pieces(sorted((row for batch in batches for row in batch.results), key=_is_local), pieces)
    hits = _pieces(_hits_and_sizes(batches), pieces)
    records = _pieces([row for batch in batches for row in batch.records], pieces)
    calls = _pieces([row for batch in batches for row in batch.calls], pieces)
    refusals = _pieces([row for batch in batches for row in batch.refusals], pieces)
    aliases = _pieces(pick_aliases(row for batch in batches for row in batch.aliases), pieces)
    fingerprints = _pieces([row for batch in batches for row in batch.fingerprints], pieces)
    late = [batch for batch in batches if batch.is_late]
    late_results = _pieces([row for batch in late for row in batch.results], pieces)
    late_users = _pieces(_users_of(late), pieces)
    trials = _pieces([row for batch in batches for row in batch.trials], pieces)
    replaced: Params = {"local": LOCAL_MODEL, "earlier_local": EARLIER_LOCAL_MODEL, "categories": CATEGORIES_JSON}
    return [
        *((DELETE_REPLACED, {"rows": rows, **replaced}) for rows in results),
        *((INSERT_RESULTS, {"rows": rows}) for rows in results),
        *((DELETE_FORGOTTEN, {"rows": rows, "operator": OPERATOR}) for rows in late_results),
        *((ADD_HITS, {"rows": rows}) for rows in hits),
        *((INSERT_RECORDS, {"rows": rows}) for rows in records),
        *((ERASE_LATE, {"rows": rows}) for rows in late_users),
        *((INSERT_CALLS, {"rows": rows}) for rows in calls),
        *((UPSERT_REFUSALS, {"rows": rows}) for rows in refusals),
        *((JOIN_CORRECTED, {"rows": rows, "operator": OPERATOR}) for rows in aliases),
        *((DELETE_JOINED, {"rows": rows, "operator": OPERATOR}) for rows in aliases),
        *((UPSERT_ALIASES, {"rows": rows}) for rows in aliases),
        *((MOVE_TO_CORRECTED, {"rows": rows, "operator": OPERATOR}) for rows in aliases),
        *((INSERT_FINGERPRINTS, {"rows": rows}) for rows in fingerprints),
        *((INSERT_SLOTS, {"rows": rows}) for rows in fingerprints),
        *((INSERT_TRIALS, {"rows": rows}) for rows in trials),
    ]


def _users_of(batches: Iterable[RecordBatch]) -> list[JsonRow]:
    """Return request id and digest of the user of each record that has one."""
    return [(row[0], digest_of(row[1])) for batch in batches for row in batch.records if row[1] is not None]


def _hits_and_sizes(batches: Sequence[RecordBatch]) -> list[JsonRow]:
    """Return one row an answer: its hits, the time of the last, and the size of its photo if it is to be filled in."""
    rows = {row[0]: row for row in sum_hits(row for batch in batches for row in batch.hits)}
    for image_hash, image_size in (row for batch in batches for row in batch.sizes):
        _, hits, last_hit_at, *_ = rows.get(image_hash, (image_hash, 0, None))
        rows[image_hash] = image_hash, hits, last_hit_at, image_size
    return list(rows.values())


def _pieces(rows: Sequence[JsonRow], pieces: int) -> list[str]:
    """Return the rows, sorted by their key, as so many JSON texts or fewer; none where there are no rows."""
    rows = sorted(rows, key=itemgetter(0))
    size = max(1, -(-len(rows) // pieces))
    return [_as_json(rows[start : start + size]) for start in range(0, len(rows), size)]


def _spans(batches: Sequence[RecordBatch]) -> list[JsonRow]:
    """Return each writer with the numbers of its first and its last batch."""
    spans: dict[str, JsonRow] = {}
    for batch in batches:
        first = spans[batch.writer][1] if batch.writer in spans else batch.number
        spans[batch.writer] = (batch.writer, first, batch.number)
    return sorted(spans.values())


def _is_local(row: JsonRow) -> tuple[bool, bool]:
    return row[4] == EARLIER_LOCAL_MODEL, row[4] == LOCAL_MODEL


def _as_json(rows: Sequence[JsonRow]) -> str:
    # ensure_ascii stays on: whatever a text holds, what is sent is plain.
    return json.dumps(rows, separators=(",", ":"))
