"""Sets money aside before each question to a model."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from app.errors import DatabaseUnavailable
from app.models.budget import Limits, Reservation, Shortage
from app.models.domain import ModelCall, ModelReply, Usage
from app.models.prices import Prices
from app.services.model.errors import BudgetExhausted, BudgetUnknown, ClientQuotaExceeded
from app.services.model_client import ModelClient, Question

_PROMPT_TOKENS = 1000
"""More than the prompt has, in any language."""

_PATCH_PIXELS = 28
"""The side of the smallest patch that a vendor counts as a token."""

_RECENT = 100
_MARGIN_SECONDS = 10.0
"""Beyond a question's own time, for writing down what it cost."""


class Budget(Protocol):
    """The money that may be spent, by all processes together."""

    @property
    def prices(self) -> Prices:
        """What is charged for a question."""
        ...

    @property
    def limits(self) -> Limits:
        """What is limited."""
        ...

    async def reserve(self, amount: Decimal, client: str, seconds: float) -> Reservation | Shortage | None:
        """Set an amount, and a call of the client, aside for so many seconds, or return why that cannot be.

        None where it may be asked without. Raises `DatabaseUnavailable` where it may not.
        """
        ...

    def settle(self, reservation: Reservation, calls: Sequence[ModelCall]) -> None:
        """Put what the questions cost in the place of what was set aside."""
        ...


@dataclass(slots=True)
class CallEstimate:
    """What one question to a model may cost at most: the flat price, or by tokens as many as a picture of this side and
    an answer of this length can have, or as the dearest of the last answers had where the vendor counts more."""

    bound: Decimal
    _recent: deque[Decimal] = field(default_factory=lambda: deque(maxlen=_RECENT))

    @classmethod
    def of(cls, prices: Prices, image_side: int, max_tokens: int) -> "CallEstimate":
        """Return the estimate to begin with, for pictures of at most this side in pixels."""
        tokens = Usage(_PROMPT_TOKENS + math.ceil(image_side / _PATCH_PIXELS) ** 2, max_tokens)
        by_tokens = prices.cost_of_tokens(tokens)
        return cls(prices.per_call if by_tokens is None else by_tokens)

    @property
    def amount(self) -> Decimal:
        """What to set aside."""
        return max([self.bound, *self._recent])

    def learn(self, cost: Decimal) -> None:
        """Take note of what an answer cost."""
        self._recent.append(cost)


@dataclass(frozen=True, slots=True)
class BudgetedModel:
    """Around a counted provider: each question that is sent, a second attempt too, is one that money, and a call of the
    client, was set aside for.

    What costs nothing is asked without, unless calls are counted.
    """

    inner: ModelClient
    budget: Budget
    estimate: CallEstimate

    async def ask(self, question: Question) -> ModelReply:
        amount = self.estimate.amount
        if not amount and self.budget.limits.client_calls is None:
            return await self.inner.ask(question)
        reservation = await self._reserve(amount, question)
        if reservation is None:
            return await self.inner.ask(question)
        before = len(question.calls)
        try:
            return await self.inner.ask(question)
        finally:
            calls = question.calls[before:]
            self.budget.settle(reservation, calls)
            for call in calls:
                if call.outcome == "answered":
                    self.estimate.learn(self.budget.prices.cost_of(call))

    async def _reserve(self, amount: Decimal, question: Question) -> Reservation | None:
        seconds = question.deadline.remaining_seconds() + _MARGIN_SECONDS
        try:
            reserved = await self.budget.reserve(amount, question.client, seconds)
        except DatabaseUnavailable as error:
            raise BudgetUnknown(detail=error.detail) from None
        if isinstance(reserved, Shortage):
            if reserved.of == "client":
                raise ClientQuotaExceeded(retry_after_seconds=reserved.retry_after_seconds)
            raise BudgetExhausted(retry_after_seconds=reserved.retry_after_seconds, detail=f"short of: {reserved.of}")
        return reserved
