"""The body of `GET /stats/identity`, and its example on the OpenAPI page."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from app.models.body import Body, Share, Timestamp, Timezone
from app.models.domain import Category
from app.models.identity import MatchedBy
from app.models.near import NearDuplicates, NearState


class MatchSavingsData(Body):
    """The requests whose photo was recognised by one kind of name, and what that saved."""

    matched_by: MatchedBy
    requests: int = Field(examples=[412])
    calls_saved: int = Field(description="Questions to a model that were not asked", examples=[412])
    cost_saved: float = Field(description="These at COST_PER_API_CALL", examples=[4.12])
    uploads_saved: int = Field(description="Of these requests, those that came without the file", examples=[398])
    bytes_saved: int = Field(
        description="What those files weigh together, as far as that is on record", examples=[158_004_200]
    )


class PaidRequestsData(Body):
    """The requests that a model was asked for."""

    requests: int = Field(examples=[1067])
    calls: int = Field(description="Questions that were sent to models, whatever became of them", examples=[1081])
    cost: float = Field(description="What they cost, at the prices of their moments", examples=[0.0814])


class CategoryTrialsData(Body):
    """The comparisons where the answer nearby had one category."""

    category: Category
    comparisons: int = Field(examples=[120])
    disagreed: int = Field(examples=[1])


class TrialStatisticsData(Body):
    """Near matches that a model was asked about all the same, in these days."""

    comparisons: int = Field(examples=[340])
    disagreed: int = Field(description="Where the model said another category", examples=[2])
    error_low: Share = Field(description="The true share of errors is above, with 95 % confidence (Wilson)")
    error_high: Share = Field(description="And it is below")
    by_category: list[CategoryTrialsData]


class NearDecisionData(Body):
    """Whether near matches are served at the moment, and why. The evidence is the latest 1,000 comparisons."""

    mode: NearDuplicates = Field(description="NEAR_DUPLICATES")
    state: NearState
    reason: str
    comparisons: int = Field(examples=[1000])
    disagreed: int = Field(examples=[6])
    error_low: Share
    error_high: Share = Field(description="`auto` serves while this is at most NEAR_MAX_ERROR")


class IdentityStatsData(Body):
    """How photos were recognised from `start` until `as_of`."""

    days: int = Field(examples=[30])
    start: Timestamp
    as_of: Timestamp
    timezone: Timezone
    basis: Literal["request_log"] = Field(
        description="What was counted: answered requests that are in the log; and beside them the questions to models "
        "(`calls`, `cost`) and the comparisons (`trials`)"
    )
    matches: list[MatchSavingsData] = Field(description="Of each kind of name, the surest first")
    paid: PaidRequestsData
    trials: TrialStatisticsData
    near: NearDecisionData


class IdentityStatsResponse(Body):
    """The answer of `GET /stats/identity`."""

    success: Literal[True] = True
    data: IdentityStatsData


def _savings(kind: MatchedBy, requests: int, uploads: int, saved: int) -> MatchSavingsData:
    return MatchSavingsData(
        matched_by=kind,
        requests=requests,
        calls_saved=requests,
        cost_saved=requests / 100,
        uploads_saved=uploads,
        bytes_saved=saved,
    )


IDENTITY = IdentityStatsResponse(
    data=IdentityStatsData(
        days=30,
        start=datetime(2025, 9, 11, tzinfo=UTC),
        as_of=datetime(2025, 10, 10, 12, tzinfo=UTC),
        timezone="UTC",
        basis="request_log",
        matches=[
            _savings(MatchedBy.BYTES, 412, 398, 158_004_200),
            _savings(MatchedBy.CONTENT, 96, 71, 28_187_000),
            _savings(MatchedBy.QUESTION, 14, 0, 0),
            _savings(MatchedBy.NEAR, 233, 0, 0),
        ],
        paid=PaidRequestsData(requests=1067, calls=1081, cost=0.0814),
        trials=TrialStatisticsData(
            comparisons=340,
            disagreed=2,
            error_low=0.0016,
            error_high=0.0212,
            by_category=[CategoryTrialsData(category=Category.PETS, comparisons=340, disagreed=2)],
        ),
        near=NearDecisionData(
            mode="auto",
            state="serving",
            reason="6 of the latest 1000 comparisons disagreed: at most 1.3 % are wrong with 95 % confidence, and "
            "NEAR_MAX_ERROR allows 2 %.",
            comparisons=1000,
            disagreed=6,
            error_low=0.0028,
            error_high=0.013,
        ),
    )
)
