"""What was asked of which model, and what came of it, as sums over `model_call`. SQL only."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.database import Database, Params, Row, Sql, to_sql_time
from app.models.domain import Usage
from app.models.model_statistics import CallTotals

_TIMEOUT_SECONDS = 30.0

# SQLite has no decimals: costs are summed there as whole numbers of their tenth place.
_SUM_CALLS = Sql(
    mysql="""
SELECT /*+ MAX_EXECUTION_TIME(30000) */
  provider, model, lane, outcome, COUNT(*), SUM(input_tokens), SUM(output_tokens), SUM(cached_tokens),
  SUM(cost * 10000000000),
  SUM(CASE WHEN cost IS NULL THEN input_tokens END), SUM(CASE WHEN cost IS NULL THEN output_tokens END),
  COUNT(duration_ms), SUM(duration_ms)
FROM model_call
WHERE created_at >= :start AND created_at < :end
GROUP BY provider, model, lane, outcome
""",
    sqlite="""
SELECT
  provider, model, lane, outcome, COUNT(*), SUM(input_tokens), SUM(output_tokens), SUM(cached_tokens),
  SUM(CAST(ROUND(cost * 10000000000) AS INTEGER)),
  SUM(CASE WHEN cost IS NULL THEN input_tokens END), SUM(CASE WHEN cost IS NULL THEN output_tokens END),
  COUNT(duration_ms), SUM(duration_ms)
FROM model_call
WHERE created_at >= :start AND created_at < :end
GROUP BY provider, model, lane, outcome
""",
)


@dataclass(frozen=True, slots=True)
class ModelRepository:
    """Sums up the questions to models."""

    database: Database

    async def sum_calls(self, start: datetime, end: datetime) -> list[CallTotals]:
        """Sum up the questions asked from `start` up to, not including, `end`. Raises `DatabaseUnavailable`."""
        span: Params = {"start": to_sql_time(start), "end": to_sql_time(end)}
        rows = await self.database.fetch_all(_SUM_CALLS, span, timeout_seconds=_TIMEOUT_SECONDS)
        return [_totals(row) for row in rows]


def _totals(row: Row) -> CallTotals:
    provider, model, lane, outcome, *sums = row
    calls, paid, output, cached, cost, unpriced_input, unpriced_output, timed, total_ms = (
        int(one or 0) for one in sums
    )
    return CallTotals(
        provider=provider,
        model=model,
        lane=lane,
        outcome=outcome,
        calls=calls,
        usage=Usage(paid, output, cached),
        cost=Decimal(cost).scaleb(-10),
        unpriced=Usage(unpriced_input, unpriced_output),
        timed_calls=timed,
        total_ms=total_ms,
    )
