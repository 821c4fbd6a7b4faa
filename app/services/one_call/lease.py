"""Leases: each lets one process at a time do something, of all that share the database, on any machine."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeVar

from app.errors import DatabaseUnavailable
from app.observe.metrics import Metrics
from app.repositories.lease_repository import LeaseRepository
from app.utils.events import is_set_within
from app.utils.keep_doing import keep_doing

LEASE_SECONDS = 10
"""How long after its holder's death a lease is free again."""

_RENEW_SECONDS = 3.0
_LOOK_SECONDS = 0.1
_LOOKS_PER_CLAIM = 10
_SLOW_LOOK_SECONDS = 2.0

T = TypeVar("T")


class Claim(Enum):
    """What came of asking for a lease."""

    OURS = auto()
    TAKEN = auto()
    NOBODY_KNOWS = auto()
    """The database is away."""


@dataclass(frozen=True, slots=True)
class Lease:
    """One name, and this holder's wish to have it. No connection is held meanwhile, but a row of the database is."""

    repository: LeaseRepository
    name: str
    seconds: int
    owner: str = field(default_factory=lambda: secrets.token_hex(16))

    async def claim(self) -> Claim:
        """Take the lease if it is free or has ended; renew it if it is ours."""
        try:
            ours = await self.repository.claim(self.name, self.owner, self.seconds)
        except DatabaseUnavailable:
            return Claim.NOBODY_KNOWS
        return Claim.OURS if ours else Claim.TAKEN

    async def release(self) -> None:
        """Give the lease up. While the database is away it ends by itself."""
        with suppress(DatabaseUnavailable):
            await self.repository.release([self.name], self.owner)


@dataclass(frozen=True, slots=True)
class Leases:
    """Gives leases out, and renews them for as long as their holders live."""

    repository: LeaseRepository
    metrics: Metrics
    seconds: int = LEASE_SECONDS
    renew_seconds: float = _RENEW_SECONDS
    look_seconds: float = _LOOK_SECONDS
    slow_look_seconds: float = _SLOW_LOOK_SECONDS
    """Seconds between two looks of a caller of the deferred lane, as long as nobody is in a hurry."""

    marks: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def hold(
        self,
        name: str,
        found: Callable[[], Awaitable[T | None]],
        waiting: str | None = None,
        hurried: asyncio.Event | None = None,
    ) -> AsyncIterator[T | None]:
        """Wait for a lease and hold it for the time of the block, or wait for what its present holder is working on.

        Yields None when the lease is ours, or what `found` returned: it is asked again and again while another holds
        the lease, and meanwhile the mark `waiting` is there for the holder to see, where `hurried` is given from when
        that is set. Yields None as well while the database is away. How long to wait is the caller's to bound.
        """
        lease = Lease(self.repository, name, self.seconds)
        claim = await lease.claim()
        if claim is Claim.TAKEN:
            self.metrics.lease_waits.add()
        result: T | None = None
        with ExitStack() as marks:
            while claim is Claim.TAKEN and result is None:
                if waiting is not None and (hurried is None or hurried.is_set()):
                    marks.enter_context(self.mark([waiting]))
                    waiting = None
                result = await self._wait(found, hurried)
                claim = claim if result is not None else await lease.claim()
        if result is not None:
            yield result
            return
        if claim is Claim.NOBODY_KNOWS:
            yield None
            return
        ended = asyncio.Event()
        renewing = asyncio.create_task(keep_doing(lease.claim, lambda: self.renew_seconds, "renewing a lease", ended))
        try:
            yield None
        finally:
            # Not cancelled: a claim whose packet is on its way could be carried out after the release.
            ended.set()
            await asyncio.wait([renewing])
            await lease.release()

    @contextmanager
    def mark(self, names: Sequence[str]) -> Iterator[None]:
        """Let all processes see for the time of the block that there is work on these names; it keeps nobody out.

        The marks are written and taken back beside the work, which does not wait for them.
        """
        ended = asyncio.Event()
        task = asyncio.create_task(self._keep_marked(names, ended))
        self.marks.add(task)
        task.add_done_callback(self.marks.discard)
        try:
            yield
        finally:
            ended.set()

    async def is_held(self, names: Sequence[str]) -> bool:
        """Whether there is work on any of these names, in any process. Raises `DatabaseUnavailable`."""
        return await self.repository.is_held(names)

    async def watch(self, found: Callable[[], Awaitable[T | None]], seconds: float) -> T | None:
        """Return what `found` returns, which is asked again and again for so long; None where that is nothing."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        with suppress(DatabaseUnavailable):  # whether it is only slow, the next claim finds out
            while (result := await found()) is None and loop.time() < end:  # noqa: ASYNC110  # others find it
                await asyncio.sleep(self.look_seconds)
            return result
        return None

    async def close(self, timeout_seconds: float) -> None:
        """Let the marks be taken back."""
        if self.marks:
            await asyncio.wait(self.marks, timeout=timeout_seconds)

    async def _wait(self, found: Callable[[], Awaitable[T | None]], hurried: asyncio.Event | None) -> T | None:
        """Return what `found` returns, or None when it is time to claim the lease again, or to hurry."""
        if hurried is None or hurried.is_set():
            return await self.watch(found, _LOOKS_PER_CLAIM * self.look_seconds)
        result = await self.watch(found, 0)
        if result is None:
            await is_set_within(hurried, self.slow_look_seconds)
        return result

    async def _keep_marked(self, names: Sequence[str], ended: asyncio.Event) -> None:
        owner = secrets.token_hex(16)

        async def mark() -> None:
            await self.repository.mark(names, owner, self.seconds)

        with suppress(DatabaseUnavailable):
            await mark()
            await keep_doing(mark, lambda: self.renew_seconds, "renewing a mark", ended)
            await self.repository.release(names, owner)
