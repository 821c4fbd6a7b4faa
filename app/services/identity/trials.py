"""Decides whether near matches are served, by what came of those that a model was asked about all the same."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol

from app.errors import DatabaseUnavailable
from app.models.near import NearDuplicates, NearStatus, TrialTotals
from app.utils.wilson import Interval, wilson_interval

LATEST_TRIALS = 1000
"""How many trials count. Older ones say nothing about the model that is asked today."""

MIN_COMPARISONS = 300
"""Of fewer, `auto` serves nothing, however good they look."""

AUDIT_EVERY = 20
"""One near match in so many is asked about although it could be served."""

_REMEMBERED_SECONDS = 1.0


class Trials(Protocol):
    """The trials on record, of all processes."""

    async def sum_latest(self, count: int) -> TrialTotals:
        """Sum up the `count` newest trials. Raises `DatabaseUnavailable`."""
        ...


def error_interval(totals: TrialTotals) -> Interval:
    """Return where the true share of disagreements lies."""
    return wilson_interval(totals.disagreed, totals.comparisons)


@dataclass(slots=True)
class Evidence:
    """The latest trials, remembered for a second at most, so that all processes soon agree and a restart forgets none.

    While the database is away the last known totals stand, and it is asked once a second.
    """

    trials: Trials
    seconds: Callable[[], float] = monotonic
    known: TrialTotals | None = None
    """As last read: None before the first time."""

    _until: float = field(default=float("-inf"), init=False)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def read(self) -> TrialTotals | None:
        """Return the totals of the latest trials; None if the database has not told them yet."""
        async with self._reading:  # who had to wait here finds it read
            if self.seconds() >= self._until:
                await self._refresh()
        return self.known

    async def _refresh(self) -> None:
        with suppress(DatabaseUnavailable):
            self.known = await self.trials.sum_latest(LATEST_TRIALS)
        self._until = self.seconds() + _REMEMBERED_SECONDS


@dataclass(frozen=True, slots=True)
class NearMode:
    """What is done about near matches, by `NEAR_DUPLICATES` and the evidence."""

    mode: NearDuplicates
    max_error: float
    evidence: Evidence

    @property
    def looks(self) -> bool:
        """Whether near matches are looked for at all."""
        return self.mode != "off"

    async def serves(self) -> bool:
        """Whether a near match is to be served now. Never raises for a database that is away."""
        if self.mode == "auto":
            return self._allows(await self.evidence.read())
        return self.mode == "serve"

    def serves_as_last_read(self) -> bool:
        """Return what `serves` said at last in this process: for the metrics, which cannot wait."""
        return self.mode == "serve" or (self.mode == "auto" and self._allows(self.evidence.known))

    def is_audit(self, image_hash: str) -> bool:
        """Whether a model is asked about this photo although its near match could be served.

        It follows from the SHA-256 of the file: nothing need be shared for all processes to say the same, a photo that
        is sent again is not audited by chance after all, and hashes are spread evenly over all kinds of photos.
        """
        return self.mode in ("auto", "serve") and int(image_hash[-8:], 16) % AUDIT_EVERY == 0

    async def describe(self) -> NearStatus:
        """Return whether near matches are served, and why, with the evidence as it is known."""
        known = await self.evidence.read()
        totals = known or TrialTotals(0, 0)
        serves = self.mode == "serve" or (self.mode == "auto" and self._allows(known))
        return NearStatus(
            mode=self.mode,
            state="off" if self.mode == "off" else "serving" if serves else "observing",
            reason=self._reason(known),
            evidence=totals,
            interval=error_interval(totals),
        )

    def _allows(self, totals: TrialTotals | None) -> bool:
        return (
            totals is not None
            and totals.comparisons >= MIN_COMPARISONS
            and error_interval(totals).high <= self.max_error
        )

    def _reason(self, totals: TrialTotals | None) -> str:
        if self.mode == "off":
            return "NEAR_DUPLICATES is off: near matches are not looked for."
        if self.mode == "observe":
            return "NEAR_DUPLICATES is observe: a model is asked about every photo, and near matches are compared."
        if self.mode == "serve":
            return f"NEAR_DUPLICATES is serve: near matches are served, and 1 in {AUDIT_EVERY} is compared."
        if totals is None:
            return "The database has not told the comparisons yet: near matches are not served before it does."
        if totals.comparisons < MIN_COMPARISONS:
            return f"{totals.comparisons} comparisons are on record, and {MIN_COMPARISONS} are needed to serve."
        bound, allowed = _percent(error_interval(totals).high), _percent(self.max_error)
        numbers = f"{totals.disagreed} of the latest {totals.comparisons} comparisons disagreed"
        if self._allows(totals):
            return f"{numbers}: at most {bound} are wrong with 95 % confidence, and NEAR_MAX_ERROR allows {allowed}."
        return f"{numbers}: up to {bound} may be wrong with 95 % confidence, and NEAR_MAX_ERROR allows {allowed}."


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"
