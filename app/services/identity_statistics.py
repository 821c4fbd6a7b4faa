"""What operators read of how photos are recognised: by which names, what that saved, and whether it can be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from app.models.identity import MatchedBy, MatchTotals
from app.models.identity_statistics import (
    IdentityStatistics,
    MatchSavings,
    NearDecision,
    PaidRequests,
    TrialStatistics,
)
from app.models.near import CategoryTrials, NearStatus, TrialTotals
from app.models.prices import Prices
from app.repositories.stats_repository import TokenTotals
from app.services.identity.trials import NearMode, error_interval
from app.utils.clock import Clock
from app.utils.days import DaySpan, last_days


class Matches(Protocol):
    """The logged requests. Raises `DatabaseUnavailable`."""

    async def sum_matches(self, span: DaySpan) -> list[MatchTotals]:
        """Sum up the requests of a span by how their photo was recognised."""
        ...


class Trials(Protocol):
    """The trials. Raises `DatabaseUnavailable`."""

    async def sum_by_category(self, start: datetime, end: datetime) -> list[CategoryTrials]:
        """Sum up the trials of a span by the neighbour's category."""
        ...


class Calls(Protocol):
    """The questions to models. Raises `DatabaseUnavailable`."""

    async def sum_tokens(self, span: DaySpan | None) -> TokenTotals:
        """Sum up the questions of a span."""
        ...


@dataclass(frozen=True, slots=True)
class IdentityStatsService:
    """Statistics of recognition. Days begin at midnight in `timezone`."""

    matches: Matches
    trials: Trials
    calls: Calls
    near: NearMode
    prices: Prices
    timezone: ZoneInfo
    clock: Clock

    async def summarize(self, days: int) -> IdentityStatistics:
        """Return what happened in the last `days` days, today included. Raises `DatabaseUnavailable`."""
        now = self.clock()
        span = last_days(now, self.timezone, days)
        totals = await self.matches.sum_matches(span)
        hits, asked = ([row for row in totals if row.from_cache is known] for known in (True, False))
        return IdentityStatistics(
            days=days,
            start=span.start,
            as_of=now,
            timezone=self.timezone.key,
            basis="request_log",
            matches=[self._savings(kind, [row for row in hits if row.matched_by is kind]) for kind in MatchedBy],
            paid=self._paid(sum(row.requests for row in asked), await self.calls.sum_tokens(span)),
            trials=_summarize_trials(await self.trials.sum_by_category(span.start, span.end)),
            near=_decision(await self.near.describe()),
        )

    def _savings(self, kind: MatchedBy, rows: Sequence[MatchTotals]) -> MatchSavings:
        """Return what one kind of name saved: each hit a call, at the flat price as in all statistics."""
        requests = sum(row.requests for row in rows)
        return MatchSavings(
            matched_by=kind,
            requests=requests,
            calls_saved=requests,
            cost_saved=float(requests * self.prices.per_call),
            uploads_saved=sum(row.not_uploaded for row in rows),
            bytes_saved=sum(row.saved_bytes for row in rows),
        )

    def _paid(self, requests: int, totals: TokenTotals) -> PaidRequests:
        """Return what was paid, at the prices of each moment; of calls from before costs were kept, by today's."""
        unpriced = self.prices.cost_of_tokens(totals.unpriced) or 0
        return PaidRequests(requests=requests, calls=totals.calls, cost=float(totals.cost + unpriced))


def _summarize_trials(rows: Sequence[CategoryTrials]) -> TrialStatistics:
    totals = TrialTotals(sum(row.comparisons for row in rows), sum(row.disagreed for row in rows))
    interval = error_interval(totals)
    return TrialStatistics(
        comparisons=totals.comparisons,
        disagreed=totals.disagreed,
        error_low=_four_places(interval.low),
        error_high=_four_places(interval.high),
        by_category=list(rows),
    )


def _decision(status: NearStatus) -> NearDecision:
    return NearDecision(
        mode=status.mode,
        state=status.state,
        reason=status.reason,
        comparisons=status.evidence.comparisons,
        disagreed=status.evidence.disagreed,
        error_low=_four_places(status.interval.low),
        error_high=_four_places(status.interval.high),
    )


def _four_places(share: float) -> float:
    return round(share, 4)
