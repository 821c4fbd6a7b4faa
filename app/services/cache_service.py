"""The shared cache: what is already known of a photo by its names, in memory first, then in the database."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from app.errors import DatabaseUnavailable
from app.models.domain import KnownAnswer
from app.models.identity import MatchedBy
from app.observe.metrics import Metrics
from app.services.cache.lookups import Lookups
from app.services.cache.memory import MemoryCache

Error = TypeVar("Error", bound=BaseException)


@dataclass(frozen=True, slots=True)
class CacheService:
    """Looks photos up. Answers and hits are written elsewhere, together, by the `Recorder`.

    Names are given the surest first. Near matches that are on record count only while `serves_near` says so, and are
    not kept in memory: there they would hide the photo's own answer, which may be paid for at any time.
    """

    memory: MemoryCache
    lookups: Lookups
    serves_near: Callable[[], Awaitable[bool]]
    metrics: Metrics
    spools: Callable[[], bool] = lambda: False
    """Whether anything that this process has found out is still to be written to the database."""

    async def lookup(self, names: Sequence[str], *, is_first: bool = True) -> KnownAnswer | None:
        """Return the answer to the photo with these names, or None if it is not known.

        Each photo is counted as one lookup: where more of its names are found out and this is not the first one, it
        counts only where it finds something. Raises `Overloaded`; `DatabaseUnavailable` if memory does not know the
        photo either.
        """
        found = _first(self.memory.get, names)
        self._count("memory", found, is_first)
        if found is not None:
            return found
        try:
            found = await self._find(names)
        except DatabaseUnavailable:
            stale = self._recall(names)
            if stale is None:
                raise
            return stale
        self._count("database", found, is_first)
        return found

    async def lookup_uncounted(self, names: Sequence[str]) -> KnownAnswer | None:
        """Look a photo up without counting it: for those who look again and again until the answer is there."""
        return _first(self.memory.get, names) or await self._find(names)

    async def lookup_all(self, photos: Sequence[Sequence[str]]) -> list[KnownAnswer | Exception | None]:
        """Look many photos up together: what `lookup` returns for each, or raises."""
        found: list[KnownAnswer | Exception | None] = [_first(self.memory.get, names) for names in photos]
        unknown = [index for index, known in enumerate(found) if known is None]
        self.metrics.cache_lookups.add("memory", "hit", amount=len(photos) - len(unknown))
        self.metrics.cache_lookups.add("memory", "miss", amount=len(unknown))
        changes = self.memory.changes
        answers = await self.lookups.find_all([name for index in unknown for name in photos[index]])
        start = 0
        for index in unknown:
            names = photos[index]
            first, end = answers[start], start + len(names)
            if len(names) == 1 and isinstance(first, KnownAnswer) and first.matched_by is not MatchedBy.NEAR:
                # What batches are full of: the general way took 5 us more for each.
                self._keep(names[0], first, changes)
                self._count("database", first, is_first=True)
                found[index] = first
            else:
                found[index] = await self._conclude(names, answers[start:end], changes)
            start = end
        return found

    async def _conclude(
        self, names: Sequence[str], answers: Sequence[KnownAnswer | Exception | None], changes: int
    ) -> KnownAnswer | Exception | None:
        """Return what is known of a photo after the database was asked by each of its names."""
        known = await self._first_known(names, answers, changes)
        if isinstance(known, DatabaseUnavailable):
            return self._recall(names) or known
        if not isinstance(known, Exception):
            self._count("database", known, is_first=True)
        return known

    def remember(self, name: str, known: KnownAnswer) -> None:
        """Keep in memory what has just been made durable."""
        if known.matched_by is not MatchedBy.NEAR:
            self.memory.put(name, known, read=False)

    def _recall(self, names: Sequence[str]) -> KnownAnswer | None:
        """Return what memory knows of a photo, however old, while the database is away."""
        self.memory.doubt()
        stale = _first(self.memory.get_stale, names)
        if stale is not None:
            self.metrics.cache_lookups.add("memory", "stale")
        return stale

    def _count(self, tier: str, found: KnownAnswer | None, is_first: bool) -> None:
        if is_first or found is not None:
            self.metrics.cache_lookups.add(tier, "miss" if found is None else "hit")

    async def _find(self, names: Sequence[str]) -> KnownAnswer | None:
        """Return the answer that the database has for the first of these names, and remember all of them."""
        changes = self.memory.changes
        if len(names) == 1:
            return await self._admit(names[0], await self.lookups.find(names[0]), changes)
        answers = await asyncio.gather(*map(self.lookups.find, names), return_exceptions=True)
        known = await self._first_known(names, answers, changes)
        if isinstance(known, BaseException):
            raise known
        return known

    async def _first_known(
        self, names: Sequence[str], answers: Sequence[KnownAnswer | Error | None], changes: int
    ) -> KnownAnswer | Error | None:
        """Return the answer to the first name that has one, else why one is not known, and remember all answers.

        While the database is away, Redis has those of some names.
        """
        error = None
        admitted = []
        for name, answer in zip(names, answers, strict=True):
            if isinstance(answer, BaseException):
                error = error or answer
            else:
                admitted.append(await self._admit(name, answer, changes))
        return next(filter(None, admitted), error)

    def _keep(self, name: str, found: KnownAnswer, changes: int) -> None:
        if changes == self.memory.changes:
            self.memory.put(name, found)

    async def _admit(self, name: str, found: KnownAnswer | None, changes: int) -> KnownAnswer | None:
        """Remember what the database has for a name, unless it was heard of `changes` meanwhile: what was read may be
        older. Return it if it may be given."""
        if found is not None and found.matched_by is not MatchedBy.NEAR:
            self._keep(name, found, changes)
            return found
        if self.spools() and (own := self.memory.get_own(name)) is not None:
            return own  # it waits in the spool: asked of a model again it would be paid for again
        self.memory.forget(name)
        return found if found is not None and await self.serves_near() else None


def _first(recall: Callable[[str], KnownAnswer | None], names: Sequence[str]) -> KnownAnswer | None:
    """Return what memory knows by the first of these names that it knows."""
    for name in names:
        if (found := recall(name)) is not None:
            return found
    return None
