"""The specification's statistics (section 7.4) as counts and sums. SQL only.

Rates, averages and costs are worked out by the service from these whole numbers: exact on both databases, where
SQLite's own division is not. They come from the rollups (`docs/decisions/0021-rollups.md`), whatever the tables hold.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.database import Params, Reader, Row, Sql, from_sql_time, to_sql_time
from app.models.domain import LOCAL_PROVIDER, Category, Usage
from app.models.statistics import ImageStatistics
from app.repositories.categories import CATEGORY_NAMES, category_of
from app.repositories.rollup_reader import CALLS, CATEGORIES, DISTINCT, LATENCIES, REQUESTS, RollupReader
from app.repositories.rollup_sums import ADDRESS, ALL_DAYS, HIT, IMAGE, PAID, USER, Sums
from app.utils.days import DaySpan

# Seconds a statistic may take. The hint tells MySQL the same (in milliseconds); to SQLite it is a comment.
_TIMEOUT_SECONDS = 30.0

# The first by the scale of their hits say on which scales the first by the hits themselves are: all rows of these are
# sorted, some hundreds. Equal hits: newest first.
_SELECT_TOP_IMAGES = Sql(
    mysql="""
SELECT /*+ MAX_EXECUTION_TIME(30000) */
  c.image_hash, c.category, c.confidence, c.hit_count, c.created_at, c.last_hit_at
FROM (
  SELECT DISTINCT hit_scale FROM (
    SELECT hit_scale FROM image_classification_cache
    WHERE category IN :categories
    ORDER BY hit_scale DESC LIMIT :limit
  ) AS first
) AS scale
STRAIGHT_JOIN image_classification_cache AS c FORCE INDEX (idx_hit_scale) ON c.hit_scale = scale.hit_scale
WHERE c.category IN :categories
ORDER BY c.hit_count DESC, c.id DESC
LIMIT :limit
""",
    sqlite="""
SELECT c.image_hash, c.category, c.confidence, c.hit_count, c.created_at, c.last_hit_at
FROM (
  SELECT DISTINCT hit_scale FROM (
    SELECT hit_scale FROM image_classification_cache
    WHERE category IN (SELECT value FROM json_each(:categories))
    ORDER BY hit_scale DESC LIMIT :limit
  ) AS first
) AS scale
CROSS JOIN image_classification_cache AS c ON c.hit_scale = scale.hit_scale
WHERE c.category IN (SELECT value FROM json_each(:categories))
ORDER BY c.hit_count DESC, c.id DESC
LIMIT :limit
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
    """Sums over the requests of a day. `timed_requests` are those that `total_processing_ms` sums up."""

    requests: int
    cache_hits: int
    unique_users: int
    unique_ips: int
    total_processing_ms: int
    timed_requests: int
    uploaded_bytes: int = 0
    saved_bytes: int = 0


@dataclass(frozen=True, slots=True)
class RecentTotals:
    """How many requests of five seconds were answered by one kind of name; empty: a model was asked."""

    start: datetime
    kind: str
    requests: int


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """Bytes of files that were uploaded, and of those that were not because a name was enough."""

    uploaded_bytes: int
    saved_bytes: int


