"""Records that the database will never take, kept for people to look at: a file a day, all of them bounded in size."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from loguru import logger

from app.observe.metrics import Metrics
from app.services.records.spool_file import append_whole
from app.utils.clock import Clock

_NAMES = "rejected*.jsonl"
_MAX_BYTES = 64 * 1024 * 1024


class RejectedFiles:
    """Adds lines to the file of the day. The processes that share the folder share its files."""

    def __init__(self, folder: Path, metrics: Metrics, clock: Clock, *, max_bytes: int = _MAX_BYTES) -> None:
        self._folder = folder
        self._metrics = metrics
        self._clock = clock
        self._max_bytes = max_bytes

    def add(self, line: bytes, records: int) -> None:
        """Put a line with so many records aside and return when it is on the disk. Where that cannot be it is lost."""
        path = self._folder / f"rejected-{self._clock().astimezone(UTC).date()}.jsonl"
        try:
            if self._size() + len(line) > self._max_bytes:
                raise OSError("the files of rejected records are full")
            with open(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # or what another process appends meanwhile could be taken back
                append_whole(file.fileno(), line + b"\n", os.fstat(file.fileno()).st_size)
        except OSError as error:
            logger.error("records that the database will not take are lost", records=records, reason=str(error.args[0]))
            self._metrics.rejected_records.add("lost", amount=records)
        else:
            logger.error("records that the database will not take were put aside", records=records, file=path.name)
            self._metrics.rejected_records.add("put_aside", amount=records)

    async def delete_older(self, age: timedelta, *, slice_rows: int) -> int:
        """Delete up to `slice_rows` files that were begun longer ago than an age; return how many went."""
        before = self._clock() - age
        old = [path for day, path in self._files() if datetime(day.year, day.month, day.day, tzinfo=UTC) < before]
        for path in old[:slice_rows]:
            path.unlink(missing_ok=True)
        return len(old[:slice_rows])

    def _size(self) -> int:
        size = 0
        for _, path in self._files():
            with suppress(FileNotFoundError):  # another process has just deleted it
                size += path.stat().st_size
        return size

    def _files(self) -> Iterator[tuple[date, Path]]:
        for path in sorted(self._folder.glob(_NAMES)):
            try:
                yield date.fromisoformat(path.stem.removeprefix("rejected-")), path
            except ValueError:  # the one file that earlier versions wrote
                yield datetime.fromtimestamp(path.stat().st_mtime, UTC).date(), path
