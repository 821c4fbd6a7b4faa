"""What the statistics make of the sums of the tables: rates, averages, costs, days."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import cast
from zoneinfo import ZoneInfo

import pytest

from app.errors import NotFound
from app.models.domain import Category, RequestRecord, Usage
from app.models.identity import MatchedBy
from app.models.prices import Prices
from app.models.statistics import ImageStatistics
from app.models.trend_statistics import Percentiles
from app.repositories.request_log_repository import RequestLogRepository
from app.repositories.stats_repository import (
    Bandwidth,
    CacheTotals,
    CategoryTotals,
    RequestTotals,
    StatsRepository,
    TokenTotals,
    UserTotals,
)
from app.services.stats_service import StatsService, percentiles_of
from app.utils.days import DaySpan
from app.utils.latency_buckets import bucket_of

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
BY_TOKEN = Prices(Decimal("0.01"), Decimal("0.10"), Decimal("0.50"))


@dataclass
class FakeSums:
    """The sums of the tables, as `StatsRepository` gives them."""

    requests: RequestTotals = field(default_factory=lambda: RequestTotals(0, 0, 0, 0, 0, 0))
    cache: CacheTotals = field(default_factory=lambda: CacheTotals(0, 0, 0))
    categories: list[CategoryTotals] = field(default_factory=list)
    tokens: TokenTotals = field(default_factory=lambda: TokenTotals(0, 0, Usage(), Decimal(0), Usage()))
    users: list[UserTotals] = field(default_factory=list)
    images: list[ImageStatistics] = field(default_factory=list)
    spans: list[DaySpan | None] = field(default_factory=list)

    async def sum_requests(self, span: DaySpan) -> list[RequestTotals]:
        self.spans.append(span)
        return [self.requests] * len(span.days)

    async def sum_cache(self) -> CacheTotals:
        return self.cache

    async def sum_categories(self, span: DaySpan) -> list[CategoryTotals]:
        self.spans.append(span)
        return self.categories

    async def sum_tokens(self, span: DaySpan | None) -> TokenTotals:
        self.spans.append(span)
        return self.tokens

    async def sum_bandwidth(self) -> Bandwidth:
        return Bandwidth(5000, 700)

    async def fetch_top_images(self, limit: int) -> list[ImageStatistics]:
        return self.images[:limit]

    async def fetch_top_users(self, limit: int) -> list[UserTotals]:
        return self.users[:limit]


@dataclass
class FakeLog:
    """Records by request id, as `RequestLogRepository` gives them."""

    records: dict[str, RequestRecord] = field(default_factory=dict)

    async def fetch_one(self, request_id: str) -> RequestRecord | None:
        return self.records.get(request_id)


def make_service(
    sums: FakeSums, log: FakeLog | None = None, prices: Prices = BY_TOKEN, zone: str = "UTC", now: datetime = NOON
) -> StatsService:
    repository, request_log = cast(StatsRepository, sums), cast(RequestLogRepository, log or FakeLog())
    return StatsService(repository, request_log, prices, ZoneInfo(zone), lambda: now)


async def test_todays_rates_costs_and_average_follow_from_the_sums() -> None:
    sums = FakeSums(RequestTotals(3, 1, 2, 1, 5, 2))

    today = await make_service(sums).summarize_today()

    assert (today.total_requests, today.cache_hits, today.cache_misses) == (3, 1, 2)
    assert today.cache_hit_rate == 33.33
    assert today.avg_processing_time_ms == 3  # 2.5, rounded half up
    assert (today.estimated_cost, today.cost_saved) == (0.02, 0.01)


async def test_nothing_at_all_divides_by_nothing() -> None:
    service = make_service(FakeSums())

    assert (await service.summarize_today()).cache_hit_rate == 0
    assert (await service.summarize_cache()).avg_hit_per_image == 0
    assert await service.distribute_categories() == []


async def test_the_cache_has_saved_all_hits_but_the_first_of_each_image() -> None:
    cache = await make_service(FakeSums(cache=CacheTotals(4, 10, 5))).summarize_cache()

    assert (cache.times_saved, cache.cost_saved, cache.avg_hit_per_image) == (6, 0.06, 2.5)


async def test_a_rate_is_rounded_twice_as_mysql_rounds_it() -> None:
    """127600.0 / 1339 is 95.294996: MySQL keeps 95.29500 of it, and makes 95.30 of that."""
    pets, foods = CategoryTotals(Category.PETS, 1276, Decimal(1)), CategoryTotals(Category.FOODS, 63, Decimal(1))

    shares = await make_service(FakeSums(categories=[pets, foods])).distribute_categories()

    assert shares[0].percentage == 95.3


async def test_shares_of_categories_are_of_those_that_are_told() -> None:
    sums = FakeSums(
        categories=[CategoryTotals(Category.PETS, 2, Decimal("1.5")), CategoryTotals(Category.FOODS, 1, Decimal("0.9"))]
    )

    shares = await make_service(sums).distribute_categories()

    assert [(share.category, share.percentage, share.avg_confidence) for share in shares] == [
        (Category.PETS, 66.67, 0.75),
        (Category.FOODS, 33.33, 0.9),
    ]


async def test_what_tokens_cost_is_what_they_cost_then_and_todays_prices_for_those_from_before() -> None:
    tokens = TokenTotals(3, 2, Usage(3_000_000, 30, 3), Decimal("0.25"), Usage(1_000_000, 2_000_000))

    spent = (await make_service(FakeSums(tokens=tokens)).summarize_tokens()).total

    assert (spent.calls, spent.images, spent.input_tokens, spent.cached_tokens) == (3, 2, 3_000_000, 3)
    assert spent.cost == pytest.approx(0.25 + 0.10 + 1.00)


async def test_without_prices_tokens_have_no_cost() -> None:
    tokens = TokenTotals(1, 1, Usage(10, 1, 0), Decimal("0.01"), Usage())

    assert (
        await make_service(FakeSums(tokens=tokens), prices=Prices(Decimal("0.01"))).summarize_tokens()
    ).today.cost is None


@pytest.mark.parametrize(
    ("zone", "now", "hours"),
    [
        ("UTC", datetime(2026, 5, 1, 23, 59, tzinfo=UTC), 24),
        ("America/New_York", datetime(2025, 3, 9, 12, tzinfo=UTC), 23),
        ("America/New_York", datetime(2025, 11, 2, 12, tzinfo=UTC), 25),
    ],
)
async def test_today_is_the_day_of_the_time_zone(zone: str, now: datetime, hours: int) -> None:
    sums = FakeSums()

    await make_service(sums, zone=zone, now=now).summarize_tokens()

    span, _ = sums.spans
    assert span is not None
    start, end = span.start, span.end
    assert start <= now < end
    assert end.astimezone(UTC) - start.astimezone(UTC) == timedelta(hours=hours)
    assert (start.hour, start.minute) == (0, 0)


@pytest.mark.parametrize("asking", ["another", None])
async def test_a_record_is_told_to_its_user_and_to_operators_alone(asking: str | None) -> None:
    record = RequestRecord("req_1", "owner", "h", None, Category.PETS, 0.9, True, MatchedBy.BYTES, 1, NOON)
    service = make_service(FakeSums(), FakeLog({"req_1": record}))

    with pytest.raises(NotFound):
        await service.find_request("req_1", asking)
    with pytest.raises(NotFound):
        await service.find_request("req_2", "owner")
    assert await service.find_request("req_1", "owner") == record
    assert await service.find_request("req_1", asking, of_any_user=True) == record


async def test_a_record_of_nobody_is_told_to_nobody() -> None:
    record = RequestRecord("req_1", None, "h", None, Category.PETS, 0.9, True, MatchedBy.BYTES, 1, NOON)

    with pytest.raises(NotFound):
        await make_service(FakeSums(), FakeLog({"req_1": record})).find_request("req_1", None)


async def test_users_have_their_rate_of_hits() -> None:
    (user,) = await make_service(FakeSums(users=[UserTotals("u", 8, 3, NOON, NOON)])).rank_users(5)

    assert (user.request_count, user.cache_hits, user.cache_hit_rate) == (8, 3, 37.5)


def test_an_image_lives_from_its_first_to_its_last_request() -> None:
    image = ImageStatistics("h", Category.PETS, 0.9, 2, NOON, NOON + timedelta(days=2, hours=23))

    assert image.lifetime_days == 2


def test_a_percentile_is_told_within_five_percent_however_long_requests_take() -> None:
    for exact in (1, 31, 32, 33, 63, 64, 100, 999, 1000, 4095, 65_535, 1_000_000):
        told = percentiles_of({bucket_of(exact): 100})

        assert told.p50_ms == told.p99_ms == pytest.approx(exact, rel=0.05)


def test_percentiles_are_those_of_the_rank() -> None:
    told = percentiles_of({1: 50, 2: 45, 3: 4, 4: 1})

    assert (told.requests, told.p50_ms, told.p95_ms, told.p99_ms) == (100, 1, 2, 3)


def test_without_requests_there_are_no_percentiles() -> None:
    assert percentiles_of({}) == Percentiles(0, None, None, None)
