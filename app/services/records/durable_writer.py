"""Where batches of records go: into the database, or, while it is away, into the spool that is replayed into it."""

import asyncio
import itertools
import secrets
from contextlib import suppress
from pathlib import Path

from loguru import logger

from app.errors import DatabaseUnavailable, ServiceError
from app.observe.metrics import Metrics
from app.repositories.record_batch import RecordBatch
from app.services.records.sifted_tables import SiftedTables
from app.services.records.spool_file import READ_BYTES, SpoolFile
from app.utils.events import is_set_within
from app.utils.threads import to_thread_and_back

_RETRY_SECONDS = 0.25
_ADOPT_SECONDS = 5.0
_CLOSE_SECONDS = 5.0
_LEAST_READ_BYTES = 64 * 1024
_QUICK_SECONDS = 1.0
"""A third of what a transaction may take."""


class DurableWriter:
    """Makes batches durable: one of two places holds a batch when `write` returns.

    Order matters where a hit follows the result that it hits. So once something is in the spool all goes to the spool,
    until the last of it has been replayed.
    """

    def __init__(
        self,
        tables: SiftedTables,
        folder: Path,
        max_spool_bytes: int,
        metrics: Metrics,
    ) -> None:
        """Open a spool file of our own in `folder`. Raises OSError where that cannot be."""
        self._tables = tables
        self._folder = folder
        self._max_spool_bytes = max_spool_bytes
        self._file = SpoolFile.create(folder)
        self._replayed = 0  # bytes of our file
        self._read_bytes = READ_BYTES  # so much of a spool is written at once
        self._orphans_replayed: dict[str, int] = {}  # bytes of files that are not done, by name
        self._is_away = False  # the database, when it was last given something
        self._lock = asyncio.Lock()
        self._closed = False
        self._refused_bytes = 0
        """How large a batch may be that neither place took; 0: none."""
        self._probes = f"probe-{secrets.token_hex(8)}", itertools.count(1)
        self._news = asyncio.Event()
        """Set when something is in the spool, or was refused."""
        self.waiting_answers = 0
        """Answers that are in our spool and not in the database yet."""
        metrics.spooled_answers.watch(lambda: self.waiting_answers)
        metrics.spooled_bytes.watch(lambda: self.waiting_bytes)

    @property
    def takes_nothing(self) -> bool:
        """Whether neither place took a batch, and none is known yet to take one as large."""
        return self._refused_bytes > 0

    @property
    def waiting_bytes(self) -> int:
        """How much of our spool is not in the database yet."""
        return self._file.size - self._replayed

    def spools(self) -> bool:
        """Whether something is in our spool that the database may not have yet."""
        return self._file.size > 0

    async def write(self, batch: RecordBatch) -> RecordBatch | None:
        """Return when the batch is durable, but for those of its rows that the database will never take.

        These are returned, and were put aside; None: there are none. Raises `DatabaseUnavailable` when neither place
        takes the batch, `DatabaseRejected` when the database refuses the statements, whatever the rows.
        """
        if self._file.size == 0:
            try:
                rejected = await self._tables.write(batch)
                self._refused_bytes = 0
                return rejected
            except DatabaseUnavailable as error:
                # Whether it was written or still will be, the replay finds out: a batch is written once.
                logger.warning("records go to the spool", detail=error.detail)
                self._is_away = True
            async with self._lock:
                await self._append(batch)
            return None
        async with self._lock:
            if self._file.size:
                await self._append(batch)
                return None
        return await self.write(batch)  # the last of the spool was replayed while we waited

    def check(self) -> None:
        """Return if a batch could be made durable. Raises `DatabaseUnavailable` while neither place takes one."""
        if self.takes_nothing:
            raise DatabaseUnavailable(detail="neither the database nor the spool takes anything")

    async def run_forever(self) -> None:
        """Replay what is in the spool as soon as the database takes it, ours and that of dead processes."""
        while True:
            try:
                await self.replay()
                if self.takes_nothing:
                    await self._probe_database()
                await is_set_within(self._news, _ADOPT_SECONDS)
                continue
            except DatabaseUnavailable:
                pause = _RETRY_SECONDS
            except ServiceError as error:
                logger.error("the spool could not be replayed", detail=error.detail)
                pause = _ADOPT_SECONDS
            except Exception:
                logger.exception("the spool could not be replayed", folder=str(self._folder))
                pause = _ADOPT_SECONDS
            await self._probe_spool()
            await asyncio.sleep(pause)

    async def replay(self) -> None:
        """Write all that is in the spool to the database. Raises `DatabaseUnavailable`, and goes on there next time."""
        if self._is_away:  # not found out under the lock: what comes for the spool would wait for a server that sleeps
            await self._probe_database()
            self._is_away, self._read_bytes = False, _LEAST_READ_BYTES
        while self._file.size:
            # Locked for a chunk at a time: what comes in meanwhile goes behind, less of it each time than is written.
            async with self._lock:
                lines, end = await asyncio.to_thread(self._file.read, self._replayed, self._read_bytes)
                if not lines:
                    self._start_over()
                    continue
                batches = await self._write_lines(lines)
                replayed = sum(batch.answers for batch in batches)
                self.waiting_answers = max(0, self.waiting_answers - replayed)  # some may have come a second time
                self._replayed = end
                if end >= self._file.size:
                    self._clear()
                    self._refused_bytes = 0
        self._news.clear()
        for orphan in SpoolFile.adopt_orphans(self._folder):
            await self._replay_orphan(orphan)

    async def close(self) -> None:
        """Let go of the spool file; what is in it is for the next process. From now on it takes nothing.

        One who is at the file is waited for, but not for ever: then it stays open until the process ends.
        """
        if self._closed:
            return
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._lock.acquire()
        except TimeoutError:
            logger.error("the spool file is still being written to", file=self._file.path.name)
        else:
            self._closed = True
            self._lock.release()
            self._file.close(remove=self._file.size == 0)

    async def _probe_database(self) -> None:
        """Find out by a batch without rows whether the database takes batches again. Raises what `write` does."""
        series, numbers = self._probes
        await self._tables.write(RecordBatch.of(series, next(numbers), []))
        self._refused_bytes = 0

    async def _probe_spool(self) -> None:
        """Find out whether the spool takes again what it refused. A full one does when it has been replayed."""
        async with self._lock:
            if not self.takes_nothing or self._closed or self._is_full_for(self._refused_bytes):
                return
            with suppress(OSError):
                await to_thread_and_back(self._file.probe, self._refused_bytes)
                self._refused_bytes = 0

    def _start_over(self) -> None:
        """Go back to the beginning of our file, which is shorter than we wrote it; drop what is not a whole line.

        What was replayed before is found to have been.
        """
        logger.error("the spool file was cut short by somebody else", file=self._file.path.name)
        self._file.measure()
        if self._replayed and self._file.size:
            self._replayed = 0
        else:
            self._clear()

    def _clear(self) -> None:
        self._file.clear()
        self._replayed = self.waiting_answers = 0

    async def _append(self, batch: RecordBatch) -> None:
        if self._closed:
            raise DatabaseUnavailable(detail="the spool is closed: the process ends")
        content = batch.to_json()
        if self._is_full_for(len(content)):
            raise self._refusal(content, "the spool is full")
        try:
            await asyncio.to_thread(self._file.append, content)
        except OSError as error:
            raise self._refusal(content, f"the spool takes nothing: errno {error.errno}") from error
        if len(content) >= self._refused_bytes:  # a small batch may fit where a large one does not
            self._refused_bytes = 0
        self.waiting_answers += batch.answers
        self._news.set()

    def _is_full_for(self, length: int) -> bool:
        return self._file.size + length > self._max_spool_bytes

    def _refusal(self, content: bytes, detail: str) -> DatabaseUnavailable:
        self._refused_bytes = max(self._refused_bytes, len(content))
        self._news.set()
        return DatabaseUnavailable(detail=detail)

    async def _write_lines(self, lines: list[bytes]) -> list[RecordBatch]:
        """Write some lines of a spool. The next are more where it was quick; after a failure they are few, since a
        database that is slow would take so many at no time."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            batches = await self._tables.write_lines(lines)
        except DatabaseUnavailable:
            self._is_away = True
            raise
        if loop.time() - began < _QUICK_SECONDS:
            self._read_bytes = min(READ_BYTES, self._read_bytes * 2)
        return batches

    async def _replay_orphan(self, orphan: SpoolFile) -> None:
        name, done = orphan.path.name, False
        if name not in self._orphans_replayed and orphan.size:
            logger.info("replaying the spool of a process that died", file=name, bytes=orphan.size)
        # Not all of it anew after each failure: what is there already costs a question for each batch.
        offset = self._orphans_replayed.pop(name, 0)
        try:
            while True:
                lines, end = await asyncio.to_thread(orphan.read, offset, self._read_bytes)
                if not lines:
                    break
                await self._write_lines(lines)
                offset = end
            done = True
        finally:
            if not done:
                self._orphans_replayed[name] = offset
            orphan.close(remove=done)
