"""Budgets: sets money aside before a model is asked, and puts what it cost in its place afterwards."""

import asyncio
import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Protocol
from zoneinfo import ZoneInfo

from loguru import logger

from app.errors import DatabaseUnavailable, ServiceError
from app.models.budget import Limits, Reservation, Shortage, Spent
from app.models.domain import ModelCall
from app.models.prices import Prices, is_billed
from app.observe.metrics import Metrics
from app.utils.clock import Clock
from app.utils.days import next_day, next_month

HELD_SECONDS = 10
"""When to ask again where what is left is set aside for questions that are under way."""

_REMEMBER = timedelta(seconds=5)
"""So long a spent budget is known without asking the database, so that those who keep asking cost nothing."""

_ATTEMPTS = 2


class Ledger(Protocol):
    """The sums, of all processes. Every method raises `DatabaseUnavailable`."""

    async def reserve(self, reservation: Reservation, limits: Limits, seconds: int) -> bool:
        """Set an amount and a call aside, unless the day, the month or the client has had its limit. Whether it was."""
        ...

    async def settle(self, reservation: Reservation, cost: Decimal, *, is_billed: bool) -> None:
        """Put what a question cost in the place of what was set aside for it, once, however often it is said.

        One that the vendor does not bill is no call of the client either.
        """
        ...

    async def fetch_client_calls(self, day: str, client: str) -> int:
        """Return how many calls of the day are a client's."""
        ...

    async def fetch_spent(self, day: str, month: str) -> tuple[Spent, Spent]:
        """Return what the day has cost, and what the month has."""
        ...

    async def tell(self, period: str, percent: int) -> bool:
        """Whether nobody has told yet, in any process, that so much of a period's budget is spent."""
        ...


