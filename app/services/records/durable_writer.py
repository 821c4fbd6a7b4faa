"""Where batches of records go: into the database, or, while it is away, into the spool that is replayed into it."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

from loguru import logger

from app.errors import DatabaseUnavailable
from app.observe.metrics import Metrics
from app.repositories.record_batch import RecordBatch
from app.repositories.record_repository import RecordRepository
from app.services.records.spool_file import DamagedLine, SpoolFile, content_of

_RETRY_SECONDS = 1.0
_ADOPT_SECONDS = 5.0
_REJECTED = "rejected.jsonl"


class DurableWriter:
    """Makes batches durable: one of two places holds a batch when `write` returns.

    Order matters where a hit follows the result that it hits. So once something is in the spool all goes to the spool,
    until the last of it has been replayed.
    """

    def __init__(self, repository: RecordRepository, folder: Path, max_spool_bytes: int, metrics: Metrics) -> None:
        """Open a spool file of our own in `folder`. Raises OSError where that cannot be."""
        self._repository = repository
        self._folder = folder
        self._max_spool_bytes = max_spool_bytes
        self._file = SpoolFile.create(folder)
        self._replayed = 0  # bytes of our file
        self._turn = asyncio.Lock()
        self._spooled = asyncio.Event()
        self.waiting_answers = 0
        """Answers that are in our spool and not in the database yet."""
        metrics.spooled_answers.watch(lambda: self.waiting_answers)
        metrics.spooled_bytes.watch(lambda: self.waiting_bytes)

    @property
    def waiting_bytes(self) -> int:
        """How much of our spool is not in the database yet."""
        return self._file.size - self._replayed

    async def write(self, batch: RecordBatch) -> None:
        """Return when the batch is durable. Raises `DatabaseUnavailable` when neither place takes it."""
        if self._file.size == 0:
            try:
                await self._repository.write([batch])
                return
            except DatabaseUnavailable as error:
                # Whether it was written or still will be, the replay finds out: a batch is written once.
                logger.warning("records go to the spool", detail=error.detail)
            async with self._turn:
                await self._append(batch)
            return
        async with self._turn:
            if self._file.size:
                await self._append(batch)
                return
        await self.write(batch)  # the last of the spool was replayed while we waited for our turn

    def check(self) -> None:
        """Return if a batch could be made durable. Raises `DatabaseUnavailable` while neither place takes one."""

    async def run_forever(self) -> None:
        """Replay what is in the spool as soon as the database takes it, ours and that of dead processes."""
        while True:
            try:
                await self.replay()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._spooled.wait(), _ADOPT_SECONDS)
            except DatabaseUnavailable:
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception:
                logger.exception("the spool could not be replayed", folder=str(self._folder))
                await asyncio.sleep(_ADOPT_SECONDS)

    async def replay(self) -> None:
        """Write all that is in the spool to the database. Raises `DatabaseUnavailable`, and goes on there next time."""
        while self._file.size:
            # A turn a chunk: what comes in meanwhile goes behind, less of it each time than is written.
            async with self._turn:
                lines, end = await asyncio.to_thread(self._file.read, self._replayed)
                batches = await self._replay(lines)
                self.waiting_answers -= sum(batch.answers for batch in batches)
                self._replayed = end
                if end >= self._file.size:
                    self._file.clear()
                    self._replayed = self.waiting_answers = 0
        self._spooled.clear()
        for orphan in SpoolFile.adopt_orphans(self._folder):
            await self._replay_orphan(orphan)

    def close(self) -> None:
        """Let go of the spool file; what is in it is for the next process."""
        self._file.close(remove=self._file.size == 0)

    async def _append(self, batch: RecordBatch) -> None:
        content = batch.to_json()
        if self._file.size + len(content) > self._max_spool_bytes:
            raise DatabaseUnavailable(detail="the spool is full")
        try:
            await asyncio.to_thread(self._file.append, content)
        except OSError as error:
            raise DatabaseUnavailable(detail=f"the spool takes nothing: errno {error.errno}") from error
        self.waiting_answers += batch.answers
        self._spooled.set()

    async def _replay_orphan(self, orphan: SpoolFile) -> None:
        done = False
        try:
            if orphan.size:
                logger.info("replaying the spool of a process that died", file=orphan.path.name, bytes=orphan.size)
            offset = 0
            while True:
                lines, offset = await asyncio.to_thread(orphan.read, offset)
                if not lines:
                    break
                await self._replay(lines)
            done = True
        finally:
            orphan.close(remove=done)

    async def _replay(self, lines: list[bytes]) -> list[RecordBatch]:
        """Write the batches of these lines and return them. Raises `DatabaseUnavailable`, and has put nothing aside."""
        batches, damaged = _parsed(lines)
        try:
            await self._repository.write(batches)
        except DatabaseUnavailable:
            raise
        except Exception:
            for batch in batches:
                await self._replay_alone(batch)
        for line in damaged:
            logger.error("a line of the spool is damaged and was put aside", file=_REJECTED)
            self._put_aside(line)
        logger.info("records replayed from the spool", answers=sum(batch.answers for batch in batches))
        return batches

    async def _replay_alone(self, batch: RecordBatch) -> None:
        """Write one batch; put it aside, for people, if the database will never take it."""
        try:
            await self._repository.write([batch])
        except DatabaseUnavailable:
            raise
        except Exception:
            logger.exception("a batch of records was put aside", file=_REJECTED, answers=batch.answers)
            self._put_aside(batch.to_json())

    def _put_aside(self, line: bytes) -> None:
        path = self._folder / _REJECTED
        with open(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _parsed(lines: list[bytes]) -> tuple[list[RecordBatch], list[bytes]]:
    """Return the batches of the lines, and the lines that are none."""
    batches, damaged = [], []
    for line in lines:
        try:
            batches.append(RecordBatch.from_json(content_of(line)))
        except (DamagedLine, ValueError, KeyError, TypeError):
            damaged.append(line)
    return batches, damaged
