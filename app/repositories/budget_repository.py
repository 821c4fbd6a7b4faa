"""What questions to models cost in a day and in a month, what is set aside for those under way, and how many are whose.
SQL only.

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

_COUNT_CALL = Sql(
    mysql="""
INSERT INTO client_calls (day, client, calls)
VALUES (:day, :client, 1)
ON DUPLICATE KEY UPDATE calls = IF(client_calls.calls < :most, client_calls.calls + 1, NULL)
""",
    sqlite="""
INSERT INTO client_calls (day, client, calls)
VALUES (:day, :client, 1)
ON CONFLICT (day, client) DO UPDATE SET calls = CASE WHEN client_calls.calls < :most THEN client_calls.calls + 1 END
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

_GIVE_CALL_BACK = Sql.same("""
UPDATE client_calls SET calls = calls - 1
WHERE day = :day AND client = :client AND EXISTS (SELECT 1 FROM budget_reservation WHERE id = :id)
""")

_DELETE_RESERVATION = Sql.same("DELETE FROM budget_reservation WHERE id = :id")

_SELECT_CALLS = Sql.same("SELECT calls FROM client_calls WHERE day = :day AND client = :client")

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

# By the database's clock, in days that are nobody's: two of them are more than any time zone's yesterday.
_DELETE_CALLS = Sql(
    mysql="""
DELETE FROM client_calls
WHERE day < DATE_FORMAT(NOW() - INTERVAL :seconds SECOND, '%Y-%m-%d') ORDER BY day, client LIMIT :slice
""",
    sqlite="""
DELETE FROM client_calls
WHERE rowid IN (
  SELECT rowid FROM client_calls
  WHERE day < date('now', -:seconds || ' seconds') ORDER BY day, client LIMIT :slice
)
""",
)


@dataclass(frozen=True, slots=True)
class BudgetRepository:
    """Keeps the sums. Every method raises `DatabaseUnavailable`. Rows are locked in one order: month, day, client."""

    database: Database

    async def reserve(self, reservation: Reservation, limits: Limits, seconds: int) -> bool:
        """Set an amount aside, and a call of the client, unless the day or the month would cost more than its limit or
        the client has had its calls. Whether it was.

        After `seconds` it is no longer taken for that of a question that is under way. It stays spent.
        """
        amount = _to_whole(reservation.amount)
        held: Params = {"id": reservation.id, "day": reservation.day, "amount": amount, "seconds": seconds}
        statements: list[Statement] = []
        if amount:
            statements += [
                (_SPEND, {"period": reservation.month, "amount": amount, "most": _most(limits.month)}),
                (_SPEND, {"period": reservation.day, "amount": amount, "most": _most(limits.day)}),
            ]
        if reservation.client is not None and limits.client_calls is not None:
            whose: Params = {"day": reservation.day, "client": reservation.client}
            statements.append((_COUNT_CALL, {**whose, "most": limits.client_calls}))
        statements.append((_INSERT_RESERVATION, held))
        try:
            await self.database.commit(statements)
        except ConstraintError:
            return False
        return True

    async def settle(self, reservation: Reservation, cost: Decimal, *, is_billed: bool) -> None:
        """Put what a question really cost in the place of what was set aside for it, once, however often it is said.

        One that the vendor does not bill is no call of the client either.
        """
        difference = _to_whole(cost) - _to_whole(reservation.amount)
        statements: list[Statement] = []
        if difference:
            periods: Params = {"month": reservation.month, "day": reservation.day}
            statements.append((_CORRECT_SPENT, {**periods, "difference": difference, "id": reservation.id}))
        if reservation.client is not None and not is_billed:
            whose: Params = {"day": reservation.day, "client": reservation.client}
            statements.append((_GIVE_CALL_BACK, {**whose, "id": reservation.id}))
        await self.database.commit([*statements, (_DELETE_RESERVATION, {"id": reservation.id})])

    async def fetch_client_calls(self, day: str, client: str) -> int:
        """Return how many calls of the day are a client's."""
        rows = await self.database.fetch_all(_SELECT_CALLS, {"day": day, "client": client})
        return int(rows[0][0]) if rows else 0

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

    async def delete_client_calls(self, age: timedelta, *, slice_rows: int) -> int:
        """Delete up to `slice_rows` counts of days that ended so long ago."""
        params: Params = {"seconds": int(age.total_seconds()), "slice": slice_rows}
        return await self.database.execute(_DELETE_CALLS, params)


def _most(limit: Decimal | None) -> int:
    return _NO_LIMIT if limit is None else _to_whole(limit)


def _to_whole(amount: Decimal) -> int:
    return int(amount.scaleb(_PLACES).to_integral_value(ROUND_HALF_UP))


def _to_money(whole: int | Decimal) -> Decimal:
    return Decimal(whole).scaleb(-_PLACES)
