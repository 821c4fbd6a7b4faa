"""Parts that stand in for real ones in unit tests. Each keeps what it is told in memory, and fails when told to."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.errors import DatabaseUnavailable, ServiceError
from app.models.domain import Failure, KnownAnswer, ModelReply, Outcome
from app.models.identity import MatchedBy
from app.models.verdict import Verdict
from app.repositories.record_batch import RecordBatch
from app.utils.deadline import Deadline

NOON = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


@dataclass
class FakeKnown:
    """What is known of photos, as `CacheService` tells it."""

    answers: dict[str, KnownAnswer] = field(default_factory=dict)
    away: bool = False
    looks: int = 0

    async def lookup(self, names: Sequence[str], *, is_first: bool = True) -> KnownAnswer | None:
        return await self.lookup_uncounted(names)

    async def lookup_uncounted(self, names: Sequence[str]) -> KnownAnswer | None:
        self.looks += 1
        if self.away:
            raise DatabaseUnavailable(detail="away")
        return next((self.answers[name] for name in names if name in self.answers), None)


@dataclass
class FakeTable:
    """The table of answers, as `CacheRepository` reads it."""

    answers: dict[str, KnownAnswer] = field(default_factory=dict)
    away: bool = False
    asked: list[list[str]] = field(default_factory=list)

    async def fetch_many(self, names: Sequence[str]) -> Mapping[str, KnownAnswer]:
        self.asked.append(list(names))
        if self.away:
            raise DatabaseUnavailable(detail="away")
        return {name: self.answers[name] for name in names if name in self.answers}


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

    async def mark(self, names: Sequence[str], owner: str, seconds: int) -> None:
        if self.away:
            raise DatabaseUnavailable(detail="away")
        for name in names:
            self.owners.setdefault(name, owner)

    async def is_held(self, names: Sequence[str]) -> bool:
        if self.away:
            raise DatabaseUnavailable(detail="away")
        return any(name in self.owners for name in names)

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

    async def record_all(self, outcomes: Sequence[Outcome]) -> list[Exception | None]:
        for outcome in outcomes:
            await self.record(outcome)
        return [None] * len(outcomes)


@dataclass
class FakePhoto:
    """A photo of `PaidOnce`, whose model answers when the gate is open; it stores where it is told to."""

    reply: ModelReply
    known: FakeKnown
    image_hash: str
    content: str | None = None
    question: str = "q1:question"
    near: KnownAnswer | None = None
    near_failure: ServiceError | None = None
    failure: Exception | None = None
    store_failure: ServiceError | None = None
    stored: list[ModelReply] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    prepared: int = 0
    preparing_seconds: float = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    may_be_deferred: bool = False

    def __post_init__(self) -> None:
        self.gate.set()

    @property
    def names(self) -> list[str]:
        names = (self.image_hash, self.content, self.question if self.prepared else None)
        return [name for name in names if name is not None]

    async def find_content_name(self) -> str | None:
        return self.content

    async def prepare(self, budget: Deadline) -> str:
        self.prepared += 1
        await asyncio.sleep(self.preparing_seconds)
        return self.question

    async def find_near(self) -> KnownAnswer | None:
        if self.near_failure is not None:
            raise self.near_failure
        return self.near

    async def ask(self, budget_seconds: float, hurried: asyncio.Event | None = None) -> ModelReply:
        self.asked.append(budget_seconds)
        await (hurried or self.gate).wait()  # a deferred one is answered when somebody is in a hurry
        if self.failure is not None:
            raise self.failure
        return self.reply

    async def store(self, reply: ModelReply) -> KnownAnswer:
        if self.store_failure is not None:
            raise self.store_failure
        self.stored.append(reply)
        answer = KnownAnswer(reply.classification, self.image_hash, MatchedBy.BYTES, 1000)
        self.known.answers[self.image_hash] = answer
        if self.content is not None:
            self.known.answers[self.content] = answer.matched_at_best(MatchedBy.CONTENT)
        self.known.answers[self.question] = answer.matched_at_best(MatchedBy.QUESTION)
        return answer


def fixed_clock() -> datetime:
    """Return noon of a day in May."""
    return NOON


def as_any(fake: Any) -> Any:
    """Return a fake where a class is asked for that it does not inherit from."""
    return fake


@dataclass
class FakeNetwork:
    """The embedded network, which says what a test has it say. It keeps the pictures."""

    verdict: Verdict
    failure: ServiceError | None = None
    seen: list[bytes] = field(default_factory=list)

    async def see(self, jpeg: bytes, deadline: Deadline) -> Verdict:
        self.seen.append(jpeg)
        if self.failure is not None:
            raise self.failure
        return self.verdict
