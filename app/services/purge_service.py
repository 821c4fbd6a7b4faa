"""Operators delete many answers at once: those of a model, of a prompt, of a category, or from before a moment."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from loguru import logger

from app.models.correction import Operator, Purge, PurgeResult
from app.services.cache.changes import ChangeWatch
from app.utils.clock import Clock
from app.utils.deadline import Deadline

_IDS = 20_000
"""So many ids are looked through by one statement."""

_SLICE = 500
"""So many answers are deleted by one transaction."""

MOST_SECONDS = 20.0
"""No caller waits longer: what is left is the next call's."""


class Answers(Protocol):
    """The answers. Every method raises `DatabaseUnavailable`."""

    async def count(self, purge: Purge) -> int:
        """Return how many answers the purge is meant for."""
        ...

    async def fetch_last_id(self) -> int:
        """Return the id of the youngest answer."""
        ...

    async def fetch_slice(self, purge: Purge, after: int, upto: int, limit: int) -> list[tuple[int, str]]:
        """Return id and key of the first such answers above `after`, up to `upto`."""
        ...

    async def delete(
        self, image_hashes: list[str], purge: Purge, before: int, reason: str, operator: Operator, now: datetime
    ) -> None:
        """Delete these answers, of which `before` went earlier in the same purge."""
        ...


@dataclass(frozen=True, slots=True)
class PurgeService:
    """Counts answers, or deletes them in slices that hold up nobody."""

    answers: Answers
    watch: ChangeWatch
    clock: Clock
    most_seconds: float = MOST_SECONDS

    async def count(self, purge: Purge) -> PurgeResult:
        """Return how many answers would be deleted. Raises `DatabaseUnavailable`."""
        return PurgeResult(matched=await self.answers.count(purge), deleted=0, complete=False)

    async def delete(
        self, purge: Purge, reason: str, operator: Operator, advance: Callable[[int], object] = lambda _: None
    ) -> PurgeResult:
        """Delete the answers that are there now, within a bounded time; what is left the same call deletes again.

        `advance` is called with how many are gone.

        Raises `DatabaseUnavailable`: then those of earlier slices are gone, as the audit says.
        """
        matched = await self.answers.count(purge)
        deadline, deleted = Deadline.after(self.most_seconds), 0
        position, last = 0, await self.answers.fetch_last_id()
        try:
            while position < last and deadline.remaining_seconds():
                upto = min(position + _IDS, last)
                found = await self.answers.fetch_slice(purge, position, upto, _SLICE)
                if found:
                    hashes = [image_hash for _, image_hash in found]
                    await self.answers.delete(hashes, purge, deleted, reason, operator, self.clock())
                    deleted += len(found)
                    advance(deleted)
                    await asyncio.sleep(0)
                position = found[-1][0] if len(found) == _SLICE else upto
        finally:
            if deleted:
                logger.info("an operator has purged answers", deleted=deleted, key=operator.key_name)
                await self.watch.look_with_others()
        return PurgeResult(matched, deleted, complete=position >= last)
