"""One paid call: may a model be asked about this photo, or is there an answer already, or about to be?

The one place that says what is done while the database is away:

| what cannot be known | what is done |
| --- | --- |
| whether the photo is known | memory says so, however old; else it counts as unknown |
| whether a model has refused it | the model is asked |
| whether another process is asking | the model is asked: better to pay twice than not to answer |
| whether the answer could be kept | it is not asked for: an answer that is kept nowhere is money thrown away |
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar

from loguru import logger

from app.errors import DatabaseRejected, DatabaseUnavailable, RecordPutAside, Refused
from app.models.domain import Classification, ModelReply
from app.observe.metrics import Metrics
from app.services.one_call.lease import Leases
from app.services.one_call.single_flight import SingleFlight
from app.utils.clock import Clock
from app.utils.deadline import Deadline

MAX_UNWRITTEN = 1000

_LEAST_SECONDS = 1.0
"""What must be left of the time budget for a question that had to wait for a lease."""

T = TypeVar("T")


class Known(Protocol):
    """What is known of photos by their SHA-256."""

    async def lookup(self, image_hash: str) -> Classification | None:
        """Return the answer to a photo, if there is one. Raises `DatabaseUnavailable`, `Overloaded`."""
        ...

    async def lookup_uncounted(self, image_hash: str) -> Classification | None:
        """Look again, for the same caller."""
        ...


class Refusals(Protocol):
    """Which photos a model has refused lately."""

    async def is_refused(self, names: Sequence[str], now: datetime) -> bool:
        """Whether it is not to be asked yet about the one of these names. Raises `DatabaseUnavailable`."""
        ...


class Work(Protocol):
    """What is to be done about a photo that nobody has an answer to."""

    async def ask(self, budget_seconds: float) -> ModelReply:
        """Return a model's answer within the budget."""
        ...

    async def store(self, reply: ModelReply) -> None:
        """Return when the answer is durable. Raises `DatabaseUnavailable` if it can be kept nowhere."""
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """An answer, and whether a model was asked for it for this very caller."""

    classification: Classification
    paid: bool


@dataclass(frozen=True, slots=True)
class PaidOnce:
    """Finds the answer to a photo, however many ask for it at once in however many processes, with one paid call."""

    known: Known
    refusals: Refusals
    flights: SingleFlight[Result]
    leases: Leases
    check_storage: Callable[[], None]
    """Raises `DatabaseUnavailable` while an answer could be kept nowhere."""

    model_timeout_seconds: float
    clock: Clock
    metrics: Metrics
    unwritten: dict[str, ModelReply] = field(default_factory=dict)
    """Replies that were paid for and could be kept nowhere, for whoever asks next; the oldest first."""

    async def find(self, image_hash: str, work: Work) -> Result:
        """Return the answer to the photo with this SHA-256: a known one, one that is being found out, or `work`'s.

        The work goes on when the caller leaves, and what it brings is kept. Raises `Refused`, `Overloaded`,
        TimeoutError where another process was asking all the time, and whatever `work` raises.
        """
        known = await _unless_away(self.known.lookup(image_hash), "whether the photo is known")
        if known is not None:
            self.unwritten.pop(image_hash, None)  # it was kept after all
            return Result(known, paid=False)
        result, mine = await self.flights.run(image_hash, partial(self._find_alone, image_hash, work))
        return result if mine else Result(result.classification, paid=False)

    async def _find_alone(self, image_hash: str, work: Work) -> Result:
        """Find the answer as the one caller of this process, and as the one process that holds the photo's lease."""
        refused = self.refusals.is_refused([image_hash], self.clock())
        if await _unless_away(refused, "whether it was refused"):
            self.metrics.refusals.add("remembered")
            raise Refused(detail="remembered")
        look_again = partial(self.known.lookup_uncounted, image_hash)
        deadline = Deadline.after(self.leases.seconds + self.model_timeout_seconds)
        async with (
            asyncio.timeout_at(deadline.at) as waiting,
            self.leases.hold(f"photo:{image_hash}", look_again) as found,
        ):
            waiting.reschedule(None)  # from here on the model's budget counts, and what is asked is kept
            # Whoever held the lease before us may have answered after we had looked.
            found = found or await _unless_away(look_again(), "whether it is known by now")
            if found is not None:
                return Result(found, paid=False)
            reply = self.unwritten.pop(image_hash, None) or await self._ask(work, deadline.remaining_seconds())
            await self._store(image_hash, work, reply)
            return Result(reply.classification, paid=True)

    async def _ask(self, work: Work, seconds_left: float) -> ModelReply:
        if seconds_left < min(_LEAST_SECONDS, self.model_timeout_seconds):
            raise TimeoutError  # the question would be paid for and come too late
        self.check_storage()
        return await work.ask(min(self.model_timeout_seconds, seconds_left))

    async def _store(self, image_hash: str, work: Work, reply: ModelReply) -> None:
        try:
            await work.store(reply)
        except RecordPutAside:
            # Its questions are on record, written or put aside: they must not be counted a second time.
            self._keep(image_hash, replace(reply, calls=()))
            raise
        except (DatabaseUnavailable, DatabaseRejected):
            self._keep(image_hash, reply)
            raise

    def _keep(self, image_hash: str, reply: ModelReply) -> None:
        self.unwritten[image_hash] = reply
        if len(self.unwritten) > MAX_UNWRITTEN:
            del self.unwritten[next(iter(self.unwritten))]


async def _unless_away(answer: Awaitable[T], unknown: str) -> T | None:
    """Return what the database says, or None while it is away. `unknown` says in the log what is not known then."""
    try:
        return await answer
    except DatabaseUnavailable as error:
        logger.warning("going on without the database", unknown=unknown, detail=error.detail)
        return None
