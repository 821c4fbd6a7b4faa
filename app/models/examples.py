"""The examples of the OpenAPI page, built from the models that the service answers with. A test replays them."""

from datetime import UTC, datetime

from app.models.categories_response import CategoriesResponse, CategoryNameData
from app.models.domain import CATEGORY_NAMES, Category
from app.models.identity import MatchedBy
from app.models.response import (
    CheckCacheHit,
    CheckCacheMiss,
    ClassificationData,
    ClassifyResponse,
    HealthResponse,
    LiveResponse,
    RequestRecordData,
    RequestRecordResponse,
    TokenStatsData,
    TokenStatsResponse,
    TokenTotalsData,
    TopImageData,
    TopImagesResponse,
    TopUsersResponse,
    UserStatsData,
)
from app.models.stats_response import (
    CacheEfficiencyData,
    CacheEfficiencyResponse,
    CategoryDistributionResponse,
    CategoryShareData,
    TodayStatsData,
    TodayStatsResponse,
)

_HASH = "596aa1964ec75a7ad44cbc1ec5f07ebc08a11b6bec7e71a06cbf7e91d8d7ab08"
_ID = "req_1696934400_a3f5d8c2b1e9"
_BEFORE = datetime(2025, 10, 1, 8, 30, tzinfo=UTC)
_NOW = datetime(2025, 10, 10, 12, 0, tzinfo=UTC)
_SUNSET = ClassificationData(category=Category.TRAVEL_SCENERY, confidence=0.95, description="一张美丽的山景日落照片")

HIT = CheckCacheHit(data=_SUNSET, request_id=_ID, timestamp=_NOW, matched_by=MatchedBy.BYTES)
MISS = CheckCacheMiss()
ASKED = ClassifyResponse(
    data=_SUNSET,
    from_cache=False,
    processing_time_ms=1523,
    request_id=_ID,
    timestamp=_NOW,
    matched_by=None,
    degraded=False,
    model_used="gpt-6-luna",
)
DEGRADED = ClassifyResponse(
    data=ClassificationData(
        category=Category.TRAVEL_SCENERY,
        confidence=0.87,
        description="未询问模型；内置网络看到：没有脸，可能是风景或建筑。",
    ),
    from_cache=False,
    processing_time_ms=96,
    request_id=_ID,
    timestamp=_NOW,
    matched_by=None,
    degraded=True,
    model_used="local-network",
)
KNOWN = ClassifyResponse(
    data=_SUNSET,
    from_cache=True,
    processing_time_ms=3,
    request_id=_ID,
    timestamp=_NOW,
    matched_by=MatchedBy.CONTENT,
    degraded=False,
    model_used=None,
)
RECORD = RequestRecordResponse(
    data=RequestRecordData(
        request_id=_ID,
        image_hash=_HASH,
        image_size=412_678,
        category=Category.TRAVEL_SCENERY,
        confidence=0.95,
        from_cache=False,
        processing_time_ms=1523,
        created_at=_NOW,
        matched_by=None,
    )
)
CATEGORIES = CategoriesResponse(
    data={category: CategoryNameData.model_validate(name) for category, name in CATEGORY_NAMES.items()}
)
TODAY = TodayStatsResponse(
    data=TodayStatsData(
        total_requests=1523,
        cache_hits=456,
        cache_misses=1067,
        cache_hit_rate=29.94,
        unique_users=89,
        unique_ips=76,
        avg_processing_time_ms=1245,
        estimated_cost=10.67,
        cost_saved=4.56,
        uploaded_bytes=440_300_000,
        saved_bytes=186_191_200,
    ),
    as_of=_NOW,
    timezone="UTC",
    basis="request_log",
)
EFFICIENCY = CacheEfficiencyResponse(
    data=CacheEfficiencyData(
        total_cached_images=3542,
        total_hits=8923,
        times_saved=5381,
        cost_saved=53.81,
        avg_hit_per_image=2.52,
        max_hits=156,
        uploaded_bytes=1_461_000_000,
        saved_bytes=2_220_000_000,
    ),
    as_of=_NOW,
    timezone="UTC",
    basis="image_classification_cache",
)
TOKENS = TokenStatsResponse(
    data=TokenStatsData(
        today=TokenTotalsData(
            images=1067, calls=1081, input_tokens=552_300, cached_tokens=0, output_tokens=52_300, cost=0.0814
        ),
        total=TokenTotalsData(
            images=3542, calls=3590, input_tokens=1_833_400, cached_tokens=0, output_tokens=173_600, cost=0.2702
        ),
        as_of=_NOW,
        timezone="UTC",
        basis="model_call",
    )
)
DISTRIBUTION = CategoryDistributionResponse(
    data=[
        CategoryShareData(category=Category.FOODS, count=1015, percentage=66.64, avg_confidence=0.91),
        CategoryShareData(category=Category.PETS, count=508, percentage=33.36, avg_confidence=0.94),
    ],
    days=1,
    start=datetime(2025, 10, 10, tzinfo=UTC),
    as_of=_NOW,
    timezone="UTC",
    basis="request_log",
)
TOP_USERS = TopUsersResponse(
    data=[
        UserStatsData(
            user_id="device-42",
            request_count=152,
            cache_hits=45,
            cache_hit_rate=29.61,
            first_request=_BEFORE,
            last_request=_NOW,
        )
    ],
    as_of=_NOW,
    timezone="UTC",
    basis="request_log",
)
TOP_IMAGES = TopImagesResponse(
    data=[
        TopImageData(
            image_hash=_HASH,
            category=Category.TRAVEL_SCENERY,
            confidence=0.95,
            hit_count=23,
            created_at=_BEFORE,
            last_hit_at=_NOW,
            lifetime_days=9,
        )
    ],
    as_of=_NOW,
    timezone="UTC",
    basis="image_classification_cache",
)
HEALTHY = HealthResponse(status="healthy", timestamp=_NOW, database="connected", model_api="available")
UNHEALTHY = HealthResponse(status="unhealthy", timestamp=_NOW, database="disconnected", model_api="unavailable")
ALIVE = LiveResponse(timestamp=_NOW)
