"""The body of `GET /stats/budget`, and its example on the OpenAPI page."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from app.models.body import Body, Timestamp, Timezone


class PeriodBudgetData(Body):
    """The budget of a day or a month, and what is left of it. Null: it has no limit."""

    period: str = Field(description="Of STATS_TIMEZONE", examples=["2025-10-10"])
    limit: float | None = Field(description="DAILY_BUDGET or MONTHLY_BUDGET", examples=[5.0])
    spent: float | None = Field(
        description="With what is reserved; null where nothing is limited: nobody counts it then", examples=[3.27]
    )
    reserved: float | None = Field(description="Of it, what is set aside for questions under way", examples=[0.01])
    left: float | None = Field(ge=0, examples=[1.73])
    share: float | None = Field(ge=0, description="Spent of the limit; a time-out may pass it", examples=[0.654])
    renewed_at: Timestamp | None = Field(description="When the next period begins, and all of it is free again")


class BudgetStatsData(Body):
    """What models may cost, and what they have cost."""

    day: PeriodBudgetData
    month: PeriodBudgetData
    as_of: Timestamp
    timezone: Timezone
    basis: Literal["budget"] = Field(description="What was counted: what was charged, questions under way included")


class BudgetStatsResponse(Body):
    """The answer of `GET /stats/budget`."""

    success: Literal[True] = True
    data: BudgetStatsData


BUDGET = BudgetStatsResponse(
    data=BudgetStatsData(
        day=PeriodBudgetData(
            period="2025-10-10",
            limit=5.0,
            spent=3.27,
            reserved=0.01,
            left=1.73,
            share=0.654,
            renewed_at=datetime(2025, 10, 11, tzinfo=UTC),
        ),
        month=PeriodBudgetData(
            period="2025-10", limit=None, spent=21.4, reserved=0.01, left=None, share=None, renewed_at=None
        ),
        as_of=datetime(2025, 10, 10, 12, tzinfo=UTC),
        timezone="UTC",
        basis="budget",
    )
)
