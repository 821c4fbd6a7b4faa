"""What operators read: use, savings and cost, worked out exactly from the sums of the tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from app.errors import NotFound
from app.models.domain import RequestRecord
from app.models.live import LiveStatistics, point_starts, points_at
from app.models.prices import Prices
from app.models.statistics import (
    CacheStatistics,
    CategoryShare,
    ImageStatistics,
    TodayStatistics,
    TokenSpending,
    TokenStatistics,
    UserStatistics,
)
from app.models.trend_statistics import Basis, DayStatistics, LatencyStatistics, Percentiles, Provenance, SpanOfDays
from app.repositories.request_log_repository import RequestLogRepository
from app.repositories.stats_repository import RequestTotals, StatsRepository, TokenTotals, UserTotals
from app.utils.clock import Clock
from app.utils.days import DaySpan, last_days
from app.utils.latency_buckets import middle_of
from app.utils.ratios import percentage, ratio


@dataclass(frozen=True, slots=True)
class StatsService:
    """Statistics. `today` is the present day in `timezone`."""

    repository: StatsRepository
    request_log: RequestLogRepository
    prices: Prices
    timezone: ZoneInfo
    clock: Clock

    async def summarize_today(self) -> TodayStatistics:
        """Return the totals of today's requests."""
        (totals,) = await self.repository.sum_requests(self._today())
        return self._summarize(totals)

    async def summarize_live(self) -> LiveStatistics:
        """Return the last quarter of an hour by five seconds, and the totals of today, both as of one moment."""
        now = self.clock()
        starts = point_starts(now)
        totals, recent = await self.repository.sum_live(last_days(now, self.timezone, 1), starts[0])
        points = points_at(starts, ((one.start, one.kind, one.requests) for one in recent))
        return LiveStatistics(now, self.timezone.key, points, self._summarize(totals))

    async def summarize_days(self, days: int) -> list[DayStatistics]:
        """Return the totals of each of the last days, today included, the oldest first."""
        span = last_days(self.clock(), self.timezone, days)
        totals = await self.repository.sum_requests(span)
        return [DayStatistics(day, self._summarize(one)) for day, one in zip(span.days, totals, strict=True)]

    async def summarize_latency(self, days: int) -> LatencyStatistics:
        """Return how long requests of the last days took, today included."""
        totals = await self.repository.sum_latencies(last_days(self.clock(), self.timezone, days))
        return LatencyStatistics(percentiles_of(totals.hits), percentiles_of(totals.paid))

    def describe(self, days: int) -> SpanOfDays:
        """Return which days the last ones are, and as of when."""
        now = self.clock()
        return SpanOfDays(days, last_days(now, self.timezone, days).start, now, self.timezone.key, "request_log")

    def describe_basis(self, basis: Basis) -> Provenance:
        """Return what a statistic of no certain days is of."""
        return Provenance(self.clock(), self.timezone.key, basis)

    async def summarize_cache(self) -> CacheStatistics:
        """Return how much the cache has saved since it began."""
        totals = await self.repository.sum_cache()
        bandwidth = await self.repository.sum_bandwidth()
        saved = totals.hits - totals.images
        return CacheStatistics(
            total_cached_images=totals.images,
            total_hits=totals.hits,
            times_saved=saved,
            cost_saved=float(saved * self.prices.per_call),
            avg_hit_per_image=float(ratio(totals.hits, totals.images, places=2)),
            max_hits=totals.max_hits,
            uploaded_bytes=bandwidth.uploaded_bytes,
            saved_bytes=bandwidth.saved_bytes,
        )

    async def distribute_categories(self, days: int = 1) -> list[CategoryShare]:
        """Return the requests of the last days, today included, by category, most frequent first."""
        rows = await self.repository.sum_categories(last_days(self.clock(), self.timezone, days))
        total = sum(row.requests for row in rows)
        return [
            CategoryShare(
                category=row.category,
                count=row.requests,
                percentage=percentage(row.requests, total),
                avg_confidence=float(ratio(row.total_confidence, row.requests, places=4)),
            )
            for row in rows
        ]

    async def rank_users(self, limit: int) -> list[UserStatistics]:
        """Return the users with the most requests of all time that is still on record."""
        return [_user(totals) for totals in await self.repository.fetch_top_users(limit)]

    async def find_user(self, user_id: str) -> UserStatistics:
        """Return the requests of one user; `NotFound` where none is on record."""
        totals = await self.repository.fetch_user(user_id)
        if totals is None:
            raise NotFound
        return _user(totals)

    async def rank_images(self, limit: int) -> list[ImageStatistics]:
        """Return the images most often asked for."""
        return await self.repository.fetch_top_images(limit)

    async def summarize_tokens(self) -> TokenStatistics:
        """Return the questions of today and since the beginning, and their real cost where prices are set."""
        return TokenStatistics(
            today=self._spending(await self.repository.sum_tokens(self._today())),
            total=self._spending(await self.repository.sum_tokens(None)),
        )

    async def find_request(self, request_id: str, user_id: str | None, *, of_any_user: bool = False) -> RequestRecord:
        """Return a request's record to the user it belongs to, or an operator; `NotFound` for everybody else (P7)."""
        record = await self.request_log.fetch_one(request_id)
        if record is None:
            raise NotFound
        if not of_any_user and (record.user_id is None or record.user_id != user_id):
            raise NotFound
        return record

    def _summarize(self, totals: RequestTotals) -> TodayStatistics:
        misses = totals.requests - totals.cache_hits
        return TodayStatistics(
            total_requests=totals.requests,
            cache_hits=totals.cache_hits,
            cache_misses=misses,
            cache_hit_rate=percentage(totals.cache_hits, totals.requests),
            unique_users=totals.unique_users,
            unique_ips=totals.unique_ips,
            avg_processing_time_ms=int(ratio(totals.total_processing_ms, totals.timed_requests, places=0)),
            estimated_cost=float(misses * self.prices.per_call),
            cost_saved=float(totals.cache_hits * self.prices.per_call),
            uploaded_bytes=totals.uploaded_bytes,
            saved_bytes=totals.saved_bytes,
        )

    def _spending(self, totals: TokenTotals) -> TokenSpending:
        """Return the totals with their cost: at the prices of each moment, and at today's where that is not known."""
        unpriced = self.prices.cost_of_tokens(totals.unpriced)
        return TokenSpending(
            images=totals.images,
            input_tokens=totals.usage.input_tokens,
            cached_tokens=totals.usage.cached_tokens,
            output_tokens=totals.usage.output_tokens,
            cost=None if unpriced is None else float(totals.cost + unpriced),
            calls=totals.calls,
        )

    def _today(self) -> DaySpan:
        return last_days(self.clock(), self.timezone, 1)


def percentiles_of(counts: Mapping[int, int]) -> Percentiles:
    """Return the percentiles of a histogram: how many times are in each bucket, by the shortest that is in it."""
    requests = sum(counts.values())
    return Percentiles(requests, *(_percentile(counts, -(-requests * share // 100)) for share in (50, 95, 99)))


def _percentile(counts: Mapping[int, int], rank: int) -> float | None:
    """Return the middle of the bucket in which the time of this rank is; None where there is none."""
    for bucket in sorted(counts):
        rank -= counts[bucket]
        if counts[bucket] and rank <= 0:
            return middle_of(bucket)
    return None


def _user(totals: UserTotals) -> UserStatistics:
    return UserStatistics(
        user_id=totals.user_id,
        request_count=totals.requests,
        cache_hits=totals.cache_hits,
        cache_hit_rate=percentage(totals.cache_hits, totals.requests),
        first_request=totals.first_request,
        last_request=totals.last_request,
    )
