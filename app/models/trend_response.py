"""The bodies of the statistics of several days and of one user, and their examples on the OpenAPI page."""

from datetime import UTC, date, datetime
from typing import Literal

from pydantic import Field

from app.models.body import Body, Timestamp, Timezone
from app.models.response import UserStatsData
from app.models.stats_response import TodayStatsData


class SpanData(Body):
    """The days that a statistic is of, and as of when."""

    days: int = Field(examples=[30])
    start: Timestamp
    as_of: Timestamp
    timezone: Timezone
    basis: Literal["request_log"] = Field(
        description="What was counted: answered requests that are in the request log, which has them for "
        "LOG_RETENTION_DAYS"
    )


class DayData(Body):
    """Which day it is."""

    day: date = Field(examples=["2025-10-10"])


class TrendDayData(TodayStatsData, DayData):
    """The totals of one day, with the names that today's have. The day comes first: fields of the last base do."""


class TrendData(SpanData):
    """Each of the days, also those without requests, the oldest first."""

    trend: list[TrendDayData]


class TrendResponse(Body):
    """The answer of `GET /stats/trend`."""

    success: Literal[True] = True
    data: TrendData


class PercentilesData(Body):
    """How long requests took, right within 5 %. Null: there were none."""

    requests: int = Field(examples=[456])
    p50_ms: float | None = Field(examples=[2.0])
    p95_ms: float | None = Field(examples=[9.0])
    p99_ms: float | None = Field(examples=[16.0])


class LatencyData(SpanData):
    """How long hits took, and answers that a model was asked for: from the whole request read to the answer known."""

    hits: PercentilesData
    paid: PercentilesData


class LatencyResponse(Body):
    """The answer of `GET /stats/latency`."""

    success: Literal[True] = True
    data: LatencyData


class OneUserData(UserStatsData):
    """The requests of one user."""

    as_of: Timestamp
    timezone: Timezone
    basis: Literal["request_log"]


class OneUserResponse(Body):
    """The answer of `GET /stats/users/{user_id}`."""

    success: Literal[True] = True
    data: OneUserData


_NOW = datetime(2025, 10, 10, 12, 0, tzinfo=UTC)
_TODAY = datetime(2025, 10, 10, tzinfo=UTC)

TREND = TrendResponse(
    data=TrendData(
        days=1,
        start=_TODAY,
        as_of=_NOW,
        timezone="UTC",
        basis="request_log",
        trend=[
            TrendDayData(
                day=date(2025, 10, 10),
                total_requests=1523,
                cache_hits=456,
                cache_misses=1067,
                cache_hit_rate=29.94,
                unique_users=89,
                unique_ips=76,
                avg_processing_time_ms=1245,
                estimated_cost=10.67,
                cost_saved=4.56,
                uploaded_bytes=440_300_000,
                saved_bytes=186_191_200,
            )
        ],
    )
)
LATENCY = LatencyResponse(
    data=LatencyData(
        days=1,
        start=_TODAY,
        as_of=_NOW,
        timezone="UTC",
        basis="request_log",
        hits=PercentilesData(requests=456, p50_ms=2.0, p95_ms=9.0, p99_ms=16.0),
        paid=PercentilesData(requests=1067, p50_ms=1503.5, p95_ms=2687.5, p99_ms=3711.5),
    )
)
USER = OneUserResponse(
    data=OneUserData(
        user_id="device-42",
        request_count=123,
        cache_hits=67,
        cache_hit_rate=54.47,
        first_request=datetime(2025, 10, 1, 8, 30, tzinfo=UTC),
        last_request=_NOW,
        as_of=_NOW,
        timezone="UTC",
        basis="request_log",
    )
)
