"""The specification's statistics (section 7.4) as counts and sums. SQL only.

Rates, averages and costs are worked out by the service from these whole numbers: exact on both databases, where
SQLite's own division is not, and still possible when the sums come from somewhere else than one big scan.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.database import Database, Params, Row, Sql, from_sql_time, to_sql_time
from app.models.domain import LOCAL_PROVIDER, Category, Usage
from app.models.statistics import ImageStatistics
from app.repositories.categories import CATEGORIES_JSON, category_of

# Seconds a statistic may take: over millions of rows it is longer than any lookup may. The hint tells MySQL the same
# (in milliseconds); to SQLite it is a comment.
_TIMEOUT_SECONDS = 30.0

_SELECT_TODAY = Sql.same("""
SELECT /*+ MAX_EXECUTION_TIME(30000) */
  COUNT(*),
  SUM(CASE WHEN from_cache = 1 THEN 1 ELSE 0 END),
  COUNT(DISTINCT user_id),
  COUNT(DISTINCT ip_address),
  SUM(processing_time_ms),
  COUNT(processing_time_ms)
FROM request_log
WHERE created_at >= :start AND created_at < :end
""")

_SELECT_CACHE_TOTALS = Sql.same("""
SELECT /*+ MAX_EXECUTION_TIME(30000) */ COUNT(*), SUM(hit_count), MAX(hit_count)
FROM image_classification_cache
""")

_SELECT_CATEGORIES = Sql.same("""
SELECT /*+ MAX_EXECUTION_TIME(30000) */ category, COUNT(*) AS requests, SUM(confidence)
FROM request_log
WHERE created_at >= :start AND created_at < :end
GROUP BY category
ORDER BY requests DESC, category
""")

# Equal hit counts: newest first, the order in which the index already has them.
_SELECT_TOP_IMAGES = Sql(
    mysql="""
SELECT /*+ MAX_EXECUTION_TIME(30000) */ image_hash, category, confidence, hit_count, created_at, last_hit_at
FROM image_classification_cache
WHERE JSON_CONTAINS(:categories, JSON_QUOTE(category))
ORDER BY hit_count DESC, id DESC
LIMIT :limit
""",
    sqlite="""
SELECT image_hash, category, confidence, hit_count, created_at, last_hit_at
FROM image_classification_cache
WHERE category IN (SELECT value FROM json_each(:categories))
ORDER BY hit_count DESC, id DESC
LIMIT :limit
""",
)

_SELECT_TOP_USERS = Sql.same("""
SELECT /*+ MAX_EXECUTION_TIME(30000) */
  user_id,
  COUNT(*) AS requests,
  SUM(CASE WHEN from_cache = 1 THEN 1 ELSE 0 END),
  MIN(created_at),
  MAX(created_at)
FROM request_log
WHERE user_id IS NOT NULL
GROUP BY user_id
ORDER BY requests DESC, user_id
LIMIT :limit
""")

# The embedded network is no vendor. SQLite has no decimals: there costs are summed as whole numbers of the tenth place.
_SELECT_TOKENS = Sql(
    mysql="""
SELECT /*+ MAX_EXECUTION_TIME(30000) */
  COUNT(*), COUNT(DISTINCT image_hash), SUM(input_tokens), SUM(output_tokens), SUM(cached_tokens),
  SUM(cost * 10000000000),
  SUM(CASE WHEN cost IS NULL THEN input_tokens END), SUM(CASE WHEN cost IS NULL THEN output_tokens END)
FROM model_call
WHERE created_at >= :start AND created_at < :end AND COALESCE(provider, '') <> :local
""",
    sqlite="""
SELECT
  COUNT(*), COUNT(DISTINCT image_hash), SUM(input_tokens), SUM(output_tokens), SUM(cached_tokens),
  SUM(CAST(ROUND(cost * 10000000000) AS INTEGER)),
  SUM(CASE WHEN cost IS NULL THEN input_tokens END), SUM(CASE WHEN cost IS NULL THEN output_tokens END)
