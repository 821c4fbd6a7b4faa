"""What operators read: use, savings and cost, worked out exactly from the sums of the tables."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from app.errors import NotFound
from app.models.domain import RequestRecord
from app.models.response import (
    CacheEfficiencyData,
    CategoryShareData,
    TodayStatsData,
    TokenStatsData,
    TokenTotalsData,
    TopImageData,
    UserStatsData,
)
from app.repositories.request_log_repository import RequestLogRepository
from app.repositories.stats_repository import StatsRepository, TokenTotals
from app.utils.clock import Clock

_BEGINNING, _END = datetime(2000, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class StatsService:
    """Statistics. `today` is the present day in `timezone`."""

    repository: StatsRepository
    request_log: RequestLogRepository
    cost_per_call: Decimal
    price_input_per_mtok: Decimal | None
    price_output_per_mtok: Decimal | None
    timezone: ZoneInfo
    clock: Clock

    async def summarize_today(self) -> TodayStatsData:
        """Return the totals of today's requests."""
        totals = await self.repository.sum_requests(*self._today())
        misses = totals.requests - totals.cache_hits
        return TodayStatsData(
            total_requests=totals.requests,
            cache_hits=totals.cache_hits,
            cache_misses=misses,
            cache_hit_rate=_percentage(totals.cache_hits, totals.requests),
            unique_users=totals.unique_users,
            unique_ips=totals.unique_ips,
            avg_processing_time_ms=int(_ratio(totals.total_processing_ms, totals.timed_requests, places=0)),
            estimated_cost=float(misses * self.cost_per_call),
            cost_saved=float(totals.cache_hits * self.cost_per_call),
        )

    async def summarize_cache(self) -> CacheEfficiencyData:
        """Return how much the cache has saved since it began."""
        totals = await self.repository.sum_cache()
        saved = totals.hits - totals.images
        return CacheEfficiencyData(
            total_cached_images=totals.images,
            total_hits=totals.hits,
            times_saved=saved,
            cost_saved=float(saved * self.cost_per_call),
            avg_hit_per_image=float(_ratio(totals.hits, totals.images, places=2)),
            max_hits=totals.max_hits,
        )

    async def distribute_categories(self) -> list[CategoryShareData]:
        """Return today's requests by category, most frequent first."""
        rows = await self.repository.sum_categories(*self._today())
        total = sum(row.requests for row in rows)
        return [
            CategoryShareData(
                category=row.category,
                count=row.requests,
                percentage=_percentage(row.requests, total),
                avg_confidence=float(_ratio(row.total_confidence, row.requests, places=4)),
            )
            for row in rows
        ]

    async def rank_users(self, limit: int) -> list[UserStatsData]:
        """Return the users with the most requests of all time that is still on record."""
        return [
            UserStatsData(
                user_id=totals.user_id,
                request_count=totals.requests,
                cache_hits=totals.cache_hits,
                cache_hit_rate=_percentage(totals.cache_hits, totals.requests),
                first_request=totals.first_request,
                last_request=totals.last_request,
            )
            for totals in await self.repository.fetch_top_users(limit)
        ]

    async def rank_images(self, limit: int) -> list[TopImageData]:
        """Return the images most often asked for."""
        return [
            TopImageData(
                image_hash=image.image_hash,
                category=image.category,
                confidence=image.confidence,
                hit_count=image.hit_count,
                created_at=image.created_at,
                last_hit_at=image.last_hit_at,
                lifetime_days=(image.last_hit_at - image.created_at).days,
            )
            for image in await self.repository.fetch_top_images(limit)
        ]

    async def summarize_tokens(self) -> TokenStatsData:
        """Return the tokens paid for today and since the beginning, and their real cost where prices are set."""
        return TokenStatsData(
            today=self._token_data(await self.repository.sum_tokens(*self._today())),
            total=self._token_data(await self.repository.sum_tokens(_BEGINNING, _END)),
        )

    async def find_request(self, request_id: str, user_id: str | None, *, of_any_user: bool = False) -> RequestRecord:
        """Return a request's record to the user it belongs to, or an operator; `NotFound` for everybody else (P7)."""
        record = await self.request_log.fetch_one(request_id)
        if record is None:
            raise NotFound
        if not of_any_user and (record.user_id is None or record.user_id != user_id):
            raise NotFound
        return record

    def _token_data(self, totals: TokenTotals) -> TokenTotalsData:
        usage = totals.usage
        cost = None
        if self.price_input_per_mtok is not None and self.price_output_per_mtok is not None:
            spent = usage.input_tokens * self.price_input_per_mtok + usage.output_tokens * self.price_output_per_mtok
            cost = float(spent / _MILLION)
        return TokenTotalsData(
            images=totals.images,
            input_tokens=usage.input_tokens,
            cached_tokens=usage.cached_tokens,
            output_tokens=usage.output_tokens,
            cost=cost,
        )

    def _today(self) -> tuple[datetime, datetime]:
        """Return the first moments of today and of tomorrow. A day of summer time's change has 23 or 25 hours."""
        date = self.clock().astimezone(self.timezone).date()
        return (
            datetime.combine(date, time.min, self.timezone),
            datetime.combine(date + timedelta(days=1), time.min, self.timezone),
        )


def _ratio(part: int | Decimal, whole: int, *, places: int) -> Decimal:
    """Return part / whole, rounded half up as MySQL's ROUND does; 0 where there is nothing to divide by."""
    if whole == 0:
        return Decimal(0)
    return (Decimal(part) / whole).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def _percentage(part: int, whole: int) -> float:
    return float(_ratio(part * 100, whole, places=2))
