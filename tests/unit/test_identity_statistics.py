"""What the statistics of recognition make of the sums of the tables."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from app.models import identity_response
from app.models.domain import Category, Usage
from app.models.identity import MatchedBy, MatchTotals
from app.models.identity_response import IdentityStatsResponse
from app.models.identity_statistics import IdentityStatistics
from app.models.near import CategoryTrials, TrialTotals
from app.models.prices import Prices
from app.repositories.stats_repository import TokenTotals
from app.services.identity.trials import Evidence, NearMode, error_interval
from app.services.identity_statistics import IdentityStatsService
from app.utils.days import DaySpan
from tests.support.near import FakeTrials

NOW = datetime(2026, 5, 31, 12, 0, tzinfo=UTC)
FLAT = Prices(Decimal("0.01"))
BY_TOKEN = Prices(Decimal("0.01"), Decimal("0.10"), Decimal("0.50"))
NO_CALLS = TokenTotals(0, 0, Usage(), Decimal(0), Usage())


@dataclass
class FakeSums:
    """The sums of the tables, as the repositories give them."""

    matches: list[MatchTotals] = field(default_factory=list)
    trials: list[CategoryTrials] = field(default_factory=list)
    tokens: TokenTotals = NO_CALLS
    spans: set[tuple[datetime, datetime]] = field(default_factory=set)

    async def sum_matches(self, span: DaySpan) -> list[MatchTotals]:
        self.spans.add((span.start, span.end))
        return self.matches

    async def sum_by_category(self, start: datetime, end: datetime) -> list[CategoryTrials]:
        self.spans.add((start, end))
        return self.trials

    async def sum_tokens(self, span: DaySpan | None) -> TokenTotals:
        assert span is not None
        self.spans.add((span.start, span.end))
        return self.tokens


async def summarize(
    sums: FakeSums, days: int = 1, prices: Prices = FLAT, latest: TrialTotals | None = None, zone: str = "UTC"
) -> IdentityStatistics:
    near = NearMode("auto", 0.02, Evidence(FakeTrials(latest or TrialTotals(0, 0))))
    return await IdentityStatsService(sums, sums, sums, near, prices, ZoneInfo(zone), lambda: NOW).summarize(days)


async def test_each_kind_of_name_is_told_with_what_it_saved_the_surest_first() -> None:
    sums = FakeSums(
        [
            MatchTotals(MatchedBy.NEAR, True, 3, 0, 0),
            MatchTotals(MatchedBy.BYTES, True, 5, 4, 4000),
            MatchTotals(None, False, 7, 0, 0),
        ]
    )

    told = (await summarize(sums)).matches

    assert [row.matched_by for row in told] == ["bytes", "content", "question", "near"]
    assert [row.requests for row in told] == [row.calls_saved for row in told] == [5, 0, 0, 3]
    assert [row.cost_saved for row in told] == [0.05, 0, 0, 0.03]
    assert [(row.uploads_saved, row.bytes_saved) for row in told] == [(4, 4000), (0, 0), (0, 0), (0, 0)]


async def test_hits_by_a_name_that_is_not_known_here_count_for_no_other() -> None:
    told = await summarize(FakeSums([MatchTotals(None, True, 2, 1, 0)]))

    assert [row.requests for row in told.matches] == [0, 0, 0, 0]
    assert told.paid.requests == 0


async def test_a_request_that_a_model_was_asked_for_is_paid_whatever_it_looked_like() -> None:
    sums = FakeSums([MatchTotals(None, False, 7, 0, 0), MatchTotals(MatchedBy.NEAR, False, 2, 0, 0)])

    told = await summarize(sums)

    assert told.paid.requests == 9
    assert [row.requests for row in told.matches] == [0, 0, 0, 0]


async def test_calls_cost_what_they_cost_then_and_todays_prices_where_that_is_not_on_record() -> None:
    sums = FakeSums(tokens=TokenTotals(3, 2, Usage(3_000_000, 30, 3), Decimal("0.25"), Usage(1_000_000, 2_000_000)))

    assert (await summarize(sums, prices=BY_TOKEN)).paid.cost == 1.35
    assert (await summarize(sums)).paid.cost == 0.25
    assert (await summarize(sums)).paid.calls == 3


async def test_the_trials_are_summed_up_with_the_interval_of_their_errors() -> None:
    sums = FakeSums(trials=[CategoryTrials(Category.PETS, 20, 1), CategoryTrials(Category.FOODS, 9, 0)])

    told = (await summarize(sums)).trials

    assert (told.comparisons, told.disagreed, told.by_category) == (29, 1, sums.trials)
    assert (told.error_low, told.error_high) == (0.0061, 0.1718)


async def test_without_trials_nothing_is_known_of_errors() -> None:
    told = (await summarize(FakeSums())).trials

    assert (told.comparisons, told.error_low, told.error_high) == (0, 0.0, 1.0)


async def test_whether_near_matches_are_served_follows_from_the_latest_trials_and_not_from_those_of_the_days() -> None:
    sums = FakeSums(trials=[CategoryTrials(Category.PETS, 1, 1)])

    near = (await summarize(sums, latest=TrialTotals(1000, 6))).near

    assert (near.mode, near.state, near.comparisons, near.disagreed) == ("auto", "serving", 1000, 6)
    assert (near.error_low, near.error_high) == (0.0028, 0.013)


async def test_all_sums_are_of_the_same_days_and_today_is_the_last() -> None:
    sums = FakeSums()

    told = await summarize(sums, days=30, zone="Asia/Shanghai")

    assert sums.spans == {(datetime(2026, 5, 1, 16, tzinfo=UTC), datetime(2026, 5, 31, 16, tzinfo=UTC))}
    assert (told.days, told.start, told.as_of, told.timezone) == (30, min(sums.spans)[0], NOW, "Asia/Shanghai")


async def test_the_body_has_all_that_is_told() -> None:
    told = await summarize(FakeSums(trials=[CategoryTrials(Category.PETS, 20, 1)]))

    body = IdentityStatsResponse.model_validate({"data": told}).model_dump(mode="json")

    assert body["data"]["start"] == "2026-05-31T00:00:00Z"
    assert body["data"]["trials"]["by_category"] == [{"category": "pets", "comparisons": 20, "disagreed": 1}]
    assert body["data"]["near"]["reason"]


async def test_the_example_on_the_page_is_one_that_could_be() -> None:
    example = identity_response.IDENTITY.data

    near = (await summarize(FakeSums(), latest=TrialTotals(example.near.comparisons, example.near.disagreed))).near
    interval = error_interval(TrialTotals(example.trials.comparisons, example.trials.disagreed))

    assert identity_response.NearDecisionData.model_validate(near) == example.near
    assert (round(interval.low, 4), round(interval.high, 4)) == (example.trials.error_low, example.trials.error_high)
