"""The specification's statistics (section 7.4) as counts and sums. SQL only.

Rates, averages and costs are worked out by the service from these whole numbers: exact on both databases, where
SQLite's own division is not, and still possible when the sums come from somewhere else than one big scan.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.database import Database, Params, Row, Sql, from_sql_time, to_sql_time
from app.models.domain import LOCAL_MODEL, Category, Usage

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
_SELECT_TOP_IMAGES = Sql.same("""
SELECT /*+ MAX_EXECUTION_TIME(30000) */ image_hash, category, confidence, hit_count, created_at, last_hit_at
FROM image_classification_cache
ORDER BY hit_count DESC, id DESC
LIMIT :limit
""")

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

_SELECT_TOKENS = Sql.same("""
SELECT /*+ MAX_EXECUTION_TIME(30000) */ COUNT(*), SUM(input_tokens), SUM(output_tokens), SUM(cached_tokens)
FROM (
  SELECT input_tokens, output_tokens, cached_tokens FROM image_classification_cache
  WHERE created_at >= :start AND created_at < :end AND model_used <> :local
  UNION ALL
  SELECT input_tokens, output_tokens, cached_tokens FROM classification_refusal
  WHERE refused_at >= :start AND refused_at < :end
) AS paid
""")


@dataclass(frozen=True, slots=True)
class TokenTotals:
    """Sums over the images that a model was asked about, refused ones included."""

    images: int
    usage: Usage


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
class TopImage:
    """A cached image and how often it has been asked for."""

    image_hash: str
    category: Category
    confidence: float
    hit_count: int
    created_at: datetime
    last_hit_at: datetime


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
    """Sums over both tables. Every method raises `DatabaseUnavailable`."""

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
        rows = await self._fetch(_SELECT_CATEGORIES, _span(start, end))
        return [CategoryTotals(Category(category), count, _four_places(total)) for category, count, total in rows]

    async def sum_tokens(self, start: datetime, end: datetime) -> TokenTotals:
        """Sum up the tokens paid for images first asked about from `start` up to, not including, `end`."""
        (row,) = await self._fetch(_SELECT_TOKENS, {**_span(start, end), "local": LOCAL_MODEL})
        images, *tokens = (int(value or 0) for value in row)
        return TokenTotals(images, Usage(*tokens))

    async def fetch_top_images(self, limit: int) -> list[TopImage]:
        """Return the images most often asked for."""
        return [
            TopImage(image_hash, Category(category), float(confidence), hits, from_sql_time(born), from_sql_time(last))
            for image_hash, category, confidence, hits, born, last in await self._fetch(
                _SELECT_TOP_IMAGES, {"limit": limit}
            )
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
