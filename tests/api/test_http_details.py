"""What HTTP libraries, caches and monitors look at beside the body: charset, HEAD, Allow, Cache-Control."""

from typing import Any

import httpx
import pytest

from app.main import create_app
from tests.api.calls import check_cache, classify, upload
from tests.conftest import make_settings
from tests.factories import make_image, make_image_hash
from tests.support.service_process import running_service

JSON_IN_UTF8 = "application/json; charset=utf-8"


@pytest.fixture
def database_settings(sqlite_settings: dict[str, Any]) -> dict[str, Any]:
    """One database will do: nothing here is about what is in it."""
    return sqlite_settings


def paths_to_get() -> list[str]:
    """But for the stream, which does not end: `test_live_streams` asks for its head."""
    paths = [path for path, methods in create_app(make_settings()).openapi()["paths"].items() if "get" in methods]
    return [*(path for path in paths if not path.endswith("/stream")), "/", "/dashboard", "/docs", "/openapi.json"]


async def test_json_names_its_charset_wherever_it_comes_from(client: httpx.AsyncClient) -> None:
    """Dart's http before 1.4 reads a body without one as Latin-1."""
    responses = [
        await client.post("/classify/check-cache", json={"image_hash": make_image_hash()}),
        await upload(client, make_image()),
        await client.get("/stats/today"),
        await client.get("/health"),
        await client.get("http://test/openapi.json"),
        await client.get("/nowhere"),
        await client.post("/classify"),
    ]

    assert {response.headers["content-type"] for response in responses} == {JSON_IN_UTF8}


@pytest.mark.parametrize("path", paths_to_get())
async def test_head_is_answered_as_get_without_a_body(path: str, client: httpx.AsyncClient) -> None:
    got = await client.get(f"http://test{path}")
    asked = await client.head(f"http://test{path}")

    assert asked.status_code == got.status_code
    assert asked.content == b""
    changing = {"content-length", "x-request-id"}  # figures and times differ from one moment to the next
    assert asked.headers.keys() == got.headers.keys()
    assert {k: v for k, v in asked.headers.items() if k not in changing} == {
        k: v for k, v in got.headers.items() if k not in changing
    }


def test_the_server_sends_no_body_after_head(tmp_path: Any) -> None:
    """Both on one connection: a body would be taken for the beginning of the next answer."""
    with running_service(tmp_path) as service, httpx.Client(base_url=service.url) as client:
        for _ in range(3):
            response = client.head("/api/v1/health")
            assert (response.status_code, response.content) == (200, b"")
            assert int(response.headers["content-length"]) > 0
            assert client.get("/api/v1/health").json()["status"] == "healthy"


async def test_an_address_says_which_methods_it_takes(client: httpx.AsyncClient) -> None:
    assert (await client.delete("/health")).headers["allow"] == "GET, HEAD"
    assert (await client.head("/classify")).headers["allow"] == "POST"
    assert (await client.head("/classify")).status_code == 405


async def test_head_is_counted_as_head_of_its_address(client: httpx.AsyncClient) -> None:
    await client.head("/health/live")

    figures = (await client.get("http://test/metrics")).text
    assert 'method="HEAD",route="/api/v1/health/live",status="200"' in figures


@pytest.mark.parametrize("path", ["/stats/today", "/stats/users/top", "/health", "http://test/metrics"])
async def test_what_changes_is_kept_by_no_cache(path: str, client: httpx.AsyncClient) -> None:
    assert (await client.get(path)).headers["cache-control"] == "no-store"


async def test_a_users_record_is_kept_by_no_cache_and_depends_on_who_asks(client: httpx.AsyncClient) -> None:
    image = make_image()
    record = f"/requests/{(await classify(client, image, user='me'))['request_id']}"
    await check_cache(client, image, user="me")

    mine = await client.get(record, headers={"X-User-ID": "me"})
    anothers = await client.get(record, headers={"X-User-ID": "you"})

    assert (mine.status_code, mine.headers["cache-control"]) == (200, "no-store")
    assert "X-User-ID" in mine.headers["vary"]
    assert (anothers.status_code, anothers.headers["cache-control"]) == (404, "no-store")
