"""A user reads their own records, and has themselves erased from all that is kept."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from loguru import logger

from app.models.history import Erasure, HistoryPage, HistoryPlace, PlacedRecord
from app.utils.clock import Clock
from app.utils.deadline import Deadline

_SLICE = 1000
MOST_SECONDS = 20.0
"""No caller waits longer: what is left is the next call's."""

_END = HistoryPlace(datetime(9999, 12, 31, tzinfo=UTC), 2**63 - 1)


class Records(Protocol):
    """The records of users. Every method raises `DatabaseUnavailable`."""

    async def fetch_page(self, user_id: str, before: HistoryPlace, limit: int) -> list[PlacedRecord]:
        """Return the user's latest records of those before a place, newest first."""
        ...

    async def mark_erased(self, user_id: str, now: datetime) -> None:
        """Let records of this user from before now that come late be written without the user."""
        ...

    async def erase_slice(self, user_id: str, *, slice_rows: int) -> int:
        """Take the user out of up to so many records; return of how many."""
        ...


@dataclass(frozen=True, slots=True)
class HistoryService:
    """Reads and erases one user's records. `erase_elsewhere` erases what is kept beside them."""

    records: Records
    erase_elsewhere: Callable[[str], Awaitable[None]]
    clock: Clock
    most_seconds: float = MOST_SECONDS

    async def read(self, user_id: str, before: HistoryPlace | None, limit: int) -> HistoryPage:
        """Return the user's latest records, of those before a place if it is given."""
        placed = await self.records.fetch_page(user_id, before or _END, limit)
        following = placed[-1].place if len(placed) == limit else None
        return HistoryPage([one.record for one in placed if one.record is not None], following)

    async def erase(self, user_id: str) -> Erasure:
        """Erase the user, within a bounded time; what is left the same call erases again.

        The mark comes first: what waits in a spool meanwhile finds it, whenever it is written.
        """
        await self.records.mark_erased(user_id, self.clock())
        await self.erase_elsewhere(user_id)
        deadline, erased = Deadline.after(self.most_seconds), 0
        while True:
            rows = await self.records.erase_slice(user_id, slice_rows=_SLICE)
            erased += rows
            if rows < _SLICE or not deadline.remaining_seconds():
                logger.info("a user was erased", records=erased, complete=rows < _SLICE)
                return Erasure(erased, complete=rows < _SLICE)