FROM model_call
WHERE created_at >= :start AND created_at < :end AND COALESCE(provider, '') <> :local
""",
)


@dataclass(frozen=True, slots=True)
class TokenTotals:
    """Sums over the questions that vendors' models were asked, whatever became of them."""

    calls: int
    images: int
    """Distinct ones that were asked about."""

    usage: Usage
    cost: Decimal
    """Of those whose cost is on record, at the prices of their moments."""

    unpriced: Usage
    """The tokens of those whose cost is not: they were asked before costs were kept."""


@dataclass(frozen=True, slots=True)
class RequestTotals:
    """Sums over the request log. `timed_requests` are those that `total_processing_ms` sums up."""

    requests: int
    cache_hits: int
    unique_users: int
    unique_ips: int
    total_processing_ms: int
    timed_requests: int


@dataclass(frozen=True, slots=True)
class CacheTotals:
    """Sums over the cached images."""

    images: int
    hits: int
    max_hits: int


@dataclass(frozen=True, slots=True)
class CategoryTotals:
    """Sums over the requests that were answered with one category."""

    category: Category
    requests: int
    total_confidence: Decimal


@dataclass(frozen=True, slots=True)
class UserTotals:
    """Sums over the requests of one user."""

    user_id: str
    requests: int
    cache_hits: int
    first_request: datetime
    last_request: datetime


@dataclass(frozen=True, slots=True)
class StatsRepository:
    """Sums over the tables. Every method raises `DatabaseUnavailable`.

    Rows whose category is none of ours count in totals, and are left out where a category is told.
    """

    database: Database

    async def sum_requests(self, start: datetime, end: datetime) -> RequestTotals:
        """Sum up the requests from `start` up to, not including, `end`."""
        (row,) = await self._fetch(_SELECT_TODAY, _span(start, end))
        return RequestTotals(*(int(value or 0) for value in row))

    async def sum_cache(self) -> CacheTotals:
        """Sum up all cached images."""
        (row,) = await self._fetch(_SELECT_CACHE_TOTALS, {})
        return CacheTotals(*(int(value or 0) for value in row))

    async def sum_categories(self, start: datetime, end: datetime) -> list[CategoryTotals]:
        """Sum up the requests of a span by category, most frequent first."""
        rows = [
            (category_of(text), count, total)
            for text, count, total in await self._fetch(_SELECT_CATEGORIES, _span(start, end))
        ]
        return [CategoryTotals(category, count, _four_places(total)) for category, count, total in rows if category]

    async def sum_tokens(self, start: datetime, end: datetime) -> TokenTotals:
        """Sum up the questions that vendors were asked from `start` up to, not including, `end`."""
        (row,) = await self._fetch(_SELECT_TOKENS, {**_span(start, end), "local": LOCAL_PROVIDER})
        calls, images, paid, output, cached, cost, unpriced_input, unpriced_output = (int(value or 0) for value in row)
        return TokenTotals(
            calls=calls,
            images=images,
            usage=Usage(paid, output, cached),
            cost=Decimal(cost).scaleb(-10),
            unpriced=Usage(unpriced_input, unpriced_output),
        )

    async def fetch_top_images(self, limit: int) -> list[ImageStatistics]:
        """Return the images most often asked for."""
        params: Params = {"limit": limit, "categories": CATEGORIES_JSON}
        return [
            ImageStatistics(
                image_hash, Category(category), float(confidence), hits, from_sql_time(born), from_sql_time(last)
            )
            for image_hash, category, confidence, hits, born, last in await self._fetch(_SELECT_TOP_IMAGES, params)
        ]

    async def fetch_top_users(self, limit: int) -> list[UserTotals]:
        """Return the users with the most requests."""
        return [
            UserTotals(user_id, requests, int(hits), from_sql_time(first), from_sql_time(last))
            for user_id, requests, hits, first, last in await self._fetch(_SELECT_TOP_USERS, {"limit": limit})
        ]

    async def _fetch(self, sql: Sql, params: Params) -> list[Row]:
        return await self.database.fetch_all(sql, params, timeout_seconds=_TIMEOUT_SECONDS)


def _span(start: datetime, end: datetime) -> Params:
    return {"start": to_sql_time(start), "end": to_sql_time(end)}


def _four_places(total: Decimal | float) -> Decimal:
    """Return a sum of confidences, which have four decimals each, without SQLite's rounding error."""
    return Decimal(total).quantize(Decimal("0.0001"))
