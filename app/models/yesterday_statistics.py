"""What the statistics say of yesterday until the present time of day: plain values, which the API wraps by the names of
their fields."""

from dataclasses import dataclass
from datetime import date, datetime

from app.models.trend_statistics import Basis, Percentiles


@dataclass(frozen=True, slots=True)
class YesterdayTotals:
    """What today's figures are compared with. Rates are percentages, costs in the operator's currency."""

    total_requests: int
    cache_hits: int
    cache_misses: int
    cache_hit_rate: float
    estimated_cost: float
    cost_saved: float
    calls: int
    """Questions that vendors were asked, whatever became of them; `cost` is what they cost, at the prices of then."""

    cost: float
    hits: Percentiles
    paid: Percentiles


@dataclass(frozen=True, slots=True)
class YesterdayStatistics:
    """Yesterday from `start`, which is midnight, until before `until`, a whole minute."""

    day: date
    start: datetime
    until: datetime
    as_of: datetime
    timezone: str
    basis: Basis
    known_since: datetime | None
    """From when on minutes have everything; None: from the beginning, or it is not known yet."""

    totals: YesterdayTotals | None
    """None: minutes do not have everything from `start` on."""
