"""What nginx itself answers, and what it does to answers on their way, as clients and web pages see it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.factories import make_image
from tests.support.proxy import Proxy, running_proxy
from tests.support.service_process import running_service

PAGE = "https://app.example.com"
TOO_LARGE = 11_000_000


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("proxied")
    with (
        running_service(folder, cors_origins=PAGE) as service,
        running_proxy(folder / "nginx", service.url) as started,
    ):
        yield started


@pytest.fixture(scope="module")
def without_application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder: Path = tmp_path_factory.mktemp("alone")
    with running_proxy(folder / "nginx", "http://127.0.0.1:9") as started:
        yield started


def client_of(proxy: Proxy, **headers: str) -> httpx.Client:
    return httpx.Client(base_url=proxy.url, verify=proxy.tls(), headers=headers)


def upload(client: httpx.Client, image: bytes) -> httpx.Response:
    return client.post("/api/v1/classify", files={"image": image})


def test_errors_of_the_proxy_can_be_read_by_pages(proxy: Proxy, without_application: Proxy) -> None:
    with client_of(proxy, Origin=PAGE) as client, client_of(without_application, Origin=PAGE) as alone:
        responses = [upload(client, b"x" * TOO_LARGE), alone.get("/api/v1/health")]

    assert [response.status_code for response in responses] == [413, 503]
    assert [response.json()["error"]["code"] for response in responses] == ["image_too_large", "service_unavailable"]
    for response in responses:
        assert response.headers["access-control-allow-origin"] == "*"
        assert response.headers["access-control-expose-headers"] == "X-Request-ID, Retry-After"
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "headers"), [("/api/v1/health", {"x-long": "y" * 10_000}), ("/" + "y" * 10_000, {"x": "y"})]
)
def test_a_head_over_the_limits_of_the_proxy_is_answered_as_the_application_would(
    path: str, headers: dict[str, str], proxy: Proxy
) -> None:
    with client_of(proxy) as client:
        response = client.get(path, headers=headers)

    assert (response.status_code, response.json()["error"]["code"]) == (431, "headers_too_large")


def test_answers_of_the_application_are_for_its_origins_alone(proxy: Proxy) -> None:
    with client_of(proxy, Origin=PAGE) as page, client_of(proxy, Origin="https://elsewhere.example") as elsewhere:
        preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}

        assert page.options("/api/v1/classify", headers=preflight).status_code == 204
        assert upload(page, make_image()).headers["access-control-allow-origin"] == PAGE
        assert "access-control-allow-origin" not in upload(elsewhere, make_image()).headers


def test_who_is_no_page_sees_nothing_of_it(without_application: Proxy) -> None:
    with client_of(without_application) as client:
        headers = client.get("/api/v1/health").headers

    assert [name for name in headers if name.startswith("access-control")] == []


@pytest.mark.parametrize("path", ["/openapi.json", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"])
def test_what_is_long_is_sent_small(path: str, proxy: Proxy) -> None:
    with client_of(proxy) as client, client.stream("GET", path) as response:
        sent = sum(len(chunk) for chunk in response.iter_raw())

    with client_of(proxy, **{"Accept-Encoding": "identity"}) as client:
        whole = len(client.get(path).content)
    assert response.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in response.headers["vary"]
    assert sent < whole / 3


def test_head_passes_the_proxy(proxy: Proxy) -> None:
    with client_of(proxy) as client:
        assert client.head("/api/v1/health").status_code == 200
        assert client.get("/api/v1/health").json()["status"] == "healthy"


@pytest.mark.parametrize("path", ["/api/v1/classify/batch", "/api/v1/classify/batch?lane=deferred"])
def test_batches_and_deferred_uploads_come_through(path: str, proxy: Proxy) -> None:
    files = [("images", make_image()), ("images", b"x")]
    with client_of(proxy) as client:
        answer = client.post(path, files=files)
        lines = client.post(path, files=files, headers={"Accept": "application/jsonl"})
        too_large = client.post(path, files=[("images", b"x" * TOO_LARGE)])
        asked = client.post("/api/v1/classify/check-cache/batch", json={"items": [{"image_hash": "0" * 64}] * 200})
        one = client.post("/api/v1/classify?lane=deferred", files={"image": make_image()})

    assert [result["success"] for result in answer.json()["results"]] == [True, False]
    assert lines.headers["content-type"].startswith("application/jsonl")
    assert "x-accel-buffering" not in lines.headers
    assert len(lines.text.splitlines()) == 2
    assert (too_large.status_code, too_large.json()["error"]["code"]) == (413, "request_too_large")
    assert len(asked.json()["results"]) == 200
    assert one.json()["success"] is True
