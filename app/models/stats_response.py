"""The bodies of the specification's statistics of requests, the cache and categories."""

from typing import Literal

from pydantic import Field

from app.models.body import Body, Confidence, Percentage, Timestamp, Timezone
from app.models.domain import Category


class TodayStatsData(Body):
    """Totals of today's requests."""

    total_requests: int = Field(examples=[1523])
    cache_hits: int = Field(examples=[456])
    cache_misses: int = Field(examples=[1067])
    cache_hit_rate: Percentage
    unique_users: int = Field(examples=[89])
    unique_ips: int = Field(examples=[76])
    avg_processing_time_ms: int = Field(examples=[1245])
    estimated_cost: float = Field(examples=[10.67])
    cost_saved: float = Field(examples=[4.56])
    uploaded_bytes: int = Field(description="What the uploaded files weigh", examples=[440_300_000])
    saved_bytes: int = Field(description="What the files weigh that a name stood for", examples=[186_191_200])


class TodayStatsResponse(Body):
    """The answer of `GET /stats/today`."""

    success: Literal[True] = True
    data: TodayStatsData
    as_of: Timestamp
    timezone: Timezone
    basis: Literal["request_log"] = Field(description="What was counted: answered requests that are in the log")


class CacheEfficiencyData(Body):
    """How much the cache has saved since it began."""

    total_cached_images: int = Field(examples=[3542])
    total_hits: int = Field(examples=[8923])
    times_saved: int = Field(examples=[5381])
    cost_saved: float = Field(examples=[53.81])
    avg_hit_per_image: float = Field(examples=[2.52])
    max_hits: int = Field(examples=[156])
    uploaded_bytes: int = Field(
        description="What the uploaded files weigh, of the requests that are in the log", examples=[1_461_000_000]
    )
    saved_bytes: int = Field(
        description="What the files weigh that a name stood for, of the requests that are in the log",
        examples=[2_220_000_000],
    )


class CacheEfficiencyResponse(Body):
    """The answer of `GET /stats/cache-efficiency`."""

    success: Literal[True] = True
    data: CacheEfficiencyData
    as_of: Timestamp
    timezone: Timezone
    basis: Literal["image_classification_cache"] = Field(
        description="What was counted: cached answers; bytes are of the request log"
    )


class CategoryShareData(Body):
    """One category's part of today's requests."""

    category: Category
    count: int = Field(examples=[4523])
    percentage: Percentage
    avg_confidence: Confidence


class CategoryDistributionResponse(Body):
    """The answer of `GET /stats/category-distribution`."""

    success: Literal[True] = True
    data: list[CategoryShareData]
    days: int = Field(examples=[1])
    start: Timestamp
    as_of: Timestamp
    timezone: Timezone
    basis: Literal["request_log"] = Field(description="What was counted: answered requests that are in the log")
