"""The body of `GET /stats/yesterday`, and its example on the OpenAPI page."""

from datetime import UTC, date, datetime
from typing import Literal

from pydantic import Field

from app.models.body import Body, Percentage, Timestamp, Timezone
from app.models.trend_response import PercentilesData


class YesterdayTotalsData(Body):
    """The figures of `/stats/today`, of `paid` of `/stats/identity` and of `/stats/latency`, of a part of yesterday."""

    total_requests: int = Field(examples=[1480])
    cache_hits: int = Field(examples=[430])
    cache_misses: int = Field(examples=[1050])
    cache_hit_rate: Percentage
    estimated_cost: float = Field(examples=[10.5])
    cost_saved: float = Field(examples=[4.3])
    calls: int = Field(description="Questions to vendors' models, whatever became of them", examples=[1052])
    cost: float = Field(description="What they cost, at the prices of their moments", examples=[0.0801])
    hits: PercentilesData
    paid: PercentilesData


class YesterdayData(Body):
    """Yesterday from midnight until the time of day that it is now, to the minute."""

    day: date = Field(examples=["2025-10-09"])
    start: Timestamp
    until: Timestamp = Field(description="The first minute that is not in it: yesterday's clocks showed what ours do")
    as_of: Timestamp
    timezone: Timezone
    basis: Literal["request_log"] = Field(
        description="What was counted: answered requests that are in the log; `calls` and `cost` are of all questions"
    )
    known_since: Timestamp | None = Field(
        description="From when on minutes have everything: since they are counted, or as long as LOG_RETENTION_DAYS "
        "keeps requests. Null: from the beginning, or none have been counted yet"
    )
    totals: YesterdayTotalsData | None = Field(
        description="Null: not known, since minutes have everything from `known_since` on only, as after an upgrade"
    )


class YesterdayResponse(Body):
    """The answer of `GET /stats/yesterday`."""

    success: Literal[True] = True
    data: YesterdayData


YESTERDAY = YesterdayResponse(
    data=YesterdayData(
        day=date(2025, 10, 9),
        start=datetime(2025, 10, 9, tzinfo=UTC),
        until=datetime(2025, 10, 9, 12, tzinfo=UTC),
        as_of=datetime(2025, 10, 10, 12, 0, 30, tzinfo=UTC),
        timezone="UTC",
        basis="request_log",
        known_since=None,
        totals=YesterdayTotalsData(
            total_requests=1480,
            cache_hits=430,
            cache_misses=1050,
            cache_hit_rate=29.05,
            estimated_cost=10.5,
            cost_saved=4.3,
            calls=1052,
            cost=0.0801,
            hits=PercentilesData(requests=430, p50_ms=2.0, p95_ms=9.0, p99_ms=16.0),
            paid=PercentilesData(requests=1050, p50_ms=1503.5, p95_ms=2687.5, p99_ms=3711.5),
        ),
    )
)
