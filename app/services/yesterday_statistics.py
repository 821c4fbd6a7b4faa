"""What operators compare today with: yesterday until the same time of day."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from app.models.prices import Prices
from app.models.yesterday_statistics import YesterdayStatistics, YesterdayTotals
from app.repositories.minute_repository import MinuteTotals
from app.services.stats_service import percentiles_of
from app.utils.clock import Clock
from app.utils.days import yesterday_until_now
from app.utils.ratios import percentage


class Minutes(Protocol):
    """The sums of the last three days by minute. Raises `DatabaseUnavailable`, `StatisticsNotBuilt`."""

    async def sum_minutes(self, start: datetime, end: datetime, zone: ZoneInfo) -> MinuteTotals:
        """Sum up what happened from one minute until before another."""
        ...


@dataclass(frozen=True, slots=True)
class YesterdayStatsService:
    """Statistics of yesterday. Days begin at midnight in `timezone`."""

    minutes: Minutes
    prices: Prices
    timezone: ZoneInfo
    clock: Clock
    retention_days: int = 0
    """How long requests stay on record; 0: for ever."""

    async def summarize(self) -> YesterdayStatistics:
        """Return what had happened yesterday when clocks showed the present minute.

        Raises `DatabaseUnavailable`, `StatisticsNotBuilt`.
        """
        now = self.clock()
        start, until = yesterday_until_now(now, self.timezone)
        totals = await self.minutes.sum_minutes(start, until, self.timezone)
        since = self._since(totals, start, now)
        # Not from midnight's own second on: `since` is cut to whole seconds.
        is_known = totals.is_complete and (since is None or since < start)
        return YesterdayStatistics(
            day=start.date(),
            start=start,
            until=until,
            as_of=now,
            timezone=self.timezone.key,
            basis="request_log",
            known_since=since,
            totals=self._summarize(totals) if is_known else None,
        )

    def _since(self, totals: MinuteTotals, start: datetime, now: datetime) -> datetime | None:
        """Return from when on minutes have everything: also what retention takes from the log is taken from them."""
        if not totals.is_complete:
            return None
        kept_since = now - timedelta(days=self.retention_days)
        if self.retention_days == 0 or kept_since <= start:
            return totals.since
        return max(kept_since, totals.since or kept_since)

    def _summarize(self, totals: MinuteTotals) -> YesterdayTotals:
        misses = totals.requests - totals.cache_hits
        unpriced = self.prices.cost_of_tokens(totals.unpriced) or 0
        return YesterdayTotals(
            total_requests=totals.requests,
            cache_hits=totals.cache_hits,
            cache_misses=misses,
            cache_hit_rate=percentage(totals.cache_hits, totals.requests),
            estimated_cost=float(misses * self.prices.per_call),
            cost_saved=float(totals.cache_hits * self.prices.per_call),
            calls=totals.calls,
            cost=float(totals.cost + unpriced),
            hits=percentiles_of(totals.hits),
            paid=percentiles_of(totals.paid),
        )
