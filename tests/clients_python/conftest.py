"""The real service as a process of its own, a front before it that fails as told, and both clients behind one face."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import pytest

from photo_classifier.answer import Answer
from photo_classifier.async_client import AsyncClassifier
from photo_classifier.client import Classifier
from photo_classifier.core.reading import Checked
from photo_classifier.options import Options
from photo_classifier.outcome import OnDone, Outcome
from photo_classifier.photo import Names, PhotoSource
from tests.conftest import settings_for_provider
from tests.support.fake_model_server import FakeModels
from tests.support.service_process import Service, running_service
from tests.support.unreliable_front import Front

Value = TypeVar("Value")


@pytest.fixture(scope="session")
def service(running_fake_models: FakeModels, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with the fake vendor. All tests share it: each has photos of its own."""
    settings = settings_for_provider("openai", running_fake_models)
    with running_service(tmp_path_factory.mktemp("service"), **settings, near_duplicates="off") as started:
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
