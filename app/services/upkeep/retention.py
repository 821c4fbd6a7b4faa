"""Deletes rows that have been kept for long enough, in one process at a time, by the clock of the database."""

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from loguru import logger

from app.errors import DatabaseUnavailable
from app.utils.keep_doing import keep_doing

NONCE_MARGIN = timedelta(minutes=5)
"""How long a nonce is kept beyond its end: the clock of another machine must not meet a signature that it still takes
and we have forgotten."""

_SLICE_ROWS = 500
_REST = 4
"""After each slice nothing is deleted for so many times as long as it took: a fifth of the time is retention's."""

_MAX_BACKLOG = 50
_BACKLOG_PAUSE_SECONDS = 0.5
_BACKLOG_PAUSES = 60
_LEASE_SECONDS = 60


class DeleteOlder(Protocol):
    """Deletes the rows above an age, the oldest first, of up to `slice_rows` each time; yields how many went."""

    def __call__(self, age: timedelta, *, slice_rows: int) -> AsyncIterator[int]: ...


class DeleteSlice(Protocol):
    """Deletes up to `slice_rows` of the oldest rows above an age; returns how many went."""

    async def __call__(self, age: timedelta, *, slice_rows: int) -> int: ...


def slice_by_slice(delete_slice: DeleteSlice) -> DeleteOlder:
    """Return what deletes slices until one is not full."""

    async def delete_older(age: timedelta, *, slice_rows: int) -> AsyncIterator[int]:
        deleted = slice_rows
        while deleted == slice_rows:
            deleted = await delete_slice(age, slice_rows=slice_rows)
            yield deleted

    return delete_older


class RetentionLeases(Protocol):
    """What lets one process at a time delete."""

    async def claim(self, name: str, owner: str, seconds: int) -> bool:
        """Whether the lease is `owner`'s from now on, for `seconds`."""
        ...

    async def release(self, names: Sequence[str], owner: str) -> None:
        """Give up those of these leases that are still `owner`'s."""
        ...


MeasureBacklog = Callable[[], Awaitable[int]]
"""Returns how much waits for the statistics, of what was deleted too."""

MeasureGap = Callable[[timedelta], Awaitable[timedelta | None]]
"""Returns the time between the youngest row above an age and the row after it, or now; None if no row is that old."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Keeps rows of one table for a time.

    A clock that is wrong makes all rows look old at once. With `measure_gap` nothing is deleted across a gap in the
    rows that is longer than `keep`, be it up to now, when the newest row would go too: the clock may have jumped. Where
    nobody asked anything for so long, rows stay until those after the gap are old enough themselves.
    """

    rows: str
    """What they are, for the log and for the name of the lease."""

    delete_older: DeleteOlder
    keep: timedelta
    every: timedelta
    leases: RetentionLeases | None = None
    """Without them every process deletes, as it must what it has for itself."""

    measure_gap: MeasureGap | None = None
    measure_backlog: MeasureBacklog | None = None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    owner: str = field(default_factory=lambda: secrets.token_hex(16))

    async def run_forever(self) -> None:
        """Delete what is too old, about as often as asked, at moments that differ between processes."""
        most = 2 * self.every.total_seconds()
        await keep_doing(self.delete_expired, lambda: random.uniform(0, most), f"deleting old {self.rows}")  # noqa: S311  # nosec B311  # spreads load

    async def delete_expired(self) -> int:
        """Delete all rows that are too old, unless another process does; return how many went.

        Raises `DatabaseUnavailable`.
        """
        if not await self._claim():
            return 0
        try:
            deleted = await self._delete() if await self._is_explained() else 0
        finally:
            await self._release()
        if deleted:
            logger.info("old rows deleted", rows=self.rows, deleted=deleted, older_than=str(self.keep))
        return deleted

    async def _delete(self) -> int:
        deleted, began = 0, time.monotonic()
        async for in_slice in self.delete_older(self.keep, slice_rows=_SLICE_ROWS):
            deleted += in_slice
            await self.sleep(_REST * (time.monotonic() - began))
            await self._let_statistics_keep_up()
            if not await self._claim():  # we were slow, and another has begun
                break
            began = time.monotonic()
        return deleted

    async def _let_statistics_keep_up(self) -> None:
        """Wait while much is waiting for the statistics, but not for ever: they may be what does not work."""
        if self.measure_backlog is None:
            return
        for _ in range(_BACKLOG_PAUSES):
            if await self.measure_backlog() <= _MAX_BACKLOG:
                return
            await self.sleep(_BACKLOG_PAUSE_SECONDS)

    @property
    def _lease(self) -> str:
        return f"retention:{self.rows}"

    async def _claim(self) -> bool:
        return self.leases is None or await self.leases.claim(self._lease, self.owner, _LEASE_SECONDS)

    async def _release(self) -> None:
        if self.leases is not None:
            with suppress(DatabaseUnavailable):  # then the lease ends by itself
                await self.leases.release([self._lease], self.owner)

    async def _is_explained(self) -> bool:
        """Whether what would be deleted is old because time has passed, and not because a clock has jumped."""
        gap = await self.measure_gap(self.keep) if self.measure_gap else None
        if gap is None or gap <= self.keep:
            return True
        logger.warning(
            "no old rows deleted: the clock may have jumped, or nobody asked anything for long",
            rows=self.rows,
            gap=str(gap),
            older_than=str(self.keep),
        )
        return False
