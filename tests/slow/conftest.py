"""The TypeScript client, and the service that it calls."""

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import settings_for_provider
from tests.support.fake_model_server import FakeModels
from tests.support.service_process import Service, running_service
from tests.support.typescript_app import OTHER_HOST, PAGE, App
from tests.support.typescript_client import built_client


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
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium on the PATH")
    return App(package, "browser.mjs", {"chromium": found, "page": page})


@pytest.fixture(scope="module")
def service_settings(running_fake_models: FakeModels, page: str) -> dict[str, Any]:
    origins = f"{page},{page.replace('127.0.0.1', OTHER_HOST)}"
    return {**settings_for_provider("openai", running_fake_models), "cors_origins": origins}


@pytest.fixture(scope="module")
def service(service_settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("service"), **service_settings) as running:
        yield running
