"""What other people's software makes of the interface: linters, client generators, a browser."""

import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.models.domain import Category
from tests.conftest import SAMPLES, settings_for_provider
from tests.factories import make_image
from tests.support.chromium import NoChromium, chromium_program
from tests.support.client_tools import CLIENTS, ClientTools, install_client_tools
from tests.support.fake_model_server import FakeModels
from tests.support.service_process import Service, running_service

API_KEY = "k" * 40


@pytest.fixture(scope="module")
def tools() -> ClientTools:
    try:
        return install_client_tools()
    except RuntimeError as reason:
        pytest.skip(f"the generators cannot be had: {reason}")


@pytest.fixture
def service(tmp_path: Path, fake_models: FakeModels) -> Iterator[Service]:
    with running_service(tmp_path, **settings_for_provider("openai", fake_models)) as running:
        yield running


@pytest.fixture
def workplace(tmp_path: Path, service: Service, tools: ClientTools) -> Path:
    """A folder with the OpenAPI page, the flows, and a photo that no other test has."""
    place = tmp_path / "workplace"
    shutil.copytree(CLIENTS, place)
    (place / "node_modules").symlink_to(tools.folder / "node_modules")
    (place / "photo.png").write_bytes(make_image("PNG"))
    (place / "openapi.json").write_text(httpx.get(f"{service.url}/openapi.json").text, encoding="utf-8")
    return place


def assert_whole_flow(printed: str, error: str = "invalid_image_hash") -> None:
    """Assert that a client saw a miss, an answer, a hit, the categories, an error's code and the statistics."""
    seen = json.loads(printed)
    assert seen.pop("category") in list(Category)
    assert seen.pop("described").startswith("一张图片 ")  # in Chinese, as the vendor said it
    assert seen == {
        "missed": True,
        "asked": True,
        "hit": True,
        "pets": "宠物萌照",
        "error": error,
        "requests": 2,
    }


def test_spectral_finds_nothing(tools: ClientTools, workplace: Path) -> None:
    (workplace / ".spectral.yaml").write_text('extends: ["spectral:oas"]\n')

    printed = tools.run(workplace, tools.node("spectral"), "lint", "--fail-severity", "hint", "openapi.json")

    assert "No results with a severity of 'hint' or higher found!" in printed


def test_redocly_finds_nothing(tools: ClientTools, workplace: Path) -> None:
    lint = ("lint", "--extends", "recommended", "--format", "json", "openapi.json")

    assert json.loads(tools.run(workplace, tools.node("redocly"), *lint))["totals"] == {
        "errors": 0, "warnings": 0, "ignored": 0,
    }  # fmt: skip


def test_a_client_of_openapi_python_client_runs_the_whole_flow(
    tools: ClientTools, workplace: Path, service: Service
) -> None:
    generate = ("generate", "--path", "openapi.json", "--output-path", "opc", "--meta", "none")
    tools.run(workplace, tools.python("openapi-python-client"), *generate)

    flow = ("openapi_python_client_flow.py", service.url, "photo.png")
    assert_whole_flow(tools.run(workplace, tools.python(), *flow))


def test_a_client_of_openapi_generator_for_python_runs_the_whole_flow(
    tools: ClientTools, workplace: Path, service: Service
) -> None:
    generate = ("generate", "-g", "python", "-i", "openapi.json", "-o", "openapi_generator")
    package = ("--package-name", "classifier_client")
    tools.run(workplace, tools.python("openapi-generator-cli"), *generate, *package)

    flow = ("openapi_generator_flow.py", service.url, "photo.png")
    assert_whole_flow(tools.run(workplace, tools.python(), *flow), error="unsupported_format")


@pytest.mark.parametrize("flow", ["openapi_fetch_flow", "hey_api_flow"])
def test_clients_in_typescript_compile_strictly_and_run_the_whole_flow(
    flow: str, tools: ClientTools, workplace: Path, service: Service
) -> None:
    tools.run(workplace, tools.node("openapi-typescript"), "openapi.json", "-o", "schema.d.ts")
    tools.run(workplace, tools.node("openapi-ts"), "-i", "openapi.json", "-o", "hey_api", "-c", "@hey-api/client-fetch")
    tools.run(workplace, tools.node("tsc"), "--project", ".")

    assert_whole_flow(tools.run(workplace, "node", f"built/{flow}.js", service.url, "photo.png"))


@pytest.fixture(scope="module")
def chromium() -> str:
    try:
        return chromium_program()
    except NoChromium:
        pytest.skip("no Chromium on the PATH")


def test_the_documentation_page_works_in_a_browser_without_the_internet(
    chromium: str, tools: ClientTools, workplace: Path, service: Service
) -> None:
    page = (chromium, service.url, str(SAMPLES / "cat.png"))
    seen = json.loads(tools.run(workplace, "node", "browser_docs.mjs", *page))

    assert seen["complaints"] == []
    assert seen["hosts"] == [httpx.URL(service.url).netloc.decode()]
    assert seen["title"] == "Image classifier"
    assert (seen["status"], seen["body"]["success"]) == (200, True)


@pytest.fixture
def web_page(tmp_path: Path) -> Iterator[str]:
    """A page of another origin than the service's."""
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "index.html").write_text("<!DOCTYPE html><title>An app</title>")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("allowed", [True, False], ids=["allowed", "not allowed"])
def test_a_page_of_another_origin_calls_in_a_browser_where_it_is_allowed(
    allowed: bool, chromium: str, tools: ClientTools, web_page: str, tmp_path: Path, fake_models: FakeModels
) -> None:
    shutil.copy(CLIENTS / "browser_page.mjs", tmp_path)
    (tmp_path / "node_modules").symlink_to(tools.folder / "node_modules")
    (tmp_path / "photo.png").write_bytes(make_image("PNG"))
    settings: dict[str, Any] = {**settings_for_provider("openai", fake_models), "api_keys": API_KEY}
    with running_service(tmp_path, **settings, **({"cors_origins": web_page} if allowed else {})) as service:
        page = (chromium, service.url, web_page, "photo.png")
        seen = json.loads(tools.run(tmp_path, "node", "browser_page.mjs", *page))

    statuses = {name: call["status"] for name, call in seen.items()}
    if not allowed:
        assert set(statuses.values()) == {0}
        return
    assert statuses == {"miss": 200, "asked": 200, "hit": 200, "refused": 401, "health": 200, "tooLarge": 413}
    assert all(call["id"] for call in seen.values())
    assert (seen["miss"]["body"]["cached"], seen["hit"]["body"]["cached"]) == (False, True)
    assert seen["refused"]["body"]["error"]["code"] == "unauthorized"
