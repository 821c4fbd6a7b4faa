"""Money is set aside before a question and settled after it, and whoever goes without learns for how long."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from loguru import logger

from app.errors import DatabaseUnavailable
from app.models.budget import Limits, Reservation, Shortage
from app.models.domain import Usage
from app.models.prices import Prices
from app.observe.metrics import Metrics
from app.services.budget.budgets import HELD_SECONDS, Budgets
from tests.factories import make_call
from tests.support.ledger import FakeLedger
from tests.support.waiting import until

CENT = Decimal("0.01")
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


@dataclass
class House:
    """Budgets on a ledger that others may share, at an hour that a test sets."""

    day: str | None = "0.05"
    month: str | None = None
    client_calls: int | None = None
    ledger: FakeLedger = field(default_factory=FakeLedger)
    zone: str = "UTC"
    now: datetime = NOON
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        day, month = (None if limit is None else Decimal(limit) for limit in (self.day, self.month))
        limits = Limits(day, month, self.client_calls)
        prices = Prices(CENT, Decimal("0.10"), Decimal("0.50"))
        self.budgets = Budgets(self.ledger, limits, prices, ZoneInfo(self.zone), lambda: self.now, self.metrics)

    async def spend(
        self, times: int = 1, amount: Decimal = CENT, client: str = "user:a"
    ) -> list[Reservation | Shortage | None]:
        return [await self.budgets.reserve(amount, client, 30) for _ in range(times)]

    async def settle(self, reservation: Any, *calls: Any) -> None:
        self.budgets.settle(reservation, calls)
        await self.budgets.close(1)


@pytest.fixture
def lines() -> Iterator[list[tuple[str, str]]]:
    """What is logged: message and period."""
    told: list[tuple[str, str]] = []

    def note(message: Any) -> None:
        told.append((message.record["message"], message.record["extra"].get("period")))

    sink = logger.add(note, level="INFO")
    yield told
    logger.remove(sink)


async def test_a_budget_pays_for_as_many_questions_as_it_is_worth() -> None:
    house = House()

    answers = await house.spend(7)

    assert [isinstance(answer, Reservation) for answer in answers] == [True] * 5 + [False] * 2
    assert len({answer.id for answer in answers[:5] if isinstance(answer, Reservation)}) == 5


async def test_processes_share_a_budget() -> None:
    ledger = FakeLedger()
    houses = [House(ledger=ledger) for _ in range(3)]

    answers = [(await house.spend())[0] for house in houses * 3]

    assert sum(isinstance(answer, Reservation) for answer in answers) == 5


async def test_what_is_left_but_set_aside_may_come_back_and_is_worth_asking_for_soon() -> None:
    house = House()
    first, *_ = await house.spend(5)

    assert await house.spend() == [Shortage("held", HELD_SECONDS)]
    await house.settle(first)

    assert isinstance((await house.spend())[0], Reservation)


@pytest.mark.parametrize(
    ("zone", "hours"), [("UTC", 12), ("Asia/Shanghai", 4), ("America/New_York", 17), ("Europe/Berlin", 11)]
)
async def test_a_spent_day_is_over_at_midnight_where_the_operator_lives(zone: str, hours: int) -> None:
    house = House(zone=zone)
    await house.spend(5)
    house.ledger.die()

    assert await house.spend() == [Shortage("day", hours * 3600)]


async def test_a_spent_month_is_over_with_the_month_even_where_the_day_is_spent_too() -> None:
    house = House(day="0.05", month="0.05")
    await house.spend(5)
    house.ledger.die()

    assert await house.spend() == [Shortage("month", 36 * 3600)]


async def test_a_month_of_31_days_ends_after_them() -> None:
    house = House(day=None, month="0.01", now=datetime(2026, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC))
    await house.spend()
    house.ledger.die()

    assert await house.spend() == [Shortage("month", 1)]


async def test_all_is_free_again_the_next_day() -> None:
    house = House()
    await house.spend(5)
    house.ledger.die()
    assert await house.spend() == [Shortage("day", 12 * 3600)]

    house.now += timedelta(hours=12)

    assert all(isinstance(answer, Reservation) for answer in await house.spend(5))


async def test_those_who_keep_asking_for_a_spent_budget_do_not_reach_the_database() -> None:
    house = House()
    await house.spend(5)
    house.ledger.die()
    await house.spend()
    before = house.ledger.reserves

    assert await house.spend(100) == [Shortage("day", 12 * 3600)] * 100
    assert house.ledger.reserves == before
    house.now += timedelta(seconds=6)
    await house.spend()
    assert house.ledger.reserves == before + 1


async def test_what_others_give_back_at_that_very_moment_is_had() -> None:
    house = House()
    answers = await house.spend(5)
    fetch = house.ledger.fetch_spent

    async def fetch_late(day: str, month: str) -> Any:
        await house.ledger.settle(answers[0], Decimal(0), is_billed=True)  # type: ignore[arg-type]
        return await fetch(day, month)

    house.ledger.fetch_spent = fetch_late  # type: ignore[method-assign]

    assert isinstance((await house.spend())[0], Reservation)


async def test_a_question_is_charged_at_its_tokens_price_and_a_failed_one_as_the_statistics_count_it() -> None:
    house = House()
    answered, unanswered, turned_away, unasked = await house.spend(4)

    await house.settle(answered, make_call(usage=Usage(1000, 100)))
    await house.settle(unanswered, make_call(outcome="timeout", usage=Usage()))
    await house.settle(turned_away, make_call(outcome="unavailable", usage=Usage()))
    await house.settle(unasked)

    assert house.ledger.of("2026-11-29") == Decimal("0.00015") + CENT
    assert house.ledger.held == {}


async def test_a_question_of_before_midnight_is_charged_to_its_own_day() -> None:
    house = House()
    (before,) = await house.spend()

    house.now += timedelta(hours=13)
    await house.settle(before, make_call(usage=Usage(1000, 100)))

    assert house.ledger.spent == {"2026-11-29": Decimal("0.00015"), "2026-11": Decimal("0.00015")}


async def test_what_cannot_be_settled_stays_charged_and_is_tried_a_second_time() -> None:
    house = House()
    first, second = await house.spend(2)

    house.ledger.failures = 1
    await house.settle(first)
    house.ledger.failures = 2
    await house.settle(second)

    assert house.ledger.of("2026-11-29") == CENT


async def test_where_nobody_knows_whether_something_was_set_aside_it_is_given_back() -> None:
    house = House()
    house.ledger.gate.clear()
    asking = asyncio.create_task(house.spend())
    await until(lambda: bool(house.ledger.held))

    asking.cancel()
    await asyncio.wait([asking])
    await house.budgets.close(1)

    assert (house.ledger.of("2026-11-29"), house.ledger.held) == (Decimal(0), {})


async def test_without_the_database_nothing_is_set_aside() -> None:
    house = House()
    house.ledger.away = True

    with pytest.raises(DatabaseUnavailable):
        await house.spend()


async def test_the_log_tells_once_for_all_processes_of_four_fifths_and_of_the_end(
    lines: list[tuple[str, str]],
) -> None:
    ledger = FakeLedger()
    one, another = House(ledger=ledger), House(ledger=ledger)
    expected: list[tuple[str, str]] = []

    await one.spend(3)
    await one.budgets.look()
    assert lines == expected
    await another.spend()
    for house in (one, another, one):
        await house.budgets.look()
    expected.append(("four fifths of a budget are spent", "2026-11-29"))
    assert lines == expected
    await one.spend()
    for house in (one, another, one):
        await house.budgets.look()
    expected.append(("a budget is spent: no model is asked", "2026-11-29"))
    assert lines == expected

    one.now += timedelta(days=1)
    await one.spend(5)
    await one.budgets.look()
    assert lines[2:] == [(line, "2026-11-30") for line, _ in expected]


async def test_a_budget_that_is_left_with_less_than_a_question_costs_is_told_to_be_spent(
    lines: list[tuple[str, str]],
) -> None:
    house = House(day=None, month="0.05")
    await house.spend(1, Decimal("0.03"))
    house.ledger.die()

    await house.spend(2, Decimal("0.03"))

    assert lines == [
        ("four fifths of a budget are spent", "2026-11"),
        ("a budget is spent: no model is asked", "2026-11"),
    ]


async def test_the_metrics_say_what_is_spent_today_and_who_went_without() -> None:
    house = House(month="1")
    assert house.budgets.read_spent("day") == 0
    await house.spend(6)
    house.ledger.die()
    await house.spend(2)
    await house.budgets.look()

    assert (house.budgets.read_spent("day"), house.budgets.read_spent("month")) == (0.05, 0.05)
    assert house.metrics.budget_refusals.tallies == {("day",): 2, ("month",): 0, ("held",): 1}
    house.now += timedelta(days=1)
    assert (house.budgets.read_spent("day"), house.budgets.read_spent("month")) == (0, 0.05)
    house.now += timedelta(days=1)
    assert (house.budgets.read_spent("day"), house.budgets.read_spent("month")) == (0, 0)


async def test_each_client_has_its_calls_of_the_day_and_no_other_pays_for_it() -> None:
    house = House(day=None, client_calls=2)

    greedy = await house.spend(4, client="user:greedy")
    other = await house.spend(2, client="user:other")

    assert greedy[2:] == [Shortage("client", 12 * 3600)] * 2
    assert all(isinstance(answer, Reservation) for answer in greedy[:2] + other)
    assert house.metrics.quota_refusals.tallies == {("share",): 0, ("daily",): 2}
    house.now += timedelta(hours=12)
    assert isinstance((await house.spend(client="user:greedy"))[0], Reservation)


async def test_a_client_that_has_had_its_calls_is_told_so_and_not_that_money_is_spent() -> None:
    house = House(day="0.05", client_calls=1)

    _, refused = await house.spend(2)

    assert refused == Shortage("client", 12 * 3600)
    assert house.ledger.of("2026-11-29") == CENT


async def test_a_call_that_the_vendor_does_not_bill_is_no_call_of_the_client() -> None:
    house = House(day=None, client_calls=1)

    for outcome in ("unavailable", "rejected", "misconfigured"):
        (reserved,) = await house.spend()
        await house.settle(reserved, make_call(outcome=outcome, usage=Usage()))
    (reserved,) = await house.spend()
    await house.settle(reserved, make_call(outcome="timeout", usage=Usage()))

    assert await house.spend() == [Shortage("client", 12 * 3600)]


async def test_where_calls_alone_are_counted_no_money_is_set_aside_or_charged() -> None:
    house = House(day=None, client_calls=9)

    (reserved,) = await house.spend()
    await house.settle(reserved, make_call(usage=Usage(1000, 100)))

    assert house.ledger.spent == {"2026-11-29": Decimal(0), "2026-11": Decimal(0)}


async def test_where_calls_alone_are_counted_an_outage_of_the_database_stops_nobody() -> None:
    house = House(day=None, client_calls=1)
    house.ledger.away = True

    assert await house.spend(3) == [None] * 3


async def test_what_costs_nothing_is_asked_though_money_is_spent() -> None:
    house = House(client_calls=100)
    await house.spend(5)
    house.ledger.die()
    assert await house.spend() == [Shortage("day", 12 * 3600)]

    assert isinstance((await house.spend(1, Decimal(0)))[0], Reservation)


async def test_a_client_is_on_record_as_a_hash() -> None:
    house = House(client_calls=9)

    await house.spend(client="user:jose")

    ((_, client),) = house.ledger.calls
    assert len(client) == 64
    assert "jose" not in client