@dataclass(frozen=True, slots=True)
class LatencyTotals:
    """How many requests took how long, by the shortest time of each bucket: hits, and answers that models gave."""

    hits: dict[int, int]
    paid: dict[int, int]


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
    """Sums over the tables. Every method raises `DatabaseUnavailable`, and `StatisticsNotBuilt` but for images.

    Rows whose category is none of ours count in totals, and are left out where a category is told.
    """

    database: Reader

    async def sum_requests(self, span: DaySpan) -> list[RequestTotals]:
        """Sum up the requests of each of these days."""
        requests, distinct = await self._reader.sum_days(span, REQUESTS, DISTINCT)
        return [_request_totals(day.isoformat(), requests, distinct) for day in span.days]

    async def sum_live(self, span: DaySpan, since: datetime) -> tuple[RequestTotals, list[RecentTotals]]:
        """Sum up the requests of the first of these days, and those since a moment by five seconds, as of one moment.

        `since` is no more than an hour ago.
        """
        requests, distinct, recent = await self._reader.sum_live(span, to_sql_time(since))
        totals = _request_totals(span.first.isoformat(), requests, distinct)
        return totals, [
            RecentTotals(from_sql_time(str(moment)), str(kind), number) for (moment, kind), (number,) in recent.items()
        ]

    async def sum_bandwidth(self) -> Bandwidth:
        """Sum up the uploads of all requests on record."""
        (requests,) = await self._reader.sum_days(None, REQUESTS)
        return Bandwidth(sum(row[3] for row in requests.values()), sum(row[5] for row in requests.values()))

    async def sum_cache(self) -> CacheTotals:
        """Sum up all cached images."""
        return CacheTotals(*await self._reader.sum_cache())

    async def sum_categories(self, span: DaySpan) -> list[CategoryTotals]:
        """Sum up the requests of these days by category, most frequent first."""
        (rows,) = await self._reader.sum_days(span, CATEGORIES)
        sums: dict[str, list[int]] = {}
        for (_, text), (requests, confidence) in rows.items():
            known = sums.setdefault(str(text), [0, 0])
            known[0] += requests
            known[1] += confidence
        ranked = sorted(sums.items(), key=lambda item: (-item[1][0], item[0]))
        return [
            CategoryTotals(category, requests, Decimal(confidence).scaleb(-4))
            for text, (requests, confidence) in ranked
            if requests and (category := category_of(text))
        ]

    async def sum_latencies(self, span: DaySpan) -> LatencyTotals:
        """Count the requests of these days by how long they took."""
        (rows,) = await self._reader.sum_days(span, LATENCIES)
        counts: dict[str, dict[int, int]] = {HIT: {}, PAID: {}}
        for (_, kind, bucket), (requests,) in rows.items():
            by_bucket = counts[str(kind)]
            by_bucket[int(bucket)] = by_bucket.get(int(bucket), 0) + requests
        return LatencyTotals(counts[HIT], counts[PAID])

    async def sum_tokens(self, span: DaySpan | None) -> TokenTotals:
        """Sum up the questions that vendors were asked on these days; None: on all days.

        An image that was asked about on several days of a span counts on each of them, and once where it is None.
        """
        calls, distinct = await self._reader.sum_days(span, CALLS, DISTINCT)
        rows = [row for key, row in calls.items() if key[1] != LOCAL_PROVIDER]
        number, paid, output, cached, cost, unpriced_input, unpriced_output = (
            sum(row[place] for row in rows) for place in range(7)
        )
        images = [row[0] for (day, kind), row in distinct.items() if kind == IMAGE and (span or day == ALL_DAYS)]
        return TokenTotals(
            calls=number,
            images=sum(images),
            usage=Usage(paid, output, cached),
            cost=Decimal(cost).scaleb(-10),
            unpriced=Usage(unpriced_input, unpriced_output),
        )

    async def fetch_top_images(self, limit: int) -> list[ImageStatistics]:
        """Return the images most often asked for."""
        params: Params = {"limit": limit, "categories": CATEGORY_NAMES}
        return [
            ImageStatistics(
                image_hash, Category(category), float(confidence), hits, from_sql_time(born), from_sql_time(last)
            )
            for image_hash, category, confidence, hits, born, last in await self.database.fetch_all(
                _SELECT_TOP_IMAGES, params, timeout_seconds=_TIMEOUT_SECONDS
            )
        ]

    async def fetch_top_users(self, limit: int) -> list[UserTotals]:
        """Return the users with the most requests."""
        return [_user_totals(row) for row in await self._reader.fetch_top_users(limit)]

    async def fetch_user(self, user_id: str) -> UserTotals | None:
        """Return the sums of one user, or None where no request is on record."""
        row = await self._reader.fetch_user(user_id)
        return None if row is None else _user_totals(row)

    @property
    def _reader(self) -> RollupReader:
        return RollupReader(self.database)


def _request_totals(day: str, requests: Sums, distinct: Sums) -> RequestTotals:
    rows = {str(key[1]): row for key, row in requests.items() if key[0] == day}
    number, total_ms, timed, uploaded, _, saved = (sum(row[place] for row in rows.values()) for place in range(6))
    return RequestTotals(
        requests=number,
        cache_hits=sum(row[0] for kind, row in rows.items() if kind),
        unique_users=distinct.get((day, USER), [0])[0],
        unique_ips=distinct.get((day, ADDRESS), [0])[0],
        total_processing_ms=total_ms,
        timed_requests=timed,
        uploaded_bytes=uploaded,
        saved_bytes=saved,
    )


def _user_totals(row: Row) -> UserTotals:
    user_id, requests, hits, first, last = row
    return UserTotals(user_id, int(requests), int(hits), from_sql_time(first), from_sql_time(last))