@dataclass(slots=True)
class Budgets:
    """The money that may be spent. Days and months are those of `timezone`.

    What is set aside is spent until it is settled. A process that dies settles nothing: its questions were sent, and
    the vendor bills them.
    """

    ledger: Ledger
    limits: Limits
    prices: Prices
    timezone: ZoneInfo
    clock: Clock
    metrics: Metrics
    last_seen: tuple[str, Spent, Spent] | None = None
    _spent: tuple[Shortage, datetime] | None = None
    _settling: set[asyncio.Task[None]] = field(default_factory=set)

    async def reserve(self, amount: Decimal, client: str, seconds: float) -> Reservation | Shortage | None:
        """Set an amount, and a call of the client, aside for a question that ends within so many seconds; or return why
        that cannot be.

        Raises `DatabaseUnavailable` where money is limited: then nothing is set aside. Where only calls are counted it
        returns None, and the question may be asked: that is fairness, and waits for better times.
        """
        try:
            return await self._reserve(amount, client, seconds)
        except DatabaseUnavailable as error:
            if self.limits.has_money:
                raise
            logger.warning("a call of a client is not counted", detail=error.detail)
            return None

    async def _reserve(self, amount: Decimal, client: str, seconds: float) -> Reservation | Shortage:
        now = self.clock()
        reservation = Reservation(
            secrets.token_hex(16),
            self._day(now),
            amount if self.limits.has_money else Decimal(0),
            None if self.limits.client_calls is None else sha256(client.encode()).hexdigest(),
        )
        if reservation.amount and self._spent is not None and now - _REMEMBER < self._spent[1] <= now:
            return self._refuse(self._spent[0])
        shortage: Shortage | None = None
        for _ in range(_ATTEMPTS):  # what others gave back in between may be enough
            if await self._set_aside(reservation, math.ceil(seconds)):
                return reservation
            shortage = await self._explain(reservation, now)
            if shortage is not None:
                break
        return self._refuse(shortage or Shortage("held", HELD_SECONDS))

    def settle(self, reservation: Reservation, calls: Sequence[ModelCall]) -> None:
        """Put what the questions cost in the place of what was set aside, beside other work."""
        cost = sum((self.prices.cost_of(call) for call in calls), Decimal(0)) if reservation.amount else Decimal(0)
        task = asyncio.create_task(self._settle(reservation, cost, is_billed=any(map(is_billed, calls))))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def look(self) -> None:
        """Find out how much is spent, for the metrics, and tell of it in the log. Raises `DatabaseUnavailable`."""
        day = self._day(self.clock())
        of_day, of_month = await self.ledger.fetch_spent(day, day[:7])
        self.last_seen = day, of_day, of_month
        for period, spent, limit in ((day, of_day, self.limits.day), (day[:7], of_month, self.limits.month)):
            if limit is not None:
                await self._tell(period, spent.total, limit, is_spent=spent.total >= limit)

    def read_spent(self, period: str) -> float:
        """Return what `day` or `month` had cost when it was last looked at."""
        if self.last_seen is None:
            return 0
        seen, of_day, of_month = self.last_seen
        today, is_day = self._day(self.clock()), period == "day"
        if seen != today if is_day else seen[:7] != today[:7]:
            return 0
        return float(of_day.total if is_day else of_month.total)

    async def close(self, timeout_seconds: float) -> None:
        """Let what is being settled end."""
        if self._settling:
            await asyncio.wait(self._settling, timeout=timeout_seconds)

    def _day(self, now: datetime) -> str:
        return now.astimezone(self.timezone).date().isoformat()

    async def _set_aside(self, reservation: Reservation, seconds: int) -> bool:
        try:
            return await self.ledger.reserve(reservation, self.limits, seconds)
        except (DatabaseUnavailable, asyncio.CancelledError):
            self.settle(reservation, [])  # nobody knows whether it was, and nothing will be asked
            raise

    async def _explain(self, reservation: Reservation, now: datetime) -> Shortage | None:
        """Return what is short; None if by now nothing is."""
        if await self._has_had_its_calls(reservation):
            return Shortage("client", math.ceil((next_day(now, self.timezone) - now).total_seconds()))
        if not reservation.amount:
            return None
        of_day, of_month = await self.ledger.fetch_spent(reservation.day, reservation.month)
        shortages: list[Shortage] = []
        for of, period, spent, limit, end in (
            ("month", reservation.month, of_month, self.limits.month, next_month(now, self.timezone)),
            ("day", reservation.day, of_day, self.limits.day, next_day(now, self.timezone)),
        ):
            if limit is None or spent.total + reservation.amount <= limit:
                continue
            if spent.total - spent.held + reservation.amount <= limit:
                shortages.append(Shortage("held", HELD_SECONDS))
                continue
            await self._tell(period, spent.total, limit, is_spent=True)
            shortages.append(Shortage("day" if of == "day" else "month", math.ceil((end - now).total_seconds())))
        worst = max(shortages, key=lambda shortage: shortage.retry_after_seconds, default=None)
        if worst is not None and worst.of != "held":
            self._spent = worst, now
        return worst

    async def _has_had_its_calls(self, reservation: Reservation) -> bool:
        if reservation.client is None or self.limits.client_calls is None:
            return False
        return await self.ledger.fetch_client_calls(reservation.day, reservation.client) >= self.limits.client_calls

    def _refuse(self, shortage: Shortage) -> Shortage:
        if shortage.of == "client":
            self.metrics.quota_refusals.add("daily")
        else:
            self.metrics.budget_refusals.add(shortage.of)
        return shortage

    async def _tell(self, period: str, spent: Decimal, limit: Decimal, *, is_spent: bool) -> None:
        """Say in the log, once for all processes, that four fifths of a budget are spent, and that all of it is."""
        if spent < limit * 4 / 5 and not is_spent:
            return
        if await self.ledger.tell(period, 80):
            logger.warning("four fifths of a budget are spent", period=period, spent=str(spent), limit=str(limit))
        if is_spent and await self.ledger.tell(period, 100):
            logger.error("a budget is spent: no model is asked", period=period, spent=str(spent), limit=str(limit))

    async def _settle(self, reservation: Reservation, cost: Decimal, *, is_billed: bool) -> None:
        detail: str | None = None
        for _ in range(_ATTEMPTS):
            try:
                return await self.ledger.settle(reservation, cost, is_billed=is_billed)
            except ServiceError as error:
                detail = error.detail
        logger.warning("a question counts as much as was set aside for it", detail=detail)
