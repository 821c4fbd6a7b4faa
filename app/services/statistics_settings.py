"""What calls of models cost, in which currency, and when a day begins."""

from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, Field, field_validator

from app.models.prices import Prices


class StatsSettings(BaseModel):
    """Costs and days in the statistics."""

    cost_per_api_call: Decimal = Field(
        Decimal("0.01"), ge=0, le=1_000_000, description="Cost of one model call, for the statistics and budgets"
    )
    llm_price_input_per_mtok: Decimal | None = Field(
        None,
        ge=0,
        le=1_000_000,
        description="Price of a million input tokens, for the real cost in the statistics and budgets",
    )
    llm_price_output_per_mtok: Decimal | None = Field(
        None,
        ge=0,
        le=1_000_000,
        description="Price of a million output tokens, for the real cost in the statistics and budgets",
    )
    llm_deferred_price_factor: Decimal = Field(
        Decimal("0.5"), ge=0, le=1, description="What an answer in the vendor's deferred lane costs, as a part of these"
    )
    currency: str = Field(
        "USD", pattern=r"^[A-Z]{3}$", description="Currency of these prices and costs, as an ISO 4217 code"
    )
    show_costs: bool | None = Field(
        None,
        description="Whether `/about`, and so the page `/`, tells everybody what a model call costs; empty: only where "
        "the statistics are open to everybody, too",
    )
    stats_timezone: str = Field("UTC", description="IANA time zone that says when `today` begins")

    @field_validator("stats_timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        if name not in _timezones():
            raise ValueError("is not an IANA time zone such as UTC or Asia/Shanghai")
        return name

    @property
    def prices(self) -> Prices:
        return Prices(
            self.cost_per_api_call,
            self.llm_price_input_per_mtok,
            self.llm_price_output_per_mtok,
            self.llm_deferred_price_factor,
        )

    @property
    def timezone(self) -> ZoneInfo:
        return ZoneInfo(self.stats_timezone)


@lru_cache
def _timezones() -> frozenset[str]:
    """Return the names of all time zones. Finding them reads some hundred files."""
    return frozenset(available_timezones())
