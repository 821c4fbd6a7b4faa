"""What is told of yesterday until the present time of day."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from app.models.domain import Usage
from app.models.prices import Prices
from app.models.yesterday_statistics import YesterdayStatistics
from app.repositories.minute_repository import MinuteTotals
from app.services.yesterday_statistics import YesterdayStatsService

NOW = datetime(2026, 5, 2, 14, 32, 10, tzinfo=UTC)
MIDNIGHT = datetime(2026, 5, 1, tzinfo=UTC)
PRICES = Prices(Decimal("0.01"), Decimal("0.10"), Decimal("0.50"))


@dataclass
class FakeMinutes:
    """The sums of minutes, as `MinuteRepository` gives them."""

    is_complete: bool = True
    since: datetime | None = None
    spans: list[tuple[datetime, datetime]] = field(default_factory=list)

    async def sum_minutes(self, start: datetime, end: datetime, zone: ZoneInfo) -> MinuteTotals:
        self.spans.append((start, end))
        return MinuteTotals(
            self.is_complete, self.since, 3, 2, {8: 1, 9: 1}, {800: 1}, 2, Decimal("0.25"), Usage(1_000_000, 2_000_000)
        )


async def summarize(minutes: FakeMinutes, retention_days: int = 0) -> YesterdayStatistics:
    return await YesterdayStatsService(minutes, PRICES, ZoneInfo("UTC"), lambda: NOW, retention_days).summarize()


async def test_it_is_told_from_midnight_until_the_present_minute() -> None:
    minutes = FakeMinutes()

    told = await summarize(minutes)

    assert minutes.spans == [(MIDNIGHT, datetime(2026, 5, 1, 14, 32, tzinfo=UTC))]
    assert (told.day, told.start, told.until, told.as_of) == (MIDNIGHT.date(), *minutes.spans[0], NOW)


async def test_rates_costs_and_times_follow_from_the_sums() -> None:
    totals = (await summarize(FakeMinutes())).totals

    assert totals is not None
    assert (totals.total_requests, totals.cache_hits, totals.cache_misses, totals.cache_hit_rate) == (3, 2, 1, 66.67)
    assert (totals.estimated_cost, totals.cost_saved) == (0.01, 0.02)
    assert totals.calls == 2
    assert totals.cost == pytest.approx(0.25 + 0.10 + 1.00)
    assert (totals.hits.p50_ms, totals.hits.p95_ms, totals.paid.requests) == (8, 9, 1)


@pytest.mark.parametrize(
    ("is_complete", "since", "is_known"),
    [
        (True, None, True),
        (True, MIDNIGHT - timedelta(seconds=1), True),
        (True, MIDNIGHT, False),
        (False, None, False),
        (False, MIDNIGHT, False),
    ],
)
async def test_a_part_of_it_is_not_told_as_all_of_it(is_complete: bool, since: datetime | None, is_known: bool) -> None:
    told = await summarize(FakeMinutes(is_complete, since))

    assert (told.totals is not None) is is_known
    assert told.known_since == (since if is_complete else None)


@pytest.mark.parametrize(
    ("retention_days", "since", "known_since"),
    [
        (1, None, NOW - timedelta(days=1)),
        (1, MIDNIGHT, NOW - timedelta(days=1)),
        (1, NOW - timedelta(hours=1), NOW - timedelta(hours=1)),
        (2, None, None),
        (2, MIDNIGHT - timedelta(hours=1), MIDNIGHT - timedelta(hours=1)),
    ],
)
async def test_what_retention_has_left_of_it_is_not_told_as_all_of_it(
    retention_days: int, since: datetime | None, known_since: datetime | None
) -> None:
    told = await summarize(FakeMinutes(since=since), retention_days)

    assert (told.totals is not None) is (retention_days > 1)
    assert told.known_since == known_since
