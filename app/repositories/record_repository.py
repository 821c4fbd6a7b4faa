"""All that is written about requests: what was answered, by which names, and what was paid for. SQL only."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.database import ConstraintError, Database, Params, Sql, Statement, StatementTooLarge
from app.repositories.record_batch import RecordBatch
from app.repositories.record_statements import ADVANCE_WRITER
from app.repositories.record_transaction import rehearsed_statements, row_statements

_SELECT_WRITTEN = Sql.same("SELECT 1 FROM ledger_writer WHERE writer = :writer AND last_batch >= :number")

_SELECT_ANSWERS = Sql(
    mysql="""
SELECT c.image_hash
FROM JSON_TABLE(:names, '$[*]' COLUMNS (
  name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
)) AS wanted
STRAIGHT_JOIN image_classification_cache AS c ON c.image_hash = wanted.name
""",
    sqlite="""
SELECT image_hash FROM image_classification_cache WHERE image_hash IN (SELECT value FROM json_each(:names))
""",
)
_SELECT_RECORDS = Sql(
    mysql="""
SELECT r.request_id
FROM JSON_TABLE(:names, '$[*]' COLUMNS (
  name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
)) AS wanted
STRAIGHT_JOIN request_log AS r ON r.request_id = wanted.name
""",
    sqlite="SELECT request_id FROM request_log WHERE request_id IN (SELECT value FROM json_each(:names))",
)

_ATTEMPTS = 3
"""How often batches are tried: as they are, without what is there already, and again where others were quicker."""


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
        missing, attempts = list(batches), 0
        while missing:
            try:
                await self._commit(missing)
            except ConstraintError:
                attempts += 1
                if attempts == _ATTEMPTS and len(missing) == 1:
                    raise
                if attempts == _ATTEMPTS:
                    break
                missing = await self._changing([batch for batch in missing if not await self._is_written(batch)])
            else:
                return
        for batch in missing:
            await self.write([batch])

    async def rehearse(self, batch: RecordBatch) -> None:
        """Write the rows of a batch, whether they are there or not, and roll back. Raises what `write` would raise."""
        if statements := rehearsed_statements(batch):
            await self.database.rehearse(statements)

    async def _changing(self, batches: Sequence[RecordBatch]) -> list[RecordBatch]:
        """Return the batches without rows that would change nothing: records that are there, hits of what is not."""
        hits = [row[0] for batch in batches for row in batch.hits]
        answers = {row[0] for row in await self.database.fetch_all(_SELECT_ANSWERS, {"names": json.dumps(hits)})}
        answers.update(row[0] for batch in batches for row in batch.results)
        requests = [row[0] for batch in batches for row in batch.records]
        there = {row[0] for row in await self.database.fetch_all(_SELECT_RECORDS, {"names": json.dumps(requests)})}
        changing = []
        for batch in batches:
            records = {row[0]: row for row in reversed(batch.records) if row[0] not in there}
            there.update(records)
            changing.append(
                replace(
                    batch,
                    hits=[row for row in batch.hits if row[0] in answers],
                    records=list(reversed(records.values())),
                )
            )
        return changing

    async def _commit(self, batches: Sequence[RecordBatch]) -> None:
        """Write the rows of each kind with one statement, or with as many as the server's limit of bytes makes it."""
        pieces, rows = 1, sum(batch.rows for batch in batches)
        while True:
            try:
                await self.database.commit([*_advances(batches), *row_statements(batches, pieces)])
            except StatementTooLarge:
                if pieces > rows:
                    raise
                pieces *= 2
            else:
                return

    async def _is_written(self, batch: RecordBatch) -> bool:
        params: Params = {"writer": batch.writer, "number": batch.number}
        return bool(await self.database.fetch_all(_SELECT_WRITTEN, params))


def _advances(batches: Sequence[RecordBatch]) -> list[Statement]:
    """Return the statements that note the numbers of the batches, in the order of their writers."""
    spans: dict[str, dict[str, str | int]] = {}
    for batch in batches:
        spans.setdefault(batch.writer, {"writer": batch.writer, "first": batch.number})["last"] = batch.number
    return [(ADVANCE_WRITER, spans[writer]) for writer in sorted(spans)]
