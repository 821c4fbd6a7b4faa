"""The real service as a process of its own, a front before it that fails as told, and both clients behind one face."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from photo_classifier.answer import Answer
from photo_classifier.async_client import AsyncClassifier
from photo_classifier.client import Classifier
from photo_classifier.core.reading import Checked
from photo_classifier.options import Options
from photo_classifier.outcome import OnDone, Outcome
from photo_classifier.photo import Names, PhotoSource
from tests.conftest import TEST_DATABASE, schema_of, settings_for_provider
from tests.support.apps_page import SIGNING_KEY
from tests.support.fake_model_server import FakeModels
from tests.support.mysql_server import MySQLServer
from tests.support.service_process import Service, running_service
from tests.support.unreliable_front import Front

API_KEY = "a-key-of-the-tests-apps"

Value = TypeVar("Value")


@dataclass(frozen=True)
class Deployment:
    """A service with the fake vendor, and how to start another process of it."""

    service: Service
    settings: dict[str, Any]


@contextmanager
def deployed(folder: Path, models: FakeModels, **database: object) -> Iterator[Deployment]:
    settings = {**settings_for_provider("openai", models), "near_duplicates": "off", **database}
    with running_service(folder, **settings) as started:
        yield Deployment(started, settings)


@pytest.fixture(scope="session")
def on_sqlite(running_fake_models: FakeModels, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """All tests share it: each has photos of its own."""
    folder = tmp_path_factory.mktemp("sqlite")
    with deployed(folder, running_fake_models, sqlite_path=folder / "shared.db") as made:
        yield made


@pytest.fixture(scope="module")
def on_mysql(
    mysql_server: MySQLServer, running_fake_models: FakeModels, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """In a database of its own: other tests empty the one that they share."""
    database = f"{TEST_DATABASE}_clients"
    mysql_server.query(schema_of(database))
    folder = tmp_path_factory.mktemp("mysql")
    with deployed(folder, running_fake_models, **mysql_server.settings(database)) as made:
        yield made
    mysql_server.query(f"DROP DATABASE {database}")


@pytest.fixture
def deployment(request: pytest.FixtureRequest) -> Deployment:
    """On SQLite, where a test does not say otherwise."""
    made: Deployment = request.getfixturevalue(f"on_{getattr(request, 'param', 'sqlite')}")
    return made


@pytest.fixture
def service(deployment: Deployment) -> Service:
    return deployment.service


@pytest.fixture(scope="session")
def guarded_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that wants `API_KEY` and signed requests."""
    with running_service(tmp_path_factory.mktemp("guarded"), api_keys=API_KEY, signing_keys=SIGNING_KEY) as started:
        yield started


@pytest.fixture
def front(service: Service) -> Iterator[Front]:
    with Front.running(service.url) as started:
        yield started


@dataclass(frozen=True)
class Sync:
    """Calls `Classifier`."""

    options: Options

    def classify(self, source: PhotoSource) -> Answer:
        with Classifier(self.options) as client:
            return client.classify(source)

    def check_many(self, many: Sequence[Names]) -> list[Checked]:
        with Classifier(self.options) as client:
            return client.check_many(many)

    def classify_many(
        self, sources: Iterable[PhotoSource], concurrency: int = 4, on_done: OnDone | None = None
    ) -> list[Outcome]:
        with Classifier(self.options) as client:
            return client.classify_many(sources, concurrency=concurrency, on_done=on_done)


@dataclass(frozen=True)
class Async:
    """Calls `AsyncClassifier`, in an event loop of its own."""

    options: Options

    def classify(self, source: PhotoSource) -> Answer:
        return self._run(lambda client: client.classify(source))

    def check_many(self, many: Sequence[Names]) -> list[Checked]:
        return self._run(lambda client: client.check_many(many))

    def classify_many(
        self, sources: Iterable[PhotoSource], concurrency: int = 4, on_done: OnDone | None = None
    ) -> list[Outcome]:
        return self._run(lambda client: client.classify_many(sources, concurrency=concurrency, on_done=on_done))

    def _run(self, call: Callable[[AsyncClassifier], Awaitable[Value]]) -> Value:
        async def with_client() -> Value:
            async with AsyncClassifier(self.options) as client:
                return await call(client)

        with ThreadPoolExecutor(1) as thread:  # the tests' own thread has an event loop already
            return thread.submit(asyncio.run, with_client()).result()


Face = Callable[[Options], Sync | Async]


on_both_databases = pytest.mark.parametrize(
    ("deployment", "face"), [("sqlite", Sync), ("sqlite", Async), ("mysql", Sync)], indirect=True
)
"""What is promised of the service's database holds on MySQL as well; which client asks makes no difference there."""


@pytest.fixture(params=[Sync, Async], ids=["sync", "async"])
def face(request: pytest.FixtureRequest) -> Face:
    """Either client: a test that takes this holds for both."""
    made: Face = request.param
    return made


@pytest.fixture
def endless_server() -> Iterator[str]:
    """A server that sends its answer a byte at a time, for ever."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = threading.Event()
        thread = threading.Thread(target=_trickle, args=(listener, ended), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _trickle(listener: socket.socket, ended: threading.Event) -> None:
    with suppress(OSError):
        while not ended.is_set():
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                while not ended.wait(0.02):
                    connection.sendall(b" ")
