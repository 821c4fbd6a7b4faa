"""One paid call: may a model be asked about this photo, or is there an answer already, or about to be?

A photo has several names, and the surer ones cost less to find out: its bytes, what of them decodes, the question that
a model would be asked, what it looks like. Each is looked up as it becomes known. Callers of one process share the work
by the name that is known at that point; the question is leased among all processes.

The one place that says what is done while the database is away:

| what cannot be known | what is done |
| --- | --- |
| whether the photo is known | memory says so, however old; else it counts as unknown |
| whether a model has refused it | the model is asked |
| whether another process is asking | the model is asked: better to pay twice than not to answer |
| whether there is money left, where there is a budget | it is not asked: a limit that an outage lifts is none |
| how many calls a client has caused | the model is asked: nobody is turned away for what nobody knows |
| whether the answer could be kept | it is not asked for: an answer that is kept nowhere is money thrown away |
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from loguru import logger

from app.errors import DatabaseRejected, DatabaseUnavailable, QuotaExceeded, RecordPutAside, Refused, TimedOut
from app.models.domain import KnownAnswer, ModelReply
from app.models.identity import MatchedBy
from app.observe.metrics import Metrics
from app.services.one_call.hurry import Hurry, mark_of
from app.services.one_call.lease import Leases
from app.services.one_call.photo import Known, Photo, Refusals, Result
from app.services.one_call.single_flight import SingleFlight
from app.utils.clock import Clock
from app.utils.deadline import Deadline
from app.utils.places import Places

MAX_UNWRITTEN = 1000
MAX_WAITERS = 256
"""Callers who would rather wait than upload. Each looks for the answer ten times a second."""

_LOOKS_SECONDS = 0.3
"""For so long a waiting caller looks for the answer, before it looks whether anybody still works on it."""

_LEAST_SECONDS = 1.0
"""What must be left of the time budget for a question that had to wait for a lease."""

_GRACE_SECONDS = 1.0
"""For looking up and writing down, beside what a question may take."""

T = TypeVar("T")


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
    deferred_seconds: float
    """For a question that may be deferred, in place of that."""

    hurry: Hurry
    clock: Clock
    metrics: Metrics
    waiters: Places = field(default_factory=lambda: Places(MAX_WAITERS, waiting=0))
    unwritten: dict[str, ModelReply] = field(default_factory=dict)
    """Replies that were paid for and could be kept nowhere, for whoever asks next; the oldest first."""

    async def find(self, photo: Photo) -> Result:
        """Return the answer to the photo: a known one, one that is being found out, or a model's.

        The work goes on when the caller leaves, and what it brings is kept. Raises `Refused`, `Overloaded`,
        TimeoutError where another process was asking all the time, and whatever the photo's methods raise.
        """
        known = await self._look_up([photo.image_hash], is_first=True)
        if known is not None:
            self.unwritten.pop(photo.image_hash, None)  # it was kept after all
            return Result(known, paid=False, is_named=True)
        content = await photo.find_content_name()
        if content is not None and (known := await self._look_up([content])) is not None:
            return Result(known, paid=False)
        # Apart from those who have time: only the question is shared with them, and made to hurry.
        key = content or photo.image_hash
        key = f"deferred:{key}" if photo.may_be_deferred else key
        result, mine = await self._share(key, partial(self._find_unprepared, photo))
        if mine:
            return result
        if result.known.image_hash == photo.image_hash:  # the very same file
            return replace(result, paid=False)
        return result.joined(MatchedBy.CONTENT)

    async def wait_for(self, names: Sequence[str], seconds: float) -> KnownAnswer | None:
        """Return the answer to a photo that is being asked about at present, in whatever process, or None.

        None at once where it is not; else as soon as the work ends without an answer, or after so many seconds.
        Raises `DatabaseUnavailable`, `Overloaded`.
        """
        if self.waiters.is_full:
            return None
        deadline = Deadline.after(seconds)
        look_again = partial(self.known.lookup_uncounted, names)
        async with self.waiters.take():
            while (left := deadline.remaining_seconds()) and await self.leases.is_held(_marks(names)):
                if known := await self.leases.watch(look_again, min(left, _LOOKS_SECONDS)):
                    return known
            return await look_again()

    async def _share(
        self, key: str, work: Callable[[], Awaitable[Result]], *, has_time: bool = False
    ) -> tuple[Result, bool]:
        """Do a piece of work, or wait for who does it already; whether it was ours.

        Who waits for a client that has had its share is not refused with it, and does the work himself. Nor does who
        has time fail with a caller who had less.
        """
        not_ours = (QuotaExceeded, TimedOut, TimeoutError) if has_time else (QuotaExceeded,)
        began = False

        def begin() -> Awaitable[Result]:
            nonlocal began
            began = True
            return work()

        while True:
            try:
                return await self.flights.run(key, begin)
            except not_ours:
                if began:
                    raise

    async def _find_unprepared(self, photo: Photo) -> Result:
        """Find the answer as the one caller of this process who has a file of this content."""
        await self._check_refusals(photo.names)
        budget = Deadline.after(self.model_timeout_seconds)
        with self.leases.mark(_marks(photo.names)):
            question = await photo.prepare(budget)
            left = self.deferred_seconds if photo.may_be_deferred else budget.remaining_seconds()
            waiting = nullcontext() if photo.may_be_deferred else self.hurry.wait(question)
            deadline = Deadline.after(self.leases.seconds + left)
            find = partial(self._find_prepared, photo, question, left, deadline)
            # What this caller joins may have begun just now, with more time left than this caller has.
            async with asyncio.timeout_at(deadline.at + _GRACE_SECONDS):
                with waiting:
                    result, mine = await self._share(question, find, has_time=photo.may_be_deferred)
            return result if mine else result.joined(MatchedBy.QUESTION)

    async def _find_prepared(self, photo: Photo, question: str, budget_seconds: float, deadline: Deadline) -> Result:
        """Find the answer as the one caller of this process who would ask this, and as the one process that does.

        The model has `budget_seconds`, or what is left until the deadline where this caller had to wait.
        """
        known = await self._look_up(photo.names)
        if known is None:
            known = await _unless_away(photo.find_near(), "whether a picture looks alike")
        if known is not None:
            return Result(known, paid=False)
        look_again = partial(self.known.lookup_uncounted, photo.names)
        async with (
            asyncio.timeout_at(deadline.at) as waiting,
            self._watch(photo, question) as hurried,
            self.leases.hold(f"photo:{question}", look_again, mark_of(question), hurried) as found,
        ):
            waiting.reschedule(None)  # from here on the model's budget counts, and what is asked is kept
            # Whoever held the lease before us may have answered after we had looked.
            found = found or await _unless_away(look_again(), "whether it is known by now")
            if found is not None:
                return Result(found, paid=False)
            await self._check_refusals(photo.names)
            reply = self.unwritten.pop(photo.image_hash, None)
            if reply is None:
                left = min(budget_seconds, deadline.remaining_seconds())
                if left < min(_LEAST_SECONDS, budget_seconds):
                    raise TimeoutError  # the question would be paid for and come too late
                self.check_storage()
                reply = await photo.ask(left, hurried)
            return Result(await self._store(photo, reply), paid=True, is_named=True, reply=reply)

    def _watch(self, photo: Photo, question: str) -> AbstractAsyncContextManager[asyncio.Event | None]:
        """Return what is set as soon as somebody is in a hurry; None where the photo's own caller is."""
        return self.hurry.watch(question) if photo.may_be_deferred else nullcontext()

    async def _look_up(self, names: Sequence[str], *, is_first: bool = False) -> KnownAnswer | None:
        return await _unless_away(self.known.lookup(names, is_first=is_first), "whether the photo is known")

    async def _check_refusals(self, names: Sequence[str]) -> None:
        """Raise `Refused` if a model has refused a photo of one of these names lately."""
        refused = self.refusals.is_refused(names, self.clock())
        if await _unless_away(refused, "whether it was refused"):
            self.metrics.refusals.add("remembered")
            raise Refused(detail="remembered")

    async def _store(self, photo: Photo, reply: ModelReply) -> KnownAnswer:
        try:
            return await photo.store(reply)
        except RecordPutAside:
            # Its questions are on record, written or put aside: they must not be counted a second time.
            self._keep(photo.image_hash, replace(reply, calls=()))
            raise
        except (DatabaseUnavailable, DatabaseRejected):
            self._keep(photo.image_hash, reply)
            raise

    def _keep(self, image_hash: str, reply: ModelReply) -> None:
        if reply.degraded:
            return  # whoever comes next asks again
        self.unwritten[image_hash] = reply
        if len(self.unwritten) > MAX_UNWRITTEN:
            del self.unwritten[next(iter(self.unwritten))]


def _marks(names: Sequence[str]) -> list[str]:
    return [f"mark:{name}" for name in names]


async def _unless_away(answer: Awaitable[T], unknown: str) -> T | None:
    """Return what the database says, or None while it is away. `unknown` says in the log what is not known then."""
    try:
        return await answer
    except DatabaseUnavailable as error:
        logger.warning("going on without the database", unknown=unknown, detail=error.detail)
        return None
