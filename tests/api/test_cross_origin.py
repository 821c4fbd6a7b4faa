"""Web pages of other origins: allowed where CORS_ORIGINS names them, on every path and with every status."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from app.container import open_container
from tests.conftest import make_client, make_settings
from tests.factories import make_image, make_image_hash

PAGE = "https://app.example.com"
API_KEY = "k" * 40


@pytest.fixture
async def client(sqlite_settings: dict[str, Any]) -> AsyncIterator[httpx.AsyncClient]:
    """An application with a key that lets pages of one origin call."""
    settings = make_settings(**sqlite_settings, llm_provider="local", api_keys=API_KEY, cors_origins=PAGE)
    async with open_container(settings) as container, make_client(settings, container) as made:
        made.headers["Origin"] = PAGE
        yield made


async def preflight(
    client: httpx.AsyncClient, path: str, method: str = "POST", headers: str = "x-api-key,x-user-id"
) -> httpx.Response:
    """Ask as a browser does before the call itself: without a key."""
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return await client.options(path, headers=asked)


@pytest.mark.parametrize("path", ["/classify", "/classify/check-cache", "/stats/today", "/requests/req_1_000000000000"])
async def test_a_preflight_needs_no_key(path: str, client: httpx.AsyncClient) -> None:
    response = await preflight(client, path, "GET" if "s/" in path else "POST")

    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == PAGE
    assert response.headers["access-control-max-age"] == "7200"
    assert "POST" in response.headers["access-control-allow-methods"]
    assert response.headers["x-request-id"].startswith("req_")
    assert response.content == b""


async def test_a_page_may_send_every_header_that_the_interface_has(client: httpx.AsyncClient) -> None:
    headers = "content-type,x-user-id,x-api-key,authorization,content-digest,signature,signature-input"

    assert (await preflight(client, "/classify", headers=headers)).status_code == 204
    assert (await preflight(client, "/classify", headers="x-other")).status_code == 403
    assert (await preflight(client, "/history", method="DELETE")).status_code == 204
    assert (await preflight(client, "/classify", method="PATCH")).status_code == 403


async def test_a_page_that_traces_itself_may_say_what_a_call_belongs_to(client: httpx.AsyncClient) -> None:
    assert (await preflight(client, "/classify", headers="traceparent,tracestate,x-api-key")).status_code == 204


async def test_a_page_can_read_answers_and_errors_alike(client: httpx.AsyncClient) -> None:
    image, key = make_image(), {"X-API-Key": API_KEY}
    question = {"image_hash": hashlib.sha256(image).hexdigest()}
    responses = {
        "hit or miss": await client.post("/classify/check-cache", json=question, headers=key),
        "upload": await client.post("/classify", files={"image": image}, headers=key),
        "no key": await client.post("/classify", files={"image": image}),
        "bad hash": await client.post("/classify/check-cache", json={"image_hash": "x"}, headers=key),
        "too large": await client.post("/classify", files={"image": b"x" * 11_000_000}, headers=key),
        "nowhere": await client.get("/nowhere"),
        "statistics": await client.get("/stats/today"),
    }

    assert [response.status_code for response in responses.values()] == [200, 200, 401, 400, 413, 404, 200]
    for name, response in responses.items():
        assert response.headers["access-control-allow-origin"] == PAGE, name
        assert response.headers["access-control-expose-headers"] == "X-Request-ID, Retry-After", name
        assert "Origin" in response.headers["vary"], name


async def test_pages_of_other_origins_may_not(client: httpx.AsyncClient) -> None:
    client.headers["Origin"] = "https://elsewhere.example"

    refused = await preflight(client, "/classify")
    answer = await client.get("/health")

    assert refused.status_code == 403
    assert "access-control-allow-origin" not in refused.headers
    assert "access-control-allow-origin" not in answer.headers


async def test_preflights_are_no_requests_and_no_errors_in_the_figures(client: httpx.AsyncClient) -> None:
    await preflight(client, "/classify")
    await preflight(client, "/classify", headers="x-other")

    assert 'method="OPTIONS"' not in (await client.get("http://test/metrics")).text


async def test_without_the_setting_nothing_is_allowed(sqlite_settings: dict[str, Any]) -> None:
    settings = make_settings(**sqlite_settings, llm_provider="local")
    async with open_container(settings) as container, make_client(settings, container) as client:
        client.headers["Origin"] = PAGE
        answer = await client.post("/classify/check-cache", json={"image_hash": make_image_hash()})

        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert (await preflight(client, "/classify")).status_code == 405


async def test_a_star_allows_all_pages(sqlite_settings: dict[str, Any]) -> None:
    settings = make_settings(**sqlite_settings, llm_provider="local", cors_origins="*")
    async with open_container(settings) as container, make_client(settings, container) as client:
        client.headers["Origin"] = PAGE

        assert (await client.get("/health")).headers["access-control-allow-origin"] == "*"
        assert (await preflight(client, "/classify")).headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    "origins", ["app.example.com", "https://app.example.com/", "https://App.example.com", "https://a/b", "null"]
)
def test_what_no_browser_sends_as_an_origin_is_refused(origins: str) -> None:
    with pytest.raises(ValidationError, match="takes origins such as"):
        make_settings(cors_origins=origins)


def test_origins_may_have_ports_and_schemes_of_apps() -> None:
    origins = "https://app.example.com,http://localhost:5173,capacitor://localhost,http://[::1]:3000"

    assert make_settings(cors_origins=origins).cors_origins == tuple(origins.split(","))
