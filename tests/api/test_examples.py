"""The examples of the OpenAPI page are what the service takes and what it answers."""

from datetime import UTC, datetime
from typing import Any

import httpx
import jsonschema_rs
import pytest

from app.config import Settings
from app.container import Container, open_container
from app.database import Database
from app.main import create_app
from app.models.domain import Category
from app.models.identity import Trial
from tests.api.calls import upload
from tests.conftest import make_client, with_settings
from tests.factories import make_call, make_image, make_outcome
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.records import write_outcomes

ADMIN_KEY = "a-key-for-operators-84b60e2d"


@pytest.fixture
def database_settings(sqlite_settings: dict[str, Any]) -> dict[str, Any]:
    """One database will do: the answers have one shape on both."""
    prices = {"llm_price_input_per_mtok": 0.1, "llm_price_output_per_mtok": 0.4}
    budgets = {"daily_budget": 5}
    return {**sqlite_settings, **prices, **budgets, "admin_api_keys": f"alice:{ADMIN_KEY}", "show_costs": True}


@pytest.fixture
def page(settings: Settings, container: Container) -> dict[str, Any]:
    return create_app(settings, container).openapi()


def examples_of(page: dict[str, Any], operation_id: str, status: str = "200") -> dict[str, Any]:
    (operation,) = (
        operation
        for methods in page["paths"].values()
        for operation in methods.values()
        if operation["operationId"] == operation_id
    )
    examples = operation["responses"][status]["content"]["application/json"]["examples"]
    return {name: example["value"] for name, example in examples.items()}


