"""Sums of money that many processes add to at once, on both databases: never over their limit, never lost."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from secrets import token_hex

from app.config import Settings
from app.database import Database, Sql
from app.drivers.build import open_database
from app.models.budget import Limits, Reservation, Spent
from app.repositories.budget_repository import BudgetRepository

DAY, MONTH = "2026-11-29", "2026-11"
CENT = Decimal("0.01")


def asked(amount: Decimal = CENT, day: str = DAY) -> Reservation:
    return Reservation(token_hex(16), day, amount)


def limits(day: str | None = None, month: str | None = None) -> Limits:
    return Limits(None if day is None else Decimal(day), None if month is None else Decimal(month))


async def open_reservations(database: Database) -> int:
    ((count,),) = await database.fetch_all(Sql.same("SELECT COUNT(*) FROM budget_reservation"), {})
    return int(count)


async def test_of_many_processes_that_ask_at_once_as_many_have_it_as_the_budget_pays_for(
    settings: Settings, database: Database
) -> None:
    others = [await open_database(settings) for _ in range(2)]
    ledgers = [BudgetRepository(one) for one in (database, *others)]

    had = await asyncio.gather(*(ledgers[number % 3].reserve(asked(), limits("0.10"), 60) for number in range(60)))

    assert sum(had) == 10
    assert await ledgers[0].fetch_spent(DAY, MONTH) == (Spent(Decimal("0.10"), Decimal("0.10")),) * 2
    for other in others:
        await other.close()


async def test_what_one_of_two_budgets_does_not_pay_for_is_charged_to_neither(database: Database) -> None:
    ledger = BudgetRepository(database)
    assert await ledger.reserve(asked(), limits(), 60)

    assert not await ledger.reserve(asked(), limits(day="0.01", month="5"), 60)
    assert not await ledger.reserve(asked(), limits(day="5", month="0.01"), 60)
    assert not await ledger.reserve(asked(Decimal(6), "2026-12-01"), limits(day="5"), 60)

    assert await ledger.fetch_spent(DAY, MONTH) == (Spent(CENT, CENT),) * 2
    assert await ledger.fetch_spent("2026-12-01", "2026-12") == (Spent(), Spent())
    assert await open_reservations(database) == 1


async def test_days_are_summed_in_their_month_alone(database: Database) -> None:
    ledger = BudgetRepository(database)
    for day in ("2026-11-29", "2026-11-30", "2026-12-01", "2026-12-01"):
        assert await ledger.reserve(asked(day=day), limits(), 60)

    assert await ledger.fetch_spent("2026-11-30", "2026-11") == (Spent(CENT, CENT), Spent(2 * CENT, 2 * CENT))
    assert await ledger.fetch_spent("2026-12-01", "2026-12") == (Spent(2 * CENT, 2 * CENT),) * 2


async def test_what_a_question_cost_takes_the_place_of_what_was_set_aside_once(database: Database) -> None:
    ledger = BudgetRepository(database)
    dear, cheap, free = (asked() for _ in range(3))
    for one in (dear, cheap, free):
        await ledger.reserve(one, limits(), 60)

    for _ in range(2):
        await ledger.settle(dear, Decimal("0.0200000001"), is_billed=True)
        await ledger.settle(cheap, Decimal("0.0000816001"), is_billed=True)
        await ledger.settle(free, Decimal(0), is_billed=True)
        await ledger.settle(asked(), Decimal(7), is_billed=True)  # nothing was set aside for it

    assert await ledger.fetch_spent(DAY, MONTH) == (Spent(Decimal("0.0200816002")),) * 2
    assert await open_reservations(database) == 0


async def test_sums_are_exact(database: Database) -> None:
    """In floating point, a thousand times 0.0000816001 is not 0.0816001."""
    ledger = BudgetRepository(database)

    for _ in range(100):
        await ledger.reserve(asked(Decimal("0.0000816001")), limits(day="0.00816001"), 60)

    assert not await ledger.reserve(asked(Decimal("1e-10")), limits(day="0.00816001"), 60)
    of_day, _ = await ledger.fetch_spent(DAY, MONTH)
    assert of_day.total == Decimal("0.00816001")


async def test_the_largest_sums_fit(database: Database) -> None:
    ledger = BudgetRepository(database)

    for _ in range(100):
        assert await ledger.reserve(asked(Decimal(1_000_000)), limits(day="100000000"), 60)

    assert not await ledger.reserve(asked(Decimal(1_000_000)), limits(day="100000000"), 60)


async def test_what_a_process_that_died_had_set_aside_stays_spent_and_is_held_no_longer(database: Database) -> None:
    ledger = BudgetRepository(database)
    late = asked()
    await ledger.reserve(late, limits(), 0)
    await ledger.reserve(asked(), limits(), 60)

    assert await ledger.fetch_spent(DAY, MONTH) == (Spent(2 * CENT, CENT),) * 2
    assert await ledger.delete_ended(timedelta(hours=1), slice_rows=10) == 0
    assert await ledger.delete_ended(timedelta(0), slice_rows=10) == 1
    await ledger.settle(late, Decimal(0), is_billed=True)
    assert await ledger.fetch_spent(DAY, MONTH) == (Spent(2 * CENT, CENT),) * 2


async def test_each_share_of_a_budget_is_told_of_once(database: Database) -> None:
    ledger = BudgetRepository(database)
    await ledger.reserve(asked(), limits(), 60)

    told = await asyncio.gather(*(ledger.tell(DAY, 80) for _ in range(5)))

    assert sum(told) == 1
    assert [await ledger.tell(DAY, 100), await ledger.tell(DAY, 100), await ledger.tell(DAY, 80)] == [
        True, False, False,
    ]  # fmt: skip
    assert await ledger.tell(MONTH, 80)
    assert not await ledger.tell("2026-11-30", 80)  # of which nothing is spent


def called(client: str, amount: Decimal = CENT, day: str = DAY) -> Reservation:
    return Reservation(token_hex(16), day, amount, client)


async def test_of_many_calls_of_one_client_at_once_as_many_are_made_as_it_may_cause(database: Database) -> None:
    ledger, most = BudgetRepository(database), Limits(client_calls=3)

    had = await asyncio.gather(*(ledger.reserve(called("greedy"), most, 60) for _ in range(20)))

    assert sum(had) == 3
    assert await ledger.fetch_client_calls(DAY, "greedy") == 3
    assert await ledger.fetch_spent(DAY, MONTH) == (Spent(3 * CENT, 3 * CENT),) * 2
    assert await ledger.reserve(called("other"), most, 60)
    assert await ledger.reserve(called("greedy", day="2026-11-30"), most, 60)


async def test_a_call_without_an_amount_touches_no_sum(database: Database) -> None:
    ledger = BudgetRepository(database)
    await ledger.reserve(asked(), limits(day="0.01"), 60)

    assert await ledger.reserve(called("a", Decimal(0)), Limits(Decimal("0.001"), None, 5), 60)

    assert await ledger.fetch_client_calls(DAY, "a") == 1


async def test_a_call_that_is_not_billed_is_given_back_once(database: Database) -> None:
    ledger, most = BudgetRepository(database), Limits(client_calls=3)
    billed, unbilled = called("a"), called("a")
    for one in (billed, unbilled):
        await ledger.reserve(one, most, 60)

    for _ in range(2):
        await ledger.settle(billed, CENT, is_billed=True)
        await ledger.settle(unbilled, Decimal(0), is_billed=False)

    assert await ledger.fetch_client_calls(DAY, "a") == 1
    assert await ledger.fetch_spent(DAY, MONTH) == (Spent(CENT),) * 2


async def test_counts_of_clients_are_forgotten_when_their_day_is_over_everywhere(database: Database) -> None:
    ledger, today = BudgetRepository(database), datetime.now(UTC).date()
    for days in (0, 2, 3, 30):
        await ledger.reserve(called("a", day=(today - timedelta(days=days)).isoformat()), Limits(client_calls=3), 60)

    assert await ledger.delete_client_calls(timedelta(days=2), slice_rows=10) == 2
    assert await ledger.delete_client_calls(timedelta(days=2), slice_rows=10) == 0
