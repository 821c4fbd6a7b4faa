"""An append-only file of lines that outlives its process. One owner at a time; a line counts once it is on the disk."""

import fcntl
import os
import secrets
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

from loguru import logger

SUFFIX = ".spool"
_UNLOCKED_SUFFIX = ".new"
_UNFINISHED_SECONDS = 60.0
"""A file that is made is locked and has its name within moments."""

_FRAME_BYTES = len(b"%08x \n" % 0)
READ_BYTES = 1024 * 1024
"""Some 1,500 records. They are one transaction, which must end within its time where the server is busy, and are read
on the event loop. More than the largest batch: the replay must read faster than others append."""


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
        unlocked = path.with_suffix(_UNLOCKED_SUFFIX)  # where nobody takes it for an orphan before it is locked
        descriptor = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            unlocked.rename(path)
        except OSError:
            os.close(descriptor)
            unlocked.unlink(missing_ok=True)
            raise
        return cls(path, descriptor)

    @classmethod
    def adopt_orphans(cls, folder: Path) -> Iterator["SpoolFile"]:
        """Yield the files whose owners have died, each now ours. Files whose makers died making them are removed."""
        for path in sorted(folder.glob(f"*{_UNLOCKED_SUFFIX}")):
            _remove_if_unfinished(path)
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            descriptor = _locked(path)
            if descriptor is not None:
                yield cls(path, descriptor)

    def append(self, content: bytes) -> None:
        """Add a line (`content` without line breaks) and return when it is on the disk. Raises OSError."""
        line = b"%08x %s\n" % (zlib.crc32(content), content)
        append_whole(self._descriptor, line, self.size)
        self.size += len(line)

    def probe(self, length: int) -> None:
        """Return if the disk takes a line with so many bytes of content; it is taken back. Raises OSError."""
        append_whole(self._descriptor, b"-" * (_FRAME_BYTES + length), self.size)  # torn, should the process die here
        os.ftruncate(self._descriptor, self.size)

    def read(self, offset: int, wanted: int = READ_BYTES) -> tuple[list[bytes], int]:
        """Return whole lines from `offset` on, as they are in the file, and where the next begins: about as many bytes
        as are wanted, and one line at least.

        None are left when `lines` is empty; a torn end, whose writer died writing it, is none.
        """
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


def append_whole(descriptor: int, data: bytes, size: int) -> None:
    """Append to a file of that size and return when it is on the disk: all of it, or nothing. Raises OSError."""
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fdatasync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)  # no half line before the next one
        raise


def content_of(line: bytes) -> bytes:
    """Return what was appended as this line. Raises `DamagedLine`."""
    checksum, _, content = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(content):
        raise DamagedLine
    return content


def _locked(path: Path) -> int | None:
    """Return a descriptor of the file, locked by us; None where its owner lives, or it cannot be had."""
    descriptor = None
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_nlink:
            return descriptor  # else another has just finished with it
    except (FileNotFoundError, BlockingIOError):  # gone, or its owner lives
        pass
    except OSError as error:  # another user's, or no locks are to be had: that must not keep us from the others
        logger.warning("a spool file cannot be adopted", file=path.name, errno=error.errno)
    if descriptor is not None:
        os.close(descriptor)
    return None


def _remove_if_unfinished(path: Path) -> None:
    """Remove a file that nobody has locked for a minute: nothing was ever written to it."""
    try:
        young = time.time() - path.stat().st_mtime < _UNFINISHED_SECONDS
    except FileNotFoundError:  # it has its name now
        return
    descriptor = None if young else _locked(path)
    if descriptor is not None:
        path.unlink(missing_ok=True)
        os.close(descriptor)
