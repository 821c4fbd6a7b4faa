"""The database as the writer of records sees it: it takes batches, and what it will never take is put aside."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from loguru import logger

from app.database import ValueRejected
from app.repositories.record_batch import RecordBatch
from app.services.records.rejected_files import RejectedFiles
from app.services.records.sifting import sift
from app.services.records.spool_file import DamagedLine, content_of


class BatchTables(Protocol):
    """The tables in the database that take batches; `RecordRepository` says more."""

    async def write(self, batches: Sequence[RecordBatch]) -> None: ...

    async def rehearse(self, batch: RecordBatch) -> None: ...


class SiftedTables:
    """Writes batches to the tables, without the rows that the database refuses whatever is done."""

    def __init__(self, tables: BatchTables, rejected: RejectedFiles) -> None:
        self._tables = tables
        self._rejected = rejected

    async def write_lines(self, lines: list[bytes]) -> list[RecordBatch]:
        """Write the batches of these lines and return them. Raises `DatabaseUnavailable`, `DatabaseRejected`."""
        batches, damaged = _parsed(lines)
        try:
            await self._tables.write(batches)
        except ValueRejected:
            for batch in batches:
                await self.write(batch)
        for line in damaged:
            logger.error("a line of the spool is damaged")
            await asyncio.to_thread(self._rejected.add, line, 1)
        logger.info("records replayed from the spool", answers=sum(batch.answers for batch in batches))
        return batches

    async def write(self, batch: RecordBatch) -> RecordBatch | None:
        """Write one batch without the rows that the database will never take; put these aside and return them."""
        try:
            await self._tables.write([batch])
            return None
        except ValueRejected as error:
            logger.error("the database will not take some records", detail=error.detail)
        fitting, rejected = await sift(self._tables.rehearse, batch)
        # Put aside first: once the others are written the batch counts as written.
        await asyncio.to_thread(self._rejected.add, rejected.to_json(), rejected.rows)
        await self._tables.write([fitting])
        return rejected


def _parsed(lines: list[bytes]) -> tuple[list[RecordBatch], list[bytes]]:
    """Return the batches of the lines, and the lines that are none."""
    batches, damaged = [], []
    for line in lines:
        try:
            batches.append(RecordBatch.from_json(content_of(line)))
        except (DamagedLine, ValueError, KeyError, TypeError):
            damaged.append(line)
    return batches, damaged
