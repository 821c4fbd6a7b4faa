"""The sums of budgets, in memory."""

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal

from app.errors import DatabaseUnavailable
from app.models.budget import Limits, Reservation, Spent


@dataclass
class FakeLedger:
    """Sums that several `Budgets` may share, as `BudgetRepository` keeps them. While the `gate` is shut, nobody is
    told whether something was set aside."""

    spent: dict[str, Decimal] = field(default_factory=dict)
    held: dict[str, Reservation] = field(default_factory=dict)
    calls: dict[tuple[str, str], int] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    away: bool = False
    failures: int = 0
    """How many of the next calls fail."""
    reserves: int = 0
    seconds: list[int] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def reserve(self, reservation: Reservation, limits: Limits, seconds: int) -> bool:
        self._check()
        self.reserves += 1
        self.seconds.append(seconds)
        for period, limit in ((reservation.day, limits.day), (reservation.month, limits.month)):
            if reservation.amount and limit is not None and self.of(period) + reservation.amount > limit:
                return False
        whose = reservation.day, reservation.client or ""
        if limits.client_calls is not None and self.calls.get(whose, 0) >= limits.client_calls:
            return False
        self.calls[whose] = self.calls.get(whose, 0) + 1
        self.held[reservation.id] = reservation
        self._add(reservation, reservation.amount)
        await self.gate.wait()
        return True

    async def fetch_client_calls(self, day: str, client: str) -> int:
        self._check()
        return self.calls.get((day, client), 0)

    async def settle(self, reservation: Reservation, cost: Decimal, *, is_billed: bool) -> None:
        self._check()
        if self.held.pop(reservation.id, None) is not None:
            self.calls[reservation.day, reservation.client or ""] -= not is_billed
            self._add(reservation, cost - reservation.amount)

    async def fetch_spent(self, day: str, month: str) -> tuple[Spent, Spent]:
        self._check()
        held = [
            sum((one.amount for one in self.held.values() if one.day.startswith(period)), Decimal(0))
            for period in (day, month)
        ]
        return Spent(self.of(day), held[0]), Spent(self.of(month), held[1])

    async def tell(self, period: str, percent: int) -> bool:
        self._check()
        is_new = self.told.get(period, 0) < percent
        if is_new:
            self.told[period] = percent
        return is_new

    def of(self, period: str) -> Decimal:
        return self.spent.get(period, Decimal(0))

    def die(self) -> None:
        """Let the processes that hold something have died long ago."""
        self.held.clear()

    def _add(self, reservation: Reservation, amount: Decimal) -> None:
        for period in (reservation.day, reservation.month):
            self.spent[period] = self.of(period) + amount

    def _check(self) -> None:
        if self.failures:
            self.failures -= 1
            raise DatabaseUnavailable(detail="for once")
        if self.away:
            raise DatabaseUnavailable(detail="away")
