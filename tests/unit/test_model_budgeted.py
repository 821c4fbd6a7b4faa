"""Each question that is sent is one that money was set aside for."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from app.errors import DatabaseUnavailable
from app.models.budget import Limits, Reservation, Shortage, ShortOf
from app.models.domain import ModelCall, ModelReply, Usage
from app.models.prices import Prices
from app.observe.metrics import Metrics
from app.services.model.errors import (
    BudgetExhausted,
    BudgetUnknown,
    ClientQuotaExceeded,
    ModelBadAnswer,
    ModelTimeout,
    ModelUnavailable,
)
from app.services.model.stack.breaker import BreakerModel
from app.services.model.stack.budgeted import BudgetedModel, CallEstimate
from app.services.model.stack.counted import CountedModel
from app.services.model.stack.fallback import FallbackModel
from app.services.model.stack.local_fallback import LocalFallbackModel
from app.services.model.stack.retry import RetryingModel
from app.services.model_client import Question
from tests.factories import make_reply
from tests.support.fake_model import FakeModel, ask, failing, make_question

CENT = Decimal("0.01")
FLAT = Prices(CENT)
BY_TOKENS = Prices(CENT, Decimal("0.10"), Decimal("0.50"))


@dataclass
class FakeBudget:
    """Sets aside as often as it is told to, and keeps what it was asked and what came of it."""

    prices: Prices = FLAT
    left: int = 1000
    away: bool = False
    limits: Limits = field(default_factory=lambda: Limits(day=Decimal(1)))
    short_of: ShortOf = "day"
    clients: list[str] = field(default_factory=list)
    amounts: list[Decimal] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    settled: list[tuple[str, list[str]]] = field(default_factory=list)
    """Which, and with questions of which outcomes."""

    async def reserve(self, amount: Decimal, client: str, seconds: float) -> Reservation | Shortage | None:
        if self.away:
            raise DatabaseUnavailable(detail="away")
        if not self.left:
            return Shortage(self.short_of, 3600)
        self.left -= 1
        self.amounts.append(amount)
        self.clients.append(client)
        self.seconds.append(seconds)
        return Reservation(str(len(self.amounts)), "2026-11-29", amount)

    def settle(self, reservation: Reservation, calls: Sequence[ModelCall]) -> None:
        self.settled.append((reservation.id, [call.outcome for call in calls]))


def budgeted(inner: FakeModel, budget: FakeBudget) -> BudgetedModel:
    inner.adds_calls = False
    counted = CountedModel(inner, "openai", "m", "1", Metrics())
    return BudgetedModel(counted, budget, CallEstimate.of(budget.prices, 512, 500))


async def no_sleep(_: float) -> None:
    pass


async def test_a_question_is_asked_with_what_was_set_aside_for_it_and_then_settled() -> None:
    budget = FakeBudget()

    await ask(budgeted(FakeModel([make_reply()]), budget), seconds=5)

    assert (budget.amounts, budget.settled) == ([CENT], [("1", ["answered"])])
    assert budget.seconds == [pytest.approx(15, abs=1)]


async def test_each_attempt_is_set_aside_for() -> None:
    budget = FakeBudget()
    inner = FakeModel([failing(ModelBadAnswer), make_reply()])

    await ask(RetryingModel(budgeted(inner, budget), sleep=no_sleep))

    assert budget.settled == [("1", ["bad_answer"]), ("2", ["answered"])]


async def test_a_second_attempt_that_the_budget_does_not_pay_for_is_not_made() -> None:
    inner = FakeModel([failing(ModelBadAnswer)])

    with pytest.raises(BudgetExhausted):
        await ask(RetryingModel(budgeted(inner, FakeBudget(left=1)), sleep=no_sleep))

    assert inner.calls == 1


async def test_a_question_that_is_cut_off_is_settled_as_one_that_may_be_billed() -> None:
    async def hang(question: Question) -> ModelReply:
        await asyncio.Event().wait()
        raise AssertionError

    budget = FakeBudget()
    asking = asyncio.create_task(ask(budgeted(FakeModel([hang]), budget)))
    while not budget.amounts:
        await asyncio.sleep(0)

    asking.cancel()
    await asyncio.wait([asking])

    assert budget.settled == [("1", ["cancelled"])]


async def test_a_spent_budget_says_until_when_and_neither_asks_again_nor_another_nor_blames_the_model() -> None:
    inner, second = FakeModel([make_reply()]), FakeModel([make_reply()])
    breaker = BreakerModel(budgeted(inner, FakeBudget(left=0)), "m", fair_budget_seconds=5)
    model = FallbackModel(RetryingModel(breaker), second)

    for _ in range(10):
        with pytest.raises(BudgetExhausted) as caught:
            await ask(model)
        assert (caught.value.status, caught.value.retry_after_seconds) == (503, 3600)

    assert (inner.calls, second.calls, breaker.state) == (0, 0, "closed")


async def test_a_spent_budget_does_not_close_a_breaker_that_is_open() -> None:
    breaker = BreakerModel(
        budgeted(FakeModel([failing(ModelTimeout)]), FakeBudget(left=0)), "m", fair_budget_seconds=5, open_seconds=0
    )
    breaker._open_until = asyncio.get_running_loop().time()

    with pytest.raises(BudgetExhausted):
        await ask(breaker)

    assert not breaker.closed


async def test_the_second_model_is_paid_from_the_same_budget() -> None:
    budget = FakeBudget(left=2)
    first, second = FakeModel([failing(ModelUnavailable)]), FakeModel([make_reply()])

    await ask(FallbackModel(budgeted(first, budget), budgeted(second, budget)))

    assert [outcomes for _, outcomes in budget.settled] == [["unavailable"], ["answered"]]


async def test_while_nobody_knows_what_is_spent_no_model_is_asked() -> None:
    inner = FakeModel([make_reply()])

    with pytest.raises(BudgetUnknown) as caught:
        await ask(budgeted(inner, FakeBudget(away=True)))

    assert (inner.calls, caught.value.status, caught.value.code) == (0, 503, "database_unavailable")


@pytest.mark.parametrize("budget", [FakeBudget(left=0), FakeBudget(away=True)])
async def test_the_embedded_network_answers_where_no_model_may_be_asked(budget: FakeBudget) -> None:
    network = FakeModel([make_reply()])
    model = LocalFallbackModel(budgeted(FakeModel([make_reply()]), budget), network, Metrics())

    assert (await ask(model)).degraded


async def test_what_costs_nothing_is_asked_without_a_budget() -> None:
    budget = FakeBudget(prices=Prices(Decimal(0)), left=0)

    await ask(budgeted(FakeModel([make_reply()]), budget))

    assert budget.amounts == []


async def test_by_tokens_as_much_is_set_aside_as_an_answer_may_cost_and_more_once_one_has_cost_more() -> None:
    budget = FakeBudget(prices=BY_TOKENS)
    dear: Any = make_reply()
    dear = type(dear)(dear.classification, dear.model_used, "1", Usage(30_000, 100))
    model = budgeted(FakeModel([make_reply(), dear, make_reply()]), budget)

    for _ in range(3):
        await ask(model)

    first = (1000 + 19 * 19) * Decimal("0.10") / 1_000_000 + 500 * Decimal("0.50") / 1_000_000
    assert budget.amounts == [first, first, Decimal("0.00305")]


async def test_a_time_out_at_the_flat_price_makes_no_later_question_dearer() -> None:
    budget = FakeBudget(prices=BY_TOKENS)
    model = budgeted(FakeModel([failing(ModelTimeout), make_reply()]), budget)

    with pytest.raises(ModelTimeout):
        await ask(model)
    await model.ask(make_question())

    assert budget.amounts[0] == budget.amounts[1]


async def test_a_client_that_has_had_its_calls_is_told_so_and_no_other_model_is_asked() -> None:
    inner, second = FakeModel([make_reply()]), FakeModel([make_reply()])
    model = FallbackModel(budgeted(inner, FakeBudget(left=0, short_of="client")), second)

    with pytest.raises(ClientQuotaExceeded) as caught:
        await ask(model)

    assert (inner.calls, second.calls) == (0, 0)
    assert (caught.value.status, caught.value.retry_after_seconds) == (429, 3600)


async def test_the_embedded_network_does_not_answer_a_client_that_has_had_its_calls() -> None:
    network = FakeModel([make_reply()])
    inner = budgeted(FakeModel([make_reply()]), FakeBudget(left=0, short_of="client"))

    with pytest.raises(ClientQuotaExceeded):
        await ask(LocalFallbackModel(inner, network, Metrics()))

    assert network.calls == 0


async def test_where_calls_are_counted_those_that_cost_nothing_are_too() -> None:
    budget = FakeBudget(prices=Prices(Decimal(0)), limits=Limits(client_calls=5))
    question = make_question()
    question.client = "user:a"

    await budgeted(FakeModel([make_reply()]), budget).ask(question)

    assert (budget.amounts, budget.clients) == ([Decimal(0)], ["user:a"])
