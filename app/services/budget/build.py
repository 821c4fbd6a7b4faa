"""Opens what sets money aside, where there are budgets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Protocol
from zoneinfo import ZoneInfo

from app.models.budget import Limits
from app.models.prices import Prices
from app.observe.metrics import Metrics
from app.services.budget.budgets import Budgets, Ledger
from app.utils.clock import Clock
from app.utils.keep_doing import keep_doing

_LOOK_SECONDS = 10.0
_CLOSE_SECONDS = 2.0


class MoneySettings(Protocol):
    """What is needed of the settings."""

    @property
    def budget_limits(self) -> Limits: ...

    @property
    def prices(self) -> Prices: ...

    @property
    def timezone(self) -> ZoneInfo: ...


@asynccontextmanager
async def open_budgets(
    settings: MoneySettings, ledger: Ledger, clock: Clock, metrics: Metrics
) -> AsyncIterator[Budgets | None]:
    """Build the part, if there is a limit, and keep looking how much is spent."""
    limits = settings.budget_limits
    metrics.budget_limit.watch(lambda: float(limits.day or 0), "day")
    metrics.budget_limit.watch(lambda: float(limits.month or 0), "month")
    if not limits:
        for period in ("day", "month"):
            metrics.budget_spent.watch(lambda: 0, period)
        yield None
        return
    budgets = Budgets(ledger, limits, settings.prices, settings.timezone, clock, metrics)
    for period in ("day", "month"):
        metrics.budget_spent.watch(partial(budgets.read_spent, period), period)
    looking = asyncio.create_task(keep_doing(budgets.look, lambda: _LOOK_SECONDS, "looking at the budget"))
    try:
        yield budgets
    finally:
        looking.cancel()
        await budgets.close(_CLOSE_SECONDS)
        await asyncio.wait([looking])
