"""A database that goes away, or loses its answers, when a test says so."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from app.database import Database, DatabaseNode, Fetch, Load, Params, Row, Sql, Statement
from app.errors import DatabaseRejected, DatabaseUnavailable

T = TypeVar("T")


@dataclass
class UnreliableDatabase:
    """A real database behind a line that can be cut. `loses_answers`: what is written is done, and nobody hears.

    `refuses`: it does not understand the statements. `only_reads`: it takes no commits yet. While the `gate` is shut,
    commits wait.
    """

    inner: Database
    away: bool = False
    loses_answers: bool = False
    refuses: bool = False
    only_reads: bool = False
    commits: list[int] = field(default_factory=list)
    """The number of statements of each transaction that was tried."""
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    @property
    def load(self) -> Load:
        return self.inner.load

    @property
    def nodes(self) -> Sequence[DatabaseNode]:
        return self.inner.nodes

    async def fetch_all(self, sql: Sql, params: Params, *, timeout_seconds: float | None = None) -> list[Row]:
        self._check()
        return await self.inner.fetch_all(sql, params, timeout_seconds=timeout_seconds)

    async def read_snapshot(self, work: Callable[[Fetch], Awaitable[T]], *, timeout_seconds: float) -> T:
        self._check()
        return await self.inner.read_snapshot(work, timeout_seconds=timeout_seconds)

    async def commit(self, statements: Sequence[Statement]) -> None:
        self.commits.append(len(statements))
        await self.gate.wait()
        self._check()
        if self.only_reads:
            raise DatabaseUnavailable(detail="it takes no commits yet, as told")
        await self.inner.commit(statements)
        if self.loses_answers:
            raise DatabaseUnavailable(detail="the answer was lost")

    async def rehearse(self, statements: Sequence[Statement]) -> None:
        self._check()
        await self.inner.rehearse(statements)

    async def execute(self, sql: Sql, params: Params) -> int:
        self._check()
        return await self.inner.execute(sql, params)

    async def check(self) -> None:
        self._check()
        await self.inner.check()

    async def close(self) -> None:
        pass

    def _check(self) -> None:
        if self.away:
            raise DatabaseUnavailable(detail="away, as told")
        if self.refuses:
            raise DatabaseRejected(detail="refused, as told")
