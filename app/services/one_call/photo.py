"""What `PaidOnce` needs of others: a photo that can be recognised and asked about, and what is known of photos."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.models.domain import KnownAnswer, ModelReply
from app.models.identity import MatchedBy
from app.utils.deadline import Deadline


class Known(Protocol):
    """What is known of photos by their names."""

    async def lookup(self, names: Sequence[str], *, is_first: bool = True) -> KnownAnswer | None:
        """Return the answer to a photo, if there is one. Raises `DatabaseUnavailable`, `Overloaded`."""
        ...

    async def lookup_uncounted(self, names: Sequence[str]) -> KnownAnswer | None:
        """Look again, for the same caller."""
        ...


class Refusals(Protocol):
    """Which photos a model has refused lately."""

    async def is_refused(self, names: Sequence[str], now: datetime) -> bool:
        """Whether it is not to be asked about this one yet. Raises `DatabaseUnavailable`."""
        ...


class Photo(Protocol):
    """A photo that somebody wants an answer to, and what can be done about it."""

    @property
    def image_hash(self) -> str:
        """SHA-256 of its bytes."""
        ...

    @property
    def names(self) -> list[str]:
        """All of its names that have been found out so far, the surest first."""
        ...

    @property
    def may_be_deferred(self) -> bool:
        """Whether its caller has time: then a model may be asked in its cheap lane, which takes long."""
        ...

    async def find_content_name(self) -> str | None:
        """Return the name of what decodes, if it has one."""
        ...

    async def prepare(self, budget: Deadline) -> str:
        """Prepare it for a model within a part of the budget; return the name of the question."""
        ...

    async def find_near(self) -> KnownAnswer | None:
        """Return the answer to a picture that looks alike, where that may be given. Raises `DatabaseUnavailable`."""
        ...

    async def ask(self, budget_seconds: float, hurried: asyncio.Event | None = None) -> ModelReply:
        """Return a model's answer within the budget; the sooner from when `hurried` is set."""
        ...

    async def store(self, reply: ModelReply) -> KnownAnswer:
        """Return the answer when it is durable; a degraded one when it is on record, without being kept.

        Raises `DatabaseUnavailable` if that can be done nowhere.
        """
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """An answer, and whether a model was asked for it for this very caller."""

    known: KnownAnswer
    paid: bool
    is_named: bool = False
    """Whether the bytes of the caller's file are a name of the answer already."""

    reply: ModelReply | None = None
    """What was said just now, where something was asked for it."""

    @property
    def is_degraded(self) -> bool:
        """Whether the answer is for this once, and not kept."""
        return self.reply is not None and self.reply.degraded

    @property
    def given(self) -> ModelReply | None:
        """The reply that this caller is answered with. None where the answer was known, or is kept for another."""
        return self.reply if self.paid or self.is_degraded else None

    def joined(self, by: MatchedBy) -> "Result":
        """Return what it is for a caller whose photo has no surer name in common with the one of this result."""
        return Result(self.known.matched_at_best(by), paid=False, reply=self.reply)
