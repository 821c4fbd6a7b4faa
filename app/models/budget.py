"""Money that is set aside before a model is asked."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be spent in a day and in a month; None: as much as you like."""

    day: Decimal | None = None
    month: Decimal | None = None

    def __bool__(self) -> bool:
        return self.day is not None or self.month is not None


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is set aside for one question to a model, at the expense of one day and its month."""

    id: str
    day: str
    """As 2026-11-29, in STATS_TIMEZONE."""

    amount: Decimal

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


ShortOf = Literal["day", "month", "held"]
"""What is spent: the day's budget, the month's; or neither, but what is left of them is set aside for questions that
are under way."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why nothing could be set aside, and when that is over."""

    of: ShortOf
    retry_after_seconds: int