def shape(value: Any) -> Any:
    """Return a body with the kind of each value in place of it. Of a list, the first row stands for all."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(row) for row in value[:1]]
    if isinstance(value, bool) or value is None:
        return value
    return "number" if isinstance(value, int | float) else type(value).__name__


@pytest.fixture
async def degraded(settings: Settings, fake_models: FakeModels) -> httpx.Response:
    """An upload that the embedded network answers in place of a model."""
    fallback = with_settings(settings, local_fallback="unavailable")
    fake_models.script = [Behaviour(status=401)]
    async with open_container(fallback) as container, make_client(fallback, container) as client:
        return await upload(client, make_image())


async def test_each_answers_example_has_the_shape_of_a_real_answer(
    client: httpx.AsyncClient, degraded: httpx.Response, page: dict[str, Any], database: Database
) -> None:
    client.headers["X-API-Key"] = ADMIN_KEY
    trial = Trial(neighbour_hash="0" * 64, distance=4, category=Category.PETS)
    now = datetime.now(UTC)
    look = make_call(provider="local", model="local-network", outcome="agreed", started_at=now)
    await write_outcomes(database, [make_outcome(trial=trial, calls=(look,), created_at=now)])
    image = make_image()
    question = {"image_hash": "0" * 64}
    real: dict[tuple[str, str], httpx.Response] = {}
    real["check_cache", "miss"] = await client.post("/classify/check-cache", json=question)
    real["classify", "asked"] = asked = await upload(client, image, user="device-42")
    real["classify", "degraded"] = degraded
    real["classify", "known"] = known = await upload(client, image, user="device-42")
    record = (await client.get(f"/requests/{known.json()['request_id']}", headers={"X-User-ID": "device-42"})).json()
    question["image_hash"] = record["data"]["image_hash"]
    real["check_cache", "hit"] = await client.post("/classify/check-cache", json=question)
    items = [{"id": "IMG_0042.HEIC", **question}, {"id": "IMG_0043.HEIC", "image_hash": "0" * 64}, {"image_hash": "x"}]
    real["check_cache_batch", "mixed"] = await client.post("/classify/check-cache/batch", json={"items": items})
    files = [("images", make_image()), ("images", make_image()[:200])]
    ids = {"ids": ["IMG_0042.HEIC", "IMG_0043.HEIC"]}
    real["classify_batch", "mixed"] = await client.post("/classify/batch", files=files, data=ids)
    own = {"X-User-ID": "device-42"}
    real["get_request", "upload"] = await client.get(f"/requests/{asked.json()['request_id']}", headers=own)
    real["get_history", "page"] = await client.get("/history?limit=1", headers=own)
    real["get_categories", "all"] = await client.get("/categories")
    real["get_about", "about"] = await client.get("/about")
    real["get_today_stats", "totals"] = await client.get("/stats/today")
    real["get_cache_efficiency", "totals"] = await client.get("/stats/cache-efficiency")
    real["get_token_stats", "priced"] = await client.get("/stats/tokens")
    real["get_category_distribution", "two"] = await client.get("/stats/category-distribution")
    real["get_top_users", "one"] = await client.get("/stats/users/top")
    real["get_top_images", "one"] = await client.get("/stats/images/top")
    real["get_identity_stats", "month"] = await client.get("/stats/identity")
    real["get_model_stats", "month"] = await client.get("/stats/models")
    wrong = "pets" if asked.json()["data"]["category"] == "idcard" else "idcard"
    vote = {"request_id": asked.json()["request_id"], "category": wrong}
    real["give_feedback", "vote"] = await client.post("/feedback", json=vote, headers=own)
    real["get_feedback", "one"] = await client.get("/feedback")
    real["get_trend", "day"] = await client.get("/stats/trend?days=1")
    real["get_latency", "day"] = await client.get("/stats/latency")
    real["get_live_stats", "now"] = await client.get("/stats/live")
    real["get_user_stats", "one"] = await client.get("/stats/users/device-42")
    real["get_budget_stats", "day"] = await client.get("/stats/budget")
    name = f"/cache/{question['image_hash']}"
    reason = "a dog, not a plate of food"
    real["correct_cached_answer", "corrected"] = await client.put(name, json={"category": wrong, "reason": reason})
    real["get_cached_answer", "corrected"] = await client.get(name)
    real["get_audit", "one"] = await client.get("/audit")
    real["delete_cached_answer", "deleted"] = await client.delete(name, params={"reason": reason})
    everything = {"before": "2099-01-01T00:00:00Z", "reason": reason}
    real["purge_cached_answers", "counted"] = await client.post("/cache/purge", json={**everything, "dry_run": True})
    real["purge_cached_answers", "purged"] = await client.post("/cache/purge", json=everything)
    real["erase_history", "erased"] = await client.delete("/history", headers=own)
    real["get_health", "healthy"] = await client.get("/health")
    real["get_readiness", "healthy"] = await client.get("/health/ready")
    real["get_liveness", "alive"] = await client.get("/health/live")

    for (operation_id, name), response in real.items():
        assert response.status_code == 200, response.text
        example = examples_of(page, operation_id)[name]
        assert shape(response.json()) == shape(example), operation_id
        assert list(response.json()) == list(example), operation_id

    shown = {(one, name) for one in {one for one, _ in real} for name in examples_of(page, one)}
    assert shown == set(real)


def test_every_example_of_an_answer_fits_its_schema(page: dict[str, Any]) -> None:
    checked = 0
    for methods in page["paths"].values():
        for operation in methods.values():
            for response in operation["responses"].values():
                content = response.get("content", {}).get("application/json", {})
                for example in content.get("examples", {}).values():
                    schema = {**content["schema"], "components": page["components"]}
                    jsonschema_rs.Draft202012Validator(schema).validate(example["value"])
                    checked += 1
    assert checked > 100


async def test_the_question_of_the_page_is_taken(client: httpx.AsyncClient, page: dict[str, Any]) -> None:
    fields = page["components"]["schemas"]["CheckCacheRequest"]["properties"]
    question = {name: field["examples"][0] for name, field in fields.items()}

    response = await client.post("/classify/check-cache", json=question)

    assert response.json() == examples_of(page, "check_cache")["miss"]


async def test_fields_that_are_not_ours_are_ignored_in_both_calls(client: httpx.AsyncClient) -> None:
    """An app that sends one more is answered by an older service too."""
    question = await client.post("/classify/check-cache", json={"image_hash": "0" * 64, "platform": "ios"})
    photo = await client.post("/classify", files={"image": make_image()}, data={"platform": "ios"})

    assert (question.status_code, photo.status_code) == (200, 200)
