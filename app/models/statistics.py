"""What the statistics say: plain values, which the API wraps into its bodies by the names of their fields."""

from dataclasses import dataclass
from datetime import datetime

from app.models.domain import Category


@dataclass(frozen=True, slots=True)
class TodayStatistics:
    """Totals of today's requests. Rates are percentages, times milliseconds, costs in the operator's currency."""

    total_requests: int
    cache_hits: int
    cache_misses: int
    cache_hit_rate: float
    unique_users: int
    unique_ips: int
    avg_processing_time_ms: int
    estimated_cost: float
    cost_saved: float
    uploaded_bytes: int
    saved_bytes: int


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """How much the cache has saved since it began."""

    total_cached_images: int
    total_hits: int
    times_saved: int
    cost_saved: float
    avg_hit_per_image: float
    max_hits: int
    uploaded_bytes: int
    saved_bytes: int
    """Bytes are those of the requests on record, which are not kept for ever."""


@dataclass(frozen=True, slots=True)
class CategoryShare:
    """One category's part of today's requests."""

    category: Category
    count: int
    percentage: float
    avg_confidence: float


@dataclass(frozen=True, slots=True)
class TokenSpending:
    """The questions to models of a time, their tokens, and their cost where prices are set."""

    images: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost: float | None
    calls: int


@dataclass(frozen=True, slots=True)
class TokenStatistics:
    """What the models were paid for."""

    today: TokenSpending
    total: TokenSpending


@dataclass(frozen=True, slots=True)
class UserStatistics:
    """The requests of one user."""

    user_id: str
    request_count: int
    cache_hits: int
    cache_hit_rate: float
    first_request: datetime
    last_request: datetime


@dataclass(frozen=True, slots=True)
class ImageStatistics:
    """A cached image and how often it has been asked for."""

    image_hash: str
    category: Category
    confidence: float
    hit_count: int
    created_at: datetime
    last_hit_at: datetime

    @property
    def lifetime_days(self) -> int:
        """Whole days from the first to the last request."""
        return (self.last_hit_at - self.created_at).days
