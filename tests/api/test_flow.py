"""The product's story, over the whole application: ask, upload, ask again, read the statistics."""

import hashlib
from typing import Any

import httpx
import pytest

from app.config import Settings
from tests.api.calls import check_cache, classify, get_data
from tests.conftest import SAMPLES, settings_for_provider
from tests.factories import make_image
from tests.support.fake_model_server import FakeModels, answer_for

SAMPLE_IMAGES = {path.stem: path.read_bytes() for path in sorted([*SAMPLES.glob("*.png"), *SAMPLES.glob("*.jpg")])}

# The specification's, in its order, and behind them by which name the photo was recognised.
FIELDS_OF_CALL = ["success", "data", "from_cache", "processing_time_ms", "request_id", "timestamp"]
FIELDS_OF_ANSWER = [*FIELDS_OF_CALL, "matched_by", "degraded", "model_used"]
FIELDS_OF_HIT = ["success", "cached", "data", "from_cache", "request_id", "timestamp", "matched_by"]


@pytest.fixture(params=["openai", "claude", "custom", "local"])
def provider_settings(request: pytest.FixtureRequest, fake_models: FakeModels) -> dict[str, Any]:
    return settings_for_provider(request.param, fake_models)


@pytest.mark.parametrize("sample", SAMPLE_IMAGES)
async def test_every_sample_is_asked_for_uploaded_and_then_known(
    sample: str, client: httpx.AsyncClient, settings: Settings, fake_models: FakeModels
) -> None:
    image = SAMPLE_IMAGES[sample]

    miss = await check_cache(client, image, "device-42")
    answer = await classify(client, image, "device-42")
    hit = await check_cache(client, image, "device-42")
    again = await classify(client, image, "device-42")

    assert miss == {"success": True, "cached": False, "message": "Cache not found, please upload the full image"}
    assert list(answer) == FIELDS_OF_ANSWER
    assert list(answer["data"]) == ["category", "confidence", "description"]
    assert list(hit) == FIELDS_OF_HIT
    assert (answer["from_cache"], hit["from_cache"], again["from_cache"]) == (False, True, True)
    assert answer["data"] == hit["data"] == again["data"]
    assert len(fake_models.calls) == (0 if settings.provider == "local" else 1)
    assert all(answer["data"]["category"] == answer_for(call.jpeg)["category"] for call in fake_models.calls)

    await assert_statistics_of_one_miss_and_two_hits(client, image, answer["data"]["category"])


async def assert_statistics_of_one_miss_and_two_hits(client: httpx.AsyncClient, image: bytes, category: str) -> None:
    today = await get_data(client, "/stats/today")
    assert (today["total_requests"], today["cache_hits"], today["cache_misses"]) == (3, 2, 1)
    assert (today["cache_hit_rate"], today["estimated_cost"], today["cost_saved"]) == (66.67, 0.01, 0.02)
    assert (today["unique_users"], today["unique_ips"]) == (1, 1)
    assert await get_data(client, "/stats/cache-efficiency") == {
        "total_cached_images": 1,
        "total_hits": 3,
        "times_saved": 2,
        "cost_saved": 0.02,
        "avg_hit_per_image": 3.0,
        "max_hits": 3,
        "uploaded_bytes": 2 * len(image),
        "saved_bytes": len(image),
    }
    (share,) = await get_data(client, "/stats/category-distribution")
    assert (share["category"], share["count"], share["percentage"]) == (category, 3, 100.0)
    (top_user,) = await get_data(client, "/stats/users/top")
    assert (top_user["user_id"], top_user["request_count"], top_user["cache_hits"]) == ("device-42", 3, 2)
    (top_image,) = await get_data(client, "/stats/images/top")
    assert (top_image["image_hash"], top_image["hit_count"]) == (hashlib.sha256(image).hexdigest(), 3)


async def test_different_images_never_share_an_answer(client: httpx.AsyncClient) -> None:
    images = [make_image() for _ in range(20)]

    first = [(await classify(client, image))["data"] for image in images]
    again = [(await check_cache(client, image))["data"] for image in images]

    assert first == again
