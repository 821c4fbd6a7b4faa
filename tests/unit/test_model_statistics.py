"""What the statistics of the models make of the sums of the questions."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.models.domain import LOCAL_MODEL, Usage
from app.models.model_statistics import CallTotals, ModelsStatistics
from app.models.prices import Prices
from app.services.model_statistics import ModelStatsService, summarize_network
from app.utils.days import DaySpan

NOW = datetime(2026, 5, 31, 12, 0, tzinfo=UTC)
BY_TOKEN = Prices(Decimal("0.01"), Decimal("0.10"), Decimal("0.50"))


def make_totals(**changes: Any) -> CallTotals:
    """Return the sums of ten answered questions."""
    values: dict[str, Any] = {
        "provider": "openai",
        "model": "gpt-6-luna",
        "lane": "standard",
        "outcome": "answered",
        "calls": 10,
        "usage": Usage(4000, 300, 100),
        "cost": Decimal("0.5"),
        "unpriced": Usage(),
        "timed_calls": 10,
        "total_ms": 15_000,
    }
    return CallTotals(**{**values, **changes})


def make_looks(**looks: int) -> list[CallTotals]:
    """Return so many looks of the embedded network with each outcome."""
    return [
        make_totals(provider="local", model=LOCAL_MODEL, outcome=outcome, calls=calls, usage=Usage(), cost=Decimal(0))
        for outcome, calls in looks.items()
    ]


@dataclass
class FakeCalls:
    """The sums of the table, as the repository gives them."""

    totals: list[CallTotals]
    spans: list[tuple[datetime, datetime]] = field(default_factory=list)

    async def sum_calls(self, span: DaySpan) -> list[CallTotals]:
        self.spans.append((span.start, span.end))
        return self.totals


async def summarize(calls: FakeCalls, days: int = 1, prices: Prices = BY_TOKEN, zone: str = "UTC") -> ModelsStatistics:
    return await ModelStatsService(calls, prices, ZoneInfo(zone), lambda: NOW).summarize(days)


async def test_a_model_is_told_with_all_that_came_of_it_the_most_asked_first() -> None:
    calls = FakeCalls(
        [
            make_totals(outcome="timeout", calls=2, usage=Usage(), cost=Decimal("0.02"), timed_calls=2, total_ms=9_000),
            make_totals(model="gpt-6-sol", calls=1, timed_calls=0, total_ms=0),
            make_totals(),
            make_totals(lane="flex", calls=4),
        ]
    )

    first, second, third = (await summarize(calls)).models

    assert (first.model, first.lane, first.calls) == ("gpt-6-luna", "standard", 12)
    assert [(one.outcome, one.calls) for one in first.outcomes] == [("answered", 10), ("timeout", 2)]
    assert (first.input_tokens, first.output_tokens, first.cached_tokens, first.cost) == (4000, 300, 100, 0.52)
    assert first.avg_duration_ms == 2000
    assert (second.lane, second.calls) == ("flex", 4)
    assert (third.model, third.avg_duration_ms) == ("gpt-6-sol", None)


async def test_what_was_asked_before_costs_were_kept_counts_at_todays_prices() -> None:
    old = make_totals(provider=None, model=None, cost=Decimal(0), unpriced=Usage(1_000_000, 2_000_000))

    (model,) = (await summarize(FakeCalls([old]))).models

    assert (model.provider, model.model, model.cost) == (None, None, 1.1)
    assert model.unpriced_tokens == 3_000_000


async def test_days_begin_at_midnight_in_the_time_zone() -> None:
    calls = FakeCalls([])

    told = await summarize(calls, days=2, zone="Asia/Shanghai")

    assert calls.spans == [(datetime(2026, 5, 29, 16, tzinfo=UTC), datetime(2026, 5, 31, 16, tzinfo=UTC))]
    assert (told.start, told.as_of, told.timezone, told.days) == (calls.spans[0][0], NOW, "Asia/Shanghai", 2)


def test_the_network_is_told_by_its_share_and_by_how_often_a_model_agreed() -> None:
    told = summarize_network([*make_looks(sure=630, unsure=357, agreed=12, disagreed=1, degraded=5), make_totals()])

    assert (told.photos, told.answered, told.share_answered) == (1000, 630, 0.63)
    assert (told.compared, told.agreed, told.agreement) == (13, 12, 0.9231)
    assert told.agreement_low < 0.9231 < told.agreement_high
    assert told.degraded == 5


@pytest.mark.parametrize("totals", [[], [make_totals()], make_looks(answered=100)])
def test_where_the_network_stands_beside_no_model_there_is_nothing_to_tell(totals: list[CallTotals]) -> None:
    told = summarize_network(totals)

    assert (told.photos, told.answered, told.share_answered) == (0, 0, 0.0)
    assert (told.compared, told.agreement, told.agreement_low, told.agreement_high) == (0, None, 0.0, 1.0)
