"""What questions to models may cost."""

from decimal import Decimal

from pydantic import BaseModel, Field

from app.models.budget import Limits

MOST = 100_000_000
"""Sums are kept in ten-billionths, as 64 bits: more than this would not fit."""


class BudgetSettings(BaseModel):
    """Budgets."""

    daily_budget: Decimal = Field(
        Decimal(0),
        ge=0,
        le=MOST,
        description="What models may cost in a day of STATS_TIMEZONE, in the currency of the prices; 0: no limit",
    )
    monthly_budget: Decimal = Field(
        Decimal(0), ge=0, le=MOST, description="What models may cost in a month of STATS_TIMEZONE; 0: no limit"
    )

    daily_calls_per_client: int = Field(
        0,
        ge=0,
        le=1_000_000_000,
        description="Most paid calls in a day of STATS_TIMEZONE for one key, user or address; 0: no limit",
    )

    @property
    def budget_limits(self) -> Limits:
        return Limits(self.daily_budget or None, self.monthly_budget or None, self.daily_calls_per_client or None)
