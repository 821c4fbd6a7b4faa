"""Near matches that a model was asked about all the same: how often both agreed. SQL only.

Trials are written with the records of their request (`name_statements`).
"""

from dataclasses import dataclass
from datetime import datetime

from app.database import Database, Params, Sql, to_sql_time
from app.models.near import CategoryTrials, TrialTotals
from app.repositories.categories import category_of

_TIMEOUT_SECONDS = 30.0

_SUM_LATEST = Sql.same("""
SELECT COUNT(*), SUM(CASE WHEN near_category <> model_category THEN 1 ELSE 0 END)
FROM (SELECT near_category, model_category FROM near_trial ORDER BY id DESC LIMIT :count) AS latest
""")

_SUM_BY_CATEGORY = Sql.same("""
SELECT /*+ MAX_EXECUTION_TIME(30000) */
  near_category, COUNT(*) AS comparisons, SUM(CASE WHEN near_category <> model_category THEN 1 ELSE 0 END)
FROM near_trial
WHERE created_at >= :start AND created_at < :end
GROUP BY near_category
ORDER BY comparisons DESC, near_category
""")


@dataclass(frozen=True, slots=True)
class TrialRepository:
    """Sums over trials. Both methods raise `DatabaseUnavailable`."""

    database: Database

    async def sum_latest(self, count: int) -> TrialTotals:
        """Sum up the last `count` trials, in the order in which they were written."""
        ((comparisons, disagreed),) = await self.database.fetch_all(_SUM_LATEST, {"count": count})
        return TrialTotals(comparisons, int(disagreed or 0))

    async def sum_by_category(self, start: datetime, end: datetime) -> list[CategoryTrials]:
        """Sum up the trials from `start` up to, not including, `end`; the category with the most comes first."""
        span: Params = {"start": to_sql_time(start), "end": to_sql_time(end)}
        rows = await self.database.fetch_all(_SUM_BY_CATEGORY, span, timeout_seconds=_TIMEOUT_SECONDS)
        sums = [(category_of(text), comparisons, int(disagreed)) for text, comparisons, disagreed in rows]
        return [CategoryTrials(category, *both) for category, *both in sums if category]
