"""The OpenAPI page is the whole truth: generated requests meet no 5xx, no undocumented status, no other shape."""

from collections.abc import Iterator
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from app.main import create_app
from tests.conftest import make_settings
from tests.factories import error_codes
from tests.support.generated_requests import check_generated_requests
from tests.support.service_process import ROOT, Service, running_service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.mark.timeout(240)
def test_generated_requests_are_answered_as_documented(service: Service, tmp_path: Path) -> None:
    """Each night tests/slow/test_openapi_page.py asks many more."""
    check_generated_requests(service, page(), tmp_path, examples=8)


@lru_cache
def made_page(**settings: str) -> dict[str, Any]:
    return create_app(make_settings(**settings)).openapi()


def page(**settings: str) -> dict[str, Any]:
    return deepcopy(made_page(**settings))


def operations(shown: dict[str, Any] | None = None) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in (shown or page())["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_endpoint_of_the_contract_is_on_the_page() -> None:
    assert {name for name, _ in operations()} == {
        "POST /api/v1/classify/check-cache",
        "POST /api/v1/classify/check-cache/batch",
        "POST /api/v1/classify",
        "POST /api/v1/classify/batch",
        "GET /api/v1/stats/today",
        "GET /api/v1/stats/yesterday",
        "GET /api/v1/stats/cache-efficiency",
        "GET /api/v1/stats/tokens",
        "GET /api/v1/stats/category-distribution",
        "GET /api/v1/stats/users/top",
        "GET /api/v1/stats/images/top",
        "GET /api/v1/stats/identity",
        "GET /api/v1/stats/models",
        "GET /api/v1/stats/trend",
        "GET /api/v1/stats/budget",
        "GET /api/v1/stats/latency",
        "GET /api/v1/stats/live",
        "GET /api/v1/stats/live/stream",
        "GET /api/v1/stats/users/{user_id}",
        "GET /api/v1/requests/{request_id}",
        "POST /api/v1/feedback",
        "GET /api/v1/feedback",
        "GET /api/v1/history",
        "DELETE /api/v1/history",
        "GET /api/v1/cache/{image_hash}",
        "PUT /api/v1/cache/{image_hash}",
        "DELETE /api/v1/cache/{image_hash}",
        "POST /api/v1/cache/purge",
        "GET /api/v1/audit",
        "GET /api/v1/categories",
        "GET /api/v1/about",
        "GET /api/v1/health",
        "GET /api/v1/health/live",
        "GET /api/v1/health/ready",
        "GET /metrics",
    }


def test_every_operation_is_summed_up_and_described() -> None:
    assert [name for name, operation in operations() if not (operation["summary"] and operation["description"])] == []


def test_every_code_that_has_a_client_is_on_the_page_with_an_example() -> None:
    shown: set[str] = set()
    for _, operation in operations():
        for response in operation["responses"].values():
            shown.update(response.get("content", {}).get("application/json", {}).get("examples", {}))

    assert set(error_codes()) - shown == set()
    assert {"too_many_requests", "service_unavailable"} <= shown


def test_the_frameworks_own_errors_are_not_on_the_page() -> None:
    assert "HTTPValidationError" not in str(page())


def test_every_response_documents_the_request_id() -> None:
    missing = [
        f"{name} {status}"
        for name, operation in operations()
        for status, response in operation["responses"].items()
        if "X-Request-ID" not in response["headers"]
    ]

    assert missing == []


def test_generated_clients_get_short_names() -> None:
    """The function's name, which is what a client generator calls its own by."""
    assert {operation["operationId"] for _, operation in operations()} == {
        "check_cache",
        "check_cache_batch",
        "classify",
        "classify_batch",
        "get_request",
        "get_categories",
        "get_today_stats",
        "get_yesterday_stats",
        "get_cache_efficiency",
        "get_token_stats",
        "get_category_distribution",
        "get_top_users",
        "get_top_images",
        "get_identity_stats",
        "get_model_stats",
        "get_about",
        "get_budget_stats",
        "give_feedback",
        "get_feedback",
        "get_trend",
        "get_latency",
        "get_live_stats",
        "stream_live_stats",
        "get_user_stats",
        "get_history",
        "erase_history",
        "get_cached_answer",
        "correct_cached_answer",
        "delete_cached_answer",
        "purge_cached_answers",
        "get_audit",
        "get_health",
        "get_readiness",
        "get_liveness",
        "get_metrics",
    }


def test_request_bodies_are_components_with_names_of_their_own() -> None:
    bodies = {
        name: next(iter(operation["requestBody"]["content"].values()))["schema"]["$ref"].rpartition("/")[2]
        for name, operation in operations()
        if "requestBody" in operation
    }

    assert bodies == {
        "POST /api/v1/classify/check-cache": "CheckCacheRequest",
        "POST /api/v1/classify/check-cache/batch": "CheckCacheBatchRequest",
        "POST /api/v1/classify": "ClassifyRequest",
        "POST /api/v1/classify/batch": "ClassifyBatchRequest",
        "PUT /api/v1/cache/{image_hash}": "CorrectionRequest",
        "POST /api/v1/cache/purge": "PurgeRequest",
        "POST /api/v1/feedback": "FeedbackRequest",
    }
    assert set(bodies.values()) <= set(page()["components"]["schemas"])


def test_a_boolean_is_a_plain_boolean_that_is_always_there() -> None:
    """Client generators make an enum of strings out of a boolean constant, and then refuse each answer."""
    checked = {(f"{call}BatchResult", "from_cache") for call in ("CheckCache", "Classify")}
    checked |= {("CheckCacheBatchResult", "cached"), ("ClassifyBatchResult", "degraded")}
    booleans, optional = 0, {("CheckCacheResponse", "from_cache"), ("PurgeRequest", "dry_run"), *checked}
    for name, schema in page()["components"]["schemas"].items():
        for field, described in schema.get("properties", {}).items():
            if described.get("type") == "boolean":
                booleans += 1
                assert not {"const", "enum", "default"} & set(described), f"{name}.{field}"
                assert field in schema["required"] or (name, field) in optional
    assert booleans > 10


def test_a_hit_and_a_miss_are_one_flat_component() -> None:
    shown = page()
    answer = shown["paths"]["/api/v1/classify/check-cache"]["post"]["responses"]["200"]["content"]["application/json"]
    schema = shown["components"]["schemas"]["CheckCacheResponse"]

    assert answer["schema"] == {"$ref": "#/components/schemas/CheckCacheResponse"}
    assert set(answer["examples"]) == {"hit", "miss"}
    assert schema["required"] == ["success", "cached"]
    assert list(schema["properties"]) == [
        "success", "cached", "data", "from_cache", "request_id", "timestamp", "matched_by",
        "corrected_by", "message",
    ]  # fmt: skip
    assert "null" not in str(schema)


def test_error_codes_are_an_enumeration() -> None:
    schemas = page()["components"]["schemas"]

    assert schemas["ErrorData"]["properties"]["code"] == {"$ref": "#/components/schemas/ErrorCode"}
    assert set(schemas["ErrorCode"]["enum"]) == {*error_codes(), "too_many_requests", "service_unavailable"}
    assert len(schemas["ErrorCode"]["enum"]) == len(set(schemas["ErrorCode"]["enum"]))


def test_times_are_times() -> None:
    schemas = page()["components"]["schemas"]

    assert schemas["ClassifyResponse"]["properties"]["timestamp"]["format"] == "date-time"
    assert schemas["UserStatsData"]["properties"]["first_request"]["format"] == "date-time"


def test_the_user_is_named_by_a_plain_string_in_the_header_as_the_documents_spell_it() -> None:
    (parameter,) = page()["paths"]["/api/v1/classify/check-cache"]["post"]["parameters"]

    assert parameter["name"] == "X-User-ID"
    assert parameter["schema"]["type"] == "string"
    assert parameter["required"] is False


KEY = "k" * 40
ADMIN_KEY = "a" * 40
NEEDED: list[dict[str, list[str]]] = [{"bearer": []}, {"header": []}]
OPTIONAL: list[dict[str, list[str]]] = [*NEEDED, {}]


@pytest.mark.parametrize(
    ("settings", "apps", "operators"),
    [
        ({}, OPTIONAL, OPTIONAL),
        ({"api_keys": KEY}, NEEDED, OPTIONAL),
        ({"admin_api_keys": ADMIN_KEY}, OPTIONAL, NEEDED),
        ({"api_keys": KEY, "admin_api_keys": ADMIN_KEY}, NEEDED, NEEDED),
    ],
)
def test_a_key_is_shown_as_needed_where_it_is(
    settings: dict[str, str], apps: list[object], operators: list[object]
) -> None:
    security = {name: operation["security"] for name, operation in operations(page(**settings))}

    assert security["POST /api/v1/classify"] == security["GET /api/v1/requests/{request_id}"] == apps
    assert security["GET /api/v1/stats/today"] == security["GET /metrics"] == operators
    assert security["GET /api/v1/health"] == security["GET /api/v1/categories"] == []


def test_the_headers_of_a_signature_are_parameters_where_calls_must_be_signed() -> None:
    signed = dict(operations(page(signing_keys=f"app-1:{KEY}")))

    def headers(name: str) -> set[str]:
        return {parameter["name"] for parameter in signed[name].get("parameters", []) if parameter["required"]}

    assert headers("POST /api/v1/classify") == {"Content-Digest", "Signature-Input", "Signature"}
    assert headers("GET /api/v1/requests/{request_id}") == {"request_id", "Signature-Input", "Signature"}
    assert headers("DELETE /api/v1/history") == {"Signature-Input", "Signature"}
    assert headers("GET /api/v1/stats/today") == set()
    assert "'name': 'Signature" not in str(page()["paths"])
    assert "Signature-Input" in page()["info"]["description"]


def test_every_answer_is_described_and_has_an_example() -> None:
    for name, operation in operations():
        answer = operation["responses"]["200"]
        assert answer["description"] != "Successful Response", name
        assert next(iter(answer["content"].values()))["examples"], name


def test_the_page_says_what_the_proxy_in_front_answers_and_that_all_failures_have_one_shape() -> None:
    for name, operation in operations():
        for status, code in (("429", "too_many_requests"), ("503", "service_unavailable")):
            response = operation["responses"][status]
            assert code in response["content"]["application/json"]["examples"], name
            assert "Retry-After" in response["headers"], name
        assert operation["responses"]["default"]["content"]["application/json"]["schema"] == {
            "$ref": "#/components/schemas/ErrorResponse"
        }


def test_the_head_of_the_page_has_all_that_linters_ask_for() -> None:
    shown = page()

    assert shown["info"]["title"] == "Image classifier"
    assert shown["info"]["license"] == {"name": "Apache License 2.0", "identifier": "Apache-2.0"}
    assert shown["info"]["contact"]["name"]
    assert shown["servers"]
    assert {tag["name"] for tag in shown["tags"]} == {tag for _, operation in operations() for tag in operation["tags"]}
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_the_upload_that_the_documentation_page_fills_in_is_a_good_one() -> None:
    """Swagger sends the word `string` for a field without an example, and that is no hash."""
    shown = page()
    form = shown["components"]["schemas"]["ClassifyRequest"]
    (content,) = shown["paths"]["/api/v1/classify"]["post"]["requestBody"]["content"].values()

    assert form["properties"]["image_hash"]["examples"] == [""]
    assert "image/jpeg" in content["encoding"]["image"]["contentType"]
