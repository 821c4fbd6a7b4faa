"""The database as the rest of the code sees it: a few verbs and errors. Which server it is, only `drivers/` know."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol, TypeVar

from app.errors import DatabaseRejected

Params = Mapping[str, str | int | float | tuple[str, ...] | None]
"""A tuple is a list as each dialect has it: `IN :names` in MySQL, a JSON text for `json_each(:names)` in SQLite."""

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Sql:
    """One statement with `:name` placeholders, in the dialect of each database."""

    mysql: str
    sqlite: str

    @classmethod
    def same(cls, text: str) -> "Sql":
        """Return a statement that both databases read alike."""
        return cls(mysql=text, sqlite=text)


Statement = tuple[Sql, Params]
Fetch = Callable[[Sql, Params], Awaitable[list[Row]]]
"""Returns all rows of a read."""

T = TypeVar("T")


class ValueRejected(DatabaseRejected):
    """A value that does not fit its column; nothing of its transaction was done."""


class ConstraintError(ValueRejected):
    """A row that would break a constraint of its table; nothing of its transaction was done."""


class StatementTooLarge(DatabaseRejected):
    """A statement of more bytes than the server takes at once; nothing of its transaction was done."""


@dataclass(frozen=True, slots=True)
class Load:
    """How busy the connections are, at one moment."""

    in_use: int
    waiting: int
    limit: int


NodeRole = Literal["primary", "secondary", "recovering", "isolated", "unreachable", "refused"]
"""`recovering`: not in its group yet, or any more; `isolated`: without the majority of it; `refused`: until a person
changes something."""


@dataclass(frozen=True, slots=True)
class DatabaseNode:
    """One of several servers, by its address, and what it was when it was last looked at."""

    address: str
    role: NodeRole


class Reader(Protocol):
    """What can be read, within a known time. Raises `DatabaseUnavailable`."""

    async def fetch_all(self, sql: Sql, params: Params, *, timeout_seconds: float | None = None) -> list[Row]:
        """Return all rows of a read. Retried once over a lost connection."""
        ...

    async def read_snapshot(self, work: Callable[[Fetch], Awaitable[T]], *, timeout_seconds: float) -> T:
        """Return what `work` makes of several reads that all see the same moment.

        May be run again over a lost connection: `work` must bear that.
        """
        ...


class Database(Reader, Protocol):
    """A database that answers within a known time or raises `DatabaseUnavailable`."""

    @property
    def load(self) -> Load:
        """How busy the connections are."""
        ...

    @property
    def nodes(self) -> Sequence[DatabaseNode]:
        """The servers, where there are several."""
        ...

    async def commit(self, statements: Sequence[Statement]) -> None:
        """Run the writes, in order, as one transaction: all of them are durable on return.

        Raises `DatabaseRejected`, as `ConstraintError`, `ValueRejected` or `StatementTooLarge` where it is known to be
        one of these: then none was done; or `DatabaseUnavailable`: then nobody knows whether they were, or still will
        be. Never repeated over a lost connection, so that whoever does must be able to tell.
        """
        ...

    async def rehearse(self, statements: Sequence[Statement]) -> None:
        """Run the writes as one transaction and roll it back. Raises what `commit` would raise."""
        ...

    async def execute(self, sql: Sql, params: Params) -> int:
        """Run one write that may be repeated without harm, and return how many rows it changed."""
        ...

    async def check(self) -> None:
        """Return if the database can serve; raise `DatabaseUnavailable` or `DatabaseNotInitialized` if not."""
        ...

    async def close(self) -> None:
        """Let go of all connections, within a bounded time."""
        ...


def to_sql_time(moment: datetime) -> str:
    """Return a moment as both databases store it: UTC, whole seconds, the fraction cut off (MySQL would round)."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(" ", "seconds")[:19]


def from_sql_time(value: datetime | str) -> datetime:
    """Return a stored time as an aware moment: MySQL gives a naive `datetime`, SQLite a text."""
    naive = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return naive.replace(tzinfo=UTC)
