"""The OpenAPI page is the whole truth: generated requests meet no 5xx, no undocumented status, no other shape."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.main import create_app
from tests.conftest import make_settings
from tests.factories import error_codes
from tests.support.service_process import Service, running_service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("service")) as running:
        yield running


CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)


def test_generated_requests_are_answered_as_documented(service: Service, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{service.url}/openapi.json"]
    options = ["--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing", "--max-examples", "50"]

    # Elsewhere than here: it leaves a database of examples behind.
    ended = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True)

    assert ended.returncode == 0, ended.stdout
    assert "14 selected / 14 total" in ended.stdout, ended.stdout


def page() -> dict[str, Any]:
    return create_app(make_settings()).openapi()


def operations() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in page()["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_endpoint_of_the_contract_is_on_the_page() -> None:
    assert {name for name, _ in operations()} == {
        "POST /api/v1/classify/check-cache",
        "POST /api/v1/classify",
        "GET /api/v1/stats/today",
        "GET /api/v1/stats/cache-efficiency",
        "GET /api/v1/stats/tokens",
        "GET /api/v1/stats/category-distribution",
        "GET /api/v1/stats/users/top",
        "GET /api/v1/stats/images/top",
        "GET /api/v1/requests/{request_id}",
        "GET /api/v1/categories",
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

    # The two that are answered where no operation is.
    assert set(error_codes()) - shown == {"method_not_allowed", "headers_too_large"}


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


def test_the_documentation_page_is_served(service: Service) -> None:
    response = httpx.get(f"{service.url}/docs")

    assert response.status_code == 200
    assert "/openapi.json" in response.text
    assert response.headers["x-request-id"].startswith("req_")
