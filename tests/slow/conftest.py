"""The TypeScript client and the pages, and the services that they call."""

import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.conftest import settings_for_provider
from tests.factories import make_image
from tests.support.chromium import NoChromium, chromium_program
from tests.support.fake_model_server import FakeModels
from tests.support.service_process import Service, running_service
from tests.support.typescript_app import OTHER_HOST, PAGE, App, saved
from tests.support.typescript_client import built_client
from tests.support.web_browser import Tab, open_tab, running_browser


@pytest.fixture(scope="module")
def package() -> Path:
    try:
        return built_client()
    except RuntimeError as reason:
        pytest.skip(f"the client cannot be built: {reason}")


@pytest.fixture(scope="module")
def page(package: Path) -> Iterator[str]:
    """A page of another origin than the service's, with the client beside it."""
    (package / "index.html").write_text(PAGE)
    quiet = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=str(package)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def browser(package: Path, page: str) -> App:
    try:
        return App(package, "browser.mjs", {"chromium": chromium_program(), "page": page})
    except NoChromium:
        pytest.skip("no Chromium on the PATH")


@pytest.fixture(scope="module")
def service_settings(running_fake_models: FakeModels, page: str) -> dict[str, Any]:
    origins = f"{page},{page.replace('127.0.0.1', OTHER_HOST)}"
    return {**settings_for_provider("openai", running_fake_models), "cors_origins": origins}


@pytest.fixture(scope="module")
def service(service_settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("service"), **service_settings) as running:
        yield running


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    try:
        async with running_browser(f"--host-resolver-rules=MAP {OTHER_HOST} 127.0.0.1") as browser:
            yield browser
    except NoChromium:
        pytest.skip("no Chromium on the PATH")


@pytest.fixture
def page_settings() -> dict[str, Any]:
    """What a test of the pages sets beside the fake vendor."""
    return {}


@pytest.fixture
def page_service(fake_models: FakeModels, page_settings: dict[str, Any], tmp_path: Path) -> Iterator[Service]:
    folder = tmp_path / "service"
    folder.mkdir()
    chosen = {**settings_for_provider("openai", fake_models), "near_duplicates": "serve", **page_settings}
    with running_service(folder, **chosen) as running:
        yield running


@pytest.fixture
async def tab(chromium: Browser, page_service: Service) -> AsyncIterator[Tab]:
    """The page, as it is opened. Whatever a test does with it: no error, and no request to anybody else."""
    async with open_tab(chromium, page_service.url) as opened:
        yield opened
        assert opened.errors == []
        assert opened.elsewhere(page_service.url) == []


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return [saved(tmp_path, make_image("JPEG"), f"photo-{number}.jpg") for number in range(3)]


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    return saved(tmp_path, make_image("JPEG")[:700], "broken.jpg")
