"""Parts that stand in for real ones in unit tests. Each keeps what it is told in memory, and fails when told to."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.errors import DatabaseUnavailable, ServiceError
from app.models.domain import Classification, Failure, ModelReply, Outcome
from app.repositories.record_batch import RecordBatch

NOON = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


@dataclass
class FakeKnown:
    """What is known of photos, as `CacheService` tells it."""

    answers: dict[str, Classification] = field(default_factory=dict)
    away: bool = False
    looks: int = 0

    async def lookup(self, image_hash: str) -> Classification | None:
        return await self.lookup_uncounted(image_hash)

    async def lookup_uncounted(self, image_hash: str) -> Classification | None:
        self.looks += 1
        if self.away:
            raise DatabaseUnavailable(detail="away")
        return self.answers.get(image_hash)


@dataclass
class FakeTable:
    """The table of answers, as `CacheRepository` reads it."""

    answers: dict[str, Classification] = field(default_factory=dict)
    away: bool = False
    asked: list[list[str]] = field(default_factory=list)

    async def fetch_many(self, image_hashes: Sequence[str]) -> Mapping[str, Classification]:
        self.asked.append(list(image_hashes))
        if self.away:
            raise DatabaseUnavailable(detail="away")
        return {image_hash: self.answers[image_hash] for image_hash in image_hashes if image_hash in self.answers}


@dataclass
class FakeRefusals:
    """Which photos a model has refused, as `RefusalRepository` tells it."""

    refused: set[str] = field(default_factory=set)
    away: bool = False

    async def is_refused(self, names: Sequence[str], now: datetime) -> bool:
        if self.away:
            raise DatabaseUnavailable(detail="away")
        return not self.refused.isdisjoint(names)


@dataclass
class FakeLeaseTable:
    """Leases that end when a test says so, as `LeaseRepository` keeps them."""

    owners: dict[str, str] = field(default_factory=dict)
    away: bool = False
    claims: int = 0
    before_claim: Callable[[], None] = lambda: None
    """What others do just before somebody claims a lease."""

    async def claim(self, name: str, owner: str, seconds: int) -> bool:
        self.claims += 1
        self.before_claim()
        if self.away:
            raise DatabaseUnavailable(detail="away")
        return self.owners.setdefault(name, owner) == owner

    async def release(self, names: Sequence[str], owner: str) -> None:
        if self.away:
            raise DatabaseUnavailable(detail="away")
        for name in names:
            if self.owners.get(name) == owner:
                del self.owners[name]


@dataclass
class FakeRecords:
    """The tables of records, as `RecordRepository` writes them: a batch that is there already is not written again."""

    written: list[RecordBatch] = field(default_factory=list)
    away: bool = False
    away_after: int | None = None
    """How many more writes are taken before it goes away by itself."""
    loses_answers: bool = False
    """What is written is done, and nobody hears."""

    async def write(self, batches: Sequence[RecordBatch]) -> None:
        if self.away_after is not None:
            self.away, self.away_after = self.away_after == 0, max(0, self.away_after - 1)
        if self.away:
            raise DatabaseUnavailable(detail="away")
        self.written += [batch for batch in batches if batch not in self.written]
        if self.loses_answers:
            raise DatabaseUnavailable(detail="the answer was lost")

    async def rehearse(self, batch: RecordBatch) -> None: ...


@dataclass
class FakeWriter:
    """Makes batches durable when the gate is open, as `DurableWriter` does."""

    durable: list[RecordBatch] = field(default_factory=list)
    tried: int = 0
    failure: Exception | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def write(self, batch: RecordBatch) -> None:
        self.tried += 1
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        self.durable.append(batch)


@dataclass
class FakeCommits:
    """Takes outcomes down, as `GroupCommit` does."""

    outcomes: list[Outcome | Failure] = field(default_factory=list)
    failure: Exception | None = None

    async def record(self, outcome: Outcome | Failure) -> None:
        if self.failure is not None:
            raise self.failure
        self.outcomes.append(outcome)


@dataclass
class FakeWork:
    """The work of `PaidOnce`: asks a model that answers when the gate is open, and stores where it is told to."""

    reply: ModelReply
    known: FakeKnown
    image_hash: str
    failure: Exception | None = None
    store_failure: ServiceError | None = None
    stored: list[ModelReply] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def ask(self, budget_seconds: float) -> ModelReply:
        self.asked.append(budget_seconds)
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return self.reply

    async def store(self, reply: ModelReply) -> None:
        if self.store_failure is not None:
            raise self.store_failure
        self.stored.append(reply)
        self.known.answers[self.image_hash] = reply.classification


def fixed_clock() -> datetime:
    """Return noon of a day in May."""
    return NOON


def as_any(fake: Any) -> Any:
    """Return a fake where a class is asked for that it does not inherit from."""
    return fake
