"""What operators read of the budgets: what models may cost, what they have cost, and when there is money again."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from zoneinfo import ZoneInfo

from app.models.budget import BudgetStatistics, Limits, PeriodBudget, Spent
from app.utils.clock import Clock
from app.utils.days import next_day, next_month


class Ledger(Protocol):
    """The sums, of all processes. Raises `DatabaseUnavailable`."""

    async def fetch_spent(self, day: str, month: str) -> tuple[Spent, Spent]:
        """Return what the day has cost, and what the month has."""
        ...


@dataclass(frozen=True, slots=True)
class BudgetStatsService:
    """Statistics of the budgets. Days and months are those of `timezone`."""

    ledger: Ledger
    limits: Limits
    timezone: ZoneInfo
    clock: Clock

    async def summarize(self) -> BudgetStatistics:
        """Return what is spent of this day's and this month's budget. Raises `DatabaseUnavailable`."""
        now, limits = self.clock(), self.limits
        day = now.astimezone(self.timezone).date().isoformat()
        month = day[:7]
        of_day: Spent | None = None
        of_month: Spent | None = None
        if limits.has_money:
            of_day, of_month = await self.ledger.fetch_spent(day, month)
        return BudgetStatistics(
            day=_summarize(day, limits.day, of_day, next_day(now, self.timezone)),
            month=_summarize(month, limits.month, of_month, next_month(now, self.timezone)),
            as_of=now,
            timezone=self.timezone.key,
            basis="budget",
        )


def _summarize(period: str, limit: Decimal | None, spent: Spent | None, end: datetime) -> PeriodBudget:
    """Return what is left of a limit; without one only what is spent, where that is counted."""
    total, held = (None, None) if spent is None else (float(spent.total), float(spent.held))
    if limit is None or spent is None:
        return PeriodBudget(period, None, total, held, None, None, None)
    left = float(max(limit - spent.total, Decimal(0)))
    return PeriodBudget(period, float(limit), total, held, left, round(float(spent.total / limit), 4), end)
