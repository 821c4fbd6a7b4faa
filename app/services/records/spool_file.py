"""An append-only file of lines that outlives its process. One owner at a time; a line counts once it is on the disk."""

import fcntl
import os
import secrets
import zlib
from collections.abc import Iterator
from pathlib import Path

from loguru import logger

SUFFIX = ".spool"
_READ_BYTES = 4 * 1024 * 1024
"""Many of the largest batches: the replay must read faster than others append."""


class DamagedLine(ValueError):
    """A whole line whose checksum is not that of its content."""


class SpoolFile:
    """One file, locked for as long as its owner lives: the lock of a dead process is free."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.size = os.fstat(descriptor).st_size
        self._descriptor = descriptor

    @classmethod
    def create(cls, folder: Path) -> "SpoolFile":
        """Return a new, empty file in `folder`, which is made where it is missing. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{secrets.token_hex(8)}{SUFFIX}"
        unlocked = path.with_suffix(".new")  # where nobody takes it for an orphan before it is locked
        descriptor = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        unlocked.rename(path)
        return cls(path, descriptor)

    @classmethod
    def adopt_orphans(cls, folder: Path) -> Iterator["SpoolFile"]:
        """Yield the files whose owners have died, each now ours."""
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
            except OSError as error:  # gone, or another user's: that must not keep us from the others
                if not isinstance(error, FileNotFoundError):
                    logger.warning("a spool file cannot be opened", file=path.name, errno=error.errno)
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # its owner lives
                os.close(descriptor)
                continue
            if os.fstat(descriptor).st_nlink == 0:  # another has just finished with it
                os.close(descriptor)
                continue
            yield cls(path, descriptor)

    def append(self, content: bytes) -> None:
        """Add a line (`content` without line breaks) and return when it is on the disk. Raises OSError."""
        line = b"%08x %s\n" % (zlib.crc32(content), content)
        try:
            view = memoryview(line)
            while view:
                view = view[os.write(self._descriptor, view) :]
            os.fdatasync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, self.size)  # no half line before the next one
            raise
        self.size += len(line)

    def read(self, offset: int) -> tuple[list[bytes], int]:
        """Return whole lines from `offset` on, as they are in the file, and where the next begins.

        None are left when `lines` is empty; a torn end, whose writer died writing it, is none.
        """
        wanted = _READ_BYTES
        while True:
            block = os.pread(self._descriptor, wanted, offset)
            whole, newline, _ = block.rpartition(b"\n")
            if newline or len(block) < wanted:
                return (whole.split(b"\n") if newline else []), offset + len(whole) + len(newline)
            wanted *= 2  # a line longer than the block

    def measure(self) -> None:
        """Take the file's size from the disk: somebody else has changed it."""
        self.size = os.fstat(self._descriptor).st_size

    def clear(self) -> None:
        """Empty the file."""
        os.ftruncate(self._descriptor, 0)
        self.size = 0

    def close(self, *, remove: bool) -> None:
        """Let go of the file, for others to adopt unless it is removed."""
        if remove:
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = -1  # its number may be another file's soon


def content_of(line: bytes) -> bytes:
    """Return what was appended as this line. Raises `DamagedLine`."""
    checksum, _, content = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(content):
        raise DamagedLine
    return content
