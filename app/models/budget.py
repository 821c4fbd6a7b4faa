"""Money, and calls of a client, that are set aside before a model is asked."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from app.models.trend_statistics import Basis


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be spent in a day and in a month, and how many calls one client may cause in a day; None: as much as you
    like."""

    day: Decimal | None = None
    month: Decimal | None = None
    client_calls: int | None = None

    @property
    def has_money(self) -> bool:
        """Whether money is limited."""
        return self.day is not None or self.month is not None

    def __bool__(self) -> bool:
        return self.has_money or self.client_calls is not None


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is set aside for one question to a model, at the expense of one day and its month."""

    id: str
    day: str
    """As 2026-11-29, in STATS_TIMEZONE."""

    amount: Decimal
    """Zero: it counts for its client alone."""

    client: str | None = None
    """Whose call it is, as a hash; None where clients are not counted."""

    @property
    def month(self) -> str:
        """As 2026-11."""
        return self.day[:7]


@dataclass(frozen=True, slots=True)
class Spent:
    """What a period has cost."""

    total: Decimal = Decimal(0)
    """With what is set aside."""

    held: Decimal = Decimal(0)
    """What of it is set aside for questions that are under way, and may come back."""


@dataclass(frozen=True, slots=True)
class PeriodBudget:
    """The budget of a day or a month, and what is left of it; None where it has no limit."""

    period: str
    limit: float | None
    spent: float | None
    reserved: float | None
    left: float | None
    share: float | None
    renewed_at: datetime | None


@dataclass(frozen=True, slots=True)
class BudgetStatistics:
    """What models may cost, and what they have cost."""

    day: PeriodBudget
    month: PeriodBudget
    as_of: datetime
    timezone: str
    basis: Basis


ShortOf = Literal["day", "month", "held", "client"]
"""What is spent: the day's budget, the month's; neither, but what is left of them is set aside for questions that are
under way; the client's calls of the day."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why nothing could be set aside, and when that is over."""

    of: ShortOf
    retry_after_seconds: int
