"""What questions to models cost in a day and in a month, and what is set aside for those under way. SQL only.

What is set aside counts as spent from the first. So what a process that dies leaves behind needs nobody to clear it up,
and one row says alone whether there is money left. Amounts are whole numbers of ten-billionths: SQLite has no decimals.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from app.database import ConstraintError, Database, Params, Sql, Statement
from app.models.budget import Limits, Reservation, Spent

_PLACES = 10
_NO_LIMIT = 9 * 10**18
"""Below what a BIGINT holds, by more than any single amount."""

# NULL breaks the column's constraint, and with it goes the whole transaction: of many that ask for the last of a budget
# at once, one has it.
_SPEND = Sql(
    mysql="""
INSERT INTO budget (period, spent)
VALUES (:period, IF(:amount <= :most, :amount, NULL))
ON DUPLICATE KEY UPDATE spent = IF(budget.spent + :amount <= :most, budget.spent + :amount, NULL)
""",
    sqlite="""
INSERT INTO budget (period, spent)
VALUES (:period, CASE WHEN :amount <= :most THEN :amount END)
ON CONFLICT (period) DO UPDATE SET
  spent = CASE WHEN budget.spent + :amount <= :most THEN budget.spent + :amount END
""",
)

_INSERT_RESERVATION = Sql(
    mysql="""
INSERT INTO budget_reservation (id, day, amount, expires_at)
VALUES (:id, :day, :amount, NOW(3) + INTERVAL :seconds SECOND)
""",
    sqlite="""
INSERT INTO budget_reservation (id, day, amount, expires_at)
VALUES (:id, :day, :amount, strftime('%Y-%m-%d %H:%M:%f', 'now', :seconds || ' seconds'))
""",
)

# Only while the reservation is there: to settle twice is harmless.
_CORRECT_SPENT = Sql.same("""
UPDATE budget SET spent = spent + :difference
WHERE period IN (:month, :day) AND EXISTS (SELECT 1 FROM budget_reservation WHERE id = :id)
""")

_DELETE_RESERVATION = Sql.same("DELETE FROM budget_reservation WHERE id = :id")

_SELECT_SPENT = Sql(
    mysql="""
SELECT period, spent, (
  SELECT COALESCE(SUM(r.amount), 0) FROM budget_reservation AS r
  WHERE r.expires_at > NOW(3) AND LEFT(r.day, CHAR_LENGTH(budget.period)) = budget.period
)
FROM budget WHERE period IN (:month, :day)
""",
    sqlite="""
SELECT period, spent, (
  SELECT COALESCE(SUM(r.amount), 0) FROM budget_reservation AS r
  WHERE r.expires_at > strftime('%Y-%m-%d %H:%M:%f', 'now') AND substr(r.day, 1, length(budget.period)) = budget.period
)
FROM budget WHERE period IN (:month, :day)
""",
)

_TELL = Sql.same("UPDATE budget SET told = :percent WHERE period = :period AND told < :percent")

_DELETE_ENDED = Sql(
    mysql="""
DELETE FROM budget_reservation
WHERE expires_at < NOW(3) - INTERVAL :seconds SECOND ORDER BY expires_at LIMIT :slice
""",
    sqlite="""
DELETE FROM budget_reservation
WHERE id IN (
  SELECT id FROM budget_reservation
  WHERE expires_at < strftime('%Y-%m-%d %H:%M:%f', 'now', -:seconds || ' seconds') ORDER BY expires_at LIMIT :slice
)
""",
)


@dataclass(frozen=True, slots=True)
class BudgetRepository:
    """Keeps the sums. Every method raises `DatabaseUnavailable`. Rows are locked in one order: month, then day."""

    database: Database

    async def reserve(self, reservation: Reservation, limits: Limits, seconds: int) -> bool:
        """Set an amount aside, unless the day or the month would cost more than its limit. Whether it was.

        After `seconds` it is no longer taken for that of a question that is under way. It stays spent.
        """
        amount = _to_whole(reservation.amount)
        held: Params = {"id": reservation.id, "day": reservation.day, "amount": amount, "seconds": seconds}
        statements: list[Statement] = [
            (_SPEND, {"period": reservation.month, "amount": amount, "most": _most(limits.month)}),
            (_SPEND, {"period": reservation.day, "amount": amount, "most": _most(limits.day)}),
            (_INSERT_RESERVATION, held),
        ]
        try:
            await self.database.commit(statements)
        except ConstraintError:
            return False
        return True

    async def settle(self, reservation: Reservation, cost: Decimal) -> None:
        """Put what a question really cost in the place of what was set aside for it, once, however often it is said."""
        difference = _to_whole(cost) - _to_whole(reservation.amount)
        periods: Params = {"month": reservation.month, "day": reservation.day}
        await self.database.commit(
            [
                (_CORRECT_SPENT, {**periods, "difference": difference, "id": reservation.id}),
                (_DELETE_RESERVATION, {"id": reservation.id}),
            ]
        )

    async def fetch_spent(self, day: str, month: str) -> tuple[Spent, Spent]:
        """Return what the day has cost, and what the month has."""
        rows = await self.database.fetch_all(_SELECT_SPENT, {"day": day, "month": month})
        spent = {period: Spent(_to_money(total), _to_money(held)) for period, total, held in rows}
        return spent.get(day, Spent()), spent.get(month, Spent())

    async def tell(self, period: str, percent: int) -> bool:
        """Whether nobody has told yet, in any process, that so much of a period's budget is spent."""
        return await self.database.execute(_TELL, {"period": period, "percent": percent}) > 0

    async def delete_ended(self, age: timedelta, *, slice_rows: int) -> int:
        """Delete up to `slice_rows` reservations that ended so long ago: their processes died. They stay spent."""
        params: Params = {"seconds": int(age.total_seconds()), "slice": slice_rows}
        return await self.database.execute(_DELETE_ENDED, params)


def _most(limit: Decimal | None) -> int:
    return _NO_LIMIT if limit is None else _to_whole(limit)


def _to_whole(amount: Decimal) -> int:
    return int(amount.scaleb(_PLACES).to_integral_value(ROUND_HALF_UP))


def _to_money(whole: int | Decimal) -> Decimal:
    return Decimal(whole).scaleb(-_PLACES)
