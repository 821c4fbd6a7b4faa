"""Compares the statistics with scans of the tables, both as of one moment: what is written meanwhile is in neither."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest

from app.database import Database, Fetch, Params, Row, Sql
from app.models.identity import MatchTotals
from app.models.prices import Prices
from app.repositories.categories import matched_by_of
from app.repositories.identity_repository import IdentityRepository
from app.repositories.model_repository import ModelRepository
from app.repositories.request_log_repository import RequestLogRepository
from app.repositories.stats_repository import RequestTotals, StatsRepository
from app.services.stats_service import StatsService
from app.utils.days import last_days
from tests.support.specification_sql import CACHE_EFFICIENCY, CATEGORY_DISTRIBUTION, TODAY, TOP_IMAGES, TOP_USERS

_TIMEOUT_SECONDS = 600.0
_DAYS = 90
_UTC = ZoneInfo("UTC")

_EACH_DAY = """
SELECT created_date, COUNT(*), SUM(from_cache), COUNT(DISTINCT user_id), COUNT(DISTINCT ip_address),
  SUM(processing_time_ms), COUNT(processing_time_ms), SUM(image_size), SUM(saved_bytes)
FROM request_log GROUP BY created_date
"""
_BYTES = "SELECT SUM(image_size), SUM(saved_bytes) FROM request_log"
_TOKENS = """
SELECT COUNT(*), COUNT(DISTINCT image_hash), SUM(input_tokens), SUM(output_tokens), SUM(cached_tokens), SUM(cost)
FROM model_call WHERE provider <> 'local'
"""
_MODELS = """
SELECT provider, model, lane, outcome, COUNT(*), SUM(input_tokens), SUM(cost), SUM(duration_ms)
FROM model_call GROUP BY provider, model, lane, outcome
"""
_NAMES = """
SELECT matched_by, from_cache, COUNT(*), SUM(image_size IS NULL), SUM(saved_bytes)
FROM request_log GROUP BY matched_by, from_cache
"""
_LATENCIES = """
SELECT processing_time_ms FROM request_log WHERE created_date = CURDATE() AND from_cache = 1
ORDER BY processing_time_ms
"""
_LONG = 36_500
"""Days, of which all requests are."""

T = TypeVar("T")


@dataclass(frozen=True)
class Moment:
    """A database that shows one moment. What only reads takes it for a `Database`."""

    fetch: Fetch

    async def fetch_all(self, sql: Sql, params: Params, *, timeout_seconds: float | None = None) -> list[Row]:
        return await self.fetch(sql, params)

    async def read_snapshot(self, work: Callable[[Fetch], Awaitable[T]], *, timeout_seconds: float) -> T:
        return await work(self.fetch)


async def check_statistics(database: Database) -> int:
    """Fail unless every statistic is what the specification's SQL, or a scan, gives; return how many requests there
    are. All requests are of the last 90 days."""

    async def compare(fetch: Fetch) -> int:
        return await _Comparison(fetch, Moment(fetch), datetime.now(UTC)).run()

    return await database.read_snapshot(compare, timeout_seconds=_TIMEOUT_SECONDS)


@dataclass(frozen=True)
class _Comparison:
    fetch: Fetch
    moment: Any
    now: datetime

    async def run(self) -> int:
        await self._check_today()
        await self._check_cache()
        await self._check_users_and_images()
        await self._check_calls()
        await self._check_latencies()
        return await self._check_all_days()

    async def scan(self, sql: str) -> list[Row]:
        """Run the specification's statement on the day of this comparison."""
        patient = sql.replace("SELECT", "SELECT /*+ MAX_EXECUTION_TIME(600000) */", 1)
        return await self.fetch(Sql.same(patient.replace("CURDATE()", f"'{self.now:%Y-%m-%d}'")), {})

    @property
    def service(self) -> StatsService:
        return StatsService(
            repository=StatsRepository(self.moment),
            request_log=RequestLogRepository(self.moment),
            prices=Prices(Decimal("0.01")),
            timezone=_UTC,
            clock=lambda: self.now,
        )

    async def _check_today(self) -> None:
        today = await self.service.summarize_today()
        *counts, average, cost, saved = (value or 0 for value in (await self.scan(TODAY))[0])
        assert [
            today.total_requests,
            today.cache_hits,
            today.cache_misses,
            Decimal(str(today.cache_hit_rate)),
            today.unique_users,
            today.unique_ips,
        ] == counts
        assert today.avg_processing_time_ms == int(Decimal(average) + Decimal("0.5"))
        assert (today.estimated_cost, today.cost_saved) == (float(cost), float(saved))
        told = [(one.category, one.count, one.avg_confidence, one.percentage) for one in await self._categories()]
        scanned = [
            (name, count, float(mean), float(share))
            for name, count, mean, share in await self.scan(CATEGORY_DISTRIBUTION)
        ]
        assert sorted(told) == sorted(scanned)

    async def _categories(self) -> Any:
        return await self.service.distribute_categories()

    async def _check_cache(self) -> None:
        cache = await self.service.summarize_cache()
        images, total, times, saved, average, most = (await self.scan(CACHE_EFFICIENCY))[0]
        assert (cache.total_cached_images, cache.total_hits, cache.times_saved, cache.max_hits) == (
            images,
            total,
            times,
            most,
        )
        assert cache.cost_saved == float(saved)
        assert cache.avg_hit_per_image == float(round(average + Decimal("0.000001"), 2))
        assert (cache.uploaded_bytes, cache.saved_bytes) == tuple((await self.scan(_BYTES))[0])

    async def _check_users_and_images(self) -> None:
        """Compare rankings of a thousand, where those with equal counts stand in the order of their ids."""
        ordered = TOP_USERS.replace("request_count DESC", "request_count DESC, user_id").replace("20", "1000")
        told = [
            (u.user_id, u.request_count, u.cache_hits, u.cache_hit_rate, u.first_request, u.last_request)
            for u in await self.service.rank_users(1000)
        ]
        assert told == [
            (user, count, hits, float(rate), first.replace(tzinfo=UTC), last.replace(tzinfo=UTC))
            for user, count, hits, rate, first, last in await self.scan(ordered)
        ]
        for known in (told[0], told[-1]):
            one = await self.service.find_user(known[0])
            assert (one.request_count, one.cache_hits, one.last_request) == (known[1], known[2], known[5])
        top = await self.service.rank_images(10)
        assert [one.hit_count for one in top] == [row[3] for row in await self.scan(TOP_IMAGES)]

    async def _check_calls(self) -> None:
        tokens = await StatsRepository(self.moment).sum_tokens(None)
        usage = tokens.usage
        assert (
            tokens.calls,
            tokens.images,
            usage.input_tokens,
            usage.output_tokens,
            usage.cached_tokens,
            tokens.cost,
        ) == tuple((await self.scan(_TOKENS))[0])
        span = last_days(self.now, _UTC, _LONG)
        told = [
            (one.provider, one.model, one.lane, one.outcome, one.calls, one.usage.input_tokens, one.cost, one.total_ms)
            for one in await ModelRepository(self.moment).sum_calls(span)
        ]
        assert sorted(told) == sorted(await self.scan(_MODELS))
        names = await IdentityRepository(self.moment).sum_matches(span)
        assert {(one.matched_by, one.from_cache): one for one in names} == {
            (matched_by_of(name), bool(hit)): MatchTotals(
                matched_by_of(name), bool(hit), count, int(alone), int(saved or 0)
            )
            for name, hit, count, alone, saved in await self.scan(_NAMES)
        }

    async def _check_latencies(self) -> None:
        hits = (await self.service.summarize_latency(1)).hits
        times = [row[0] for row in await self.scan(_LATENCIES)]
        assert hits.requests == len(times)
        for share, told in ((50, hits.p50_ms), (95, hits.p95_ms), (99, hits.p99_ms)):
            assert told == pytest.approx(times[-(-len(times) * share // 100) - 1], rel=0.05, abs=0.5)

    async def _check_all_days(self) -> int:
        span = last_days(self.now, _UTC, _DAYS + 1)
        told = await StatsRepository(self.moment).sum_requests(span)
        scanned = {day: [int(value or 0) for value in values] for day, *values in await self.scan(_EACH_DAY)}
        assert set(scanned) <= set(span.days)
        for day, totals in zip(span.days, told, strict=True):
            assert totals == RequestTotals(*scanned.get(day, [0] * 8)), day
        return sum(totals.requests for totals in told)
