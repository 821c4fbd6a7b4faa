"""What the statistics say of several days: plain values, which the API wraps by the names of their fields."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from app.models.statistics import TodayStatistics

Basis = Literal["request_log", "model_call", "image_classification_cache", "budget"]
"""What was counted: the answered requests that are in the request log, which keeps them for `LOG_RETENTION_DAYS`; all
questions to models; the cached answers; or what was charged to the budgets."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """As of when a statistic is, where its days begin at midnight, and what was counted."""

    as_of: datetime
    timezone: str
    basis: Basis


@dataclass(frozen=True, slots=True)
class SpanOfDays:
    """The days that a statistic is of, and as of when."""

    days: int
    start: datetime
    as_of: datetime
    timezone: str
    basis: Basis


@dataclass(frozen=True, slots=True)
class DayStatistics:
    """The totals of one day."""

    day: date
    totals: TodayStatistics


@dataclass(frozen=True, slots=True)
class Percentiles:
    """How long requests took: half of them, 95 and 99 in a hundred took no longer. None where there were none.

    Told from a histogram, and right within 5 %.
    """

    requests: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True)
class LatencyStatistics:
    """How long hits took, and answers that a model was asked for."""

    hits: Percentiles
    paid: Percentiles
