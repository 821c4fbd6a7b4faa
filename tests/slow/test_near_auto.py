"""NEAR_DUPLICATES=auto on a stream of photos, over three processes and a restart: it serves near matches only while the
comparisons on record allow it."""

import random
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from app.models.domain import Category
from tests.conftest import settings_for_provider
from tests.support.client_versions import shrunk
from tests.support.fake_model_server import FakeModels
from tests.support.near_evidence import Counted, near_status
from tests.support.service_process import Service, running_service

PROCESSES = 3
MAX_ERROR = 0.02
MIN_COMPARISONS = 300
MOST_PAIRS_TO_STOP = 1_000
MOST_COMPARISONS_TO_STOP = 50
AGREEMENT_SECONDS = 5


def photo_of(number: int) -> bytes:
    """Return a photo that looks like no other and has much detail."""
    coarse = Image.frombytes("RGB", (24, 16), random.Random(number).randbytes(24 * 16 * 3))
    output = BytesIO()
    coarse.resize((480, 320), Image.Resampling.BICUBIC).save(output, "JPEG", quality=90)
    return output.getvalue()


@dataclass
class Stream:
    """Photos that come once as they are and once as another client shrinks them, to the processes in turn."""

    models: FakeModels
    services: list[Service] = field(default_factory=list)
    clients: list[httpx.Client] = field(default_factory=list)
    sent: int = 0
    counted: Counted = field(default_factory=Counted)
    opinion: Category = Category.PETS
    """What the model says at the moment, whatever it is asked about."""

    def __post_init__(self) -> None:
        self.models.answer = lambda _: {"category": str(self.opinion), "confidence": 0.9, "description": "as asked"}

    def send_pair(self, opinion_of_second: Category = Category.PETS) -> dict[str, Any]:
        """Send the next photo in both versions; return the answer to the second."""
        number = self._next()
        self.opinion = Category.PETS
        first = self._post(number, photo_of(number))
        assert (first["from_cache"], first["data"]["category"]) == (False, "pets")
        self.opinion = opinion_of_second
        second = self._post(number + 1, shrunk(photo_of(number), 320, 75))
        self._check(second, opinion_of_second)
        return second

    def send_pairs(self, number: int) -> int:
        """Send so many photos, several at a time; return how many of the second versions were served."""
        self.opinion = Category.PETS

        def pair(index: int) -> dict[str, Any]:
            self._post(index, photo_of(index))
            return self._post(index + 1, shrunk(photo_of(index), 320, 75))

        indexes = [self._next() for _ in range(number)]
        with ThreadPoolExecutor(PROCESSES) as pool:
            seconds = list(pool.map(pair, indexes))
        for second in seconds:
            self._check(second, Category.PETS)
        return sum(second["from_cache"] for second in seconds)

    def wait_until_all(self, state: str) -> None:
        """Return as soon as every process says that this is its state, on all that was compared here."""
        wanted = (state, self.counted.compared, self.counted.disagreed)
        end = time.monotonic() + AGREEMENT_SECONDS
        while True:
            told = [near_status(service) for service in self.services]
            if all((near["state"], near["comparisons"], near["disagreed"]) == wanted for near in told):
                return
            assert time.monotonic() < end, f"{told} and not {wanted}"
            time.sleep(0.05)

    def _next(self) -> int:
        self.sent += 1
        return self.sent

    def _post(self, turn: int, image: bytes) -> dict[str, Any]:
        answer = self.clients[turn % len(self.clients)].post("/classify", files={"image": image})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def _check(self, second: dict[str, Any], opinion: Category) -> None:
        """Count a comparison; or see that what was served was allowed, by what was counted here."""
        if second["from_cache"]:
            assert second["matched_by"] == "near"
            assert second["data"] == {"category": "pets", "confidence": 0.9, "description": None}
            assert self.counted.compared >= MIN_COMPARISONS
        else:
            assert second["data"]["category"] == opinion
            self.counted.compared += 1
            self.counted.disagreed += opinion is not Category.PETS


@contextmanager
def running(stream: Stream, folder: Path, settings: Mapping[str, Any]) -> Iterator[None]:
    """Run the processes, and let the stream flow to them."""
    with ExitStack() as stack:
        folders = [folder / str(number) for number in range(PROCESSES)]
        for each in folders:
            each.mkdir(parents=True)
        stream.services = [stack.enter_context(running_service(each, **settings)) for each in folders]
        stream.clients = [
            stack.enter_context(httpx.Client(base_url=f"{service.url}/api/v1", timeout=30))
            for service in stream.services
        ]
        yield


def test_auto_serves_when_the_interval_allows_it_and_stops_when_the_model_changes(
    mysql_settings: dict[str, Any], fake_models: FakeModels, tmp_path: Path
) -> None:
    settings = {
        **mysql_settings,
        **settings_for_provider("openai", fake_models),
        "near_duplicates": "auto",
        "near_max_error": MAX_ERROR,
    }
    stream = Stream(fake_models)
    with running(stream, tmp_path / "first", settings):
        observe_until_it_may_serve(stream)
        stream.wait_until_all("serving")
        assert stream.send_pairs(30) > 15
    with running(stream, tmp_path / "second", settings):
        stream.wait_until_all("serving")
        assert stream.send_pairs(30) > 15
        change_the_model_until_it_stops(stream)
        assert [stream.send_pair(Category.FOODS)["from_cache"] for _ in range(10)] == [False] * 10
    with running(stream, tmp_path / "third", settings):
        stream.wait_until_all("observing")
        assert not stream.send_pair(Category.FOODS)["from_cache"]


def observe_until_it_may_serve(stream: Stream) -> None:
    # None disagrees, and the interval would allow it: there are too few.
    assert stream.send_pairs(MIN_COMPARISONS - 2) == 0
    stream.wait_until_all("observing")
    assert stream.counted.upper_end <= MAX_ERROR

    # Now there are enough, and two of them are too many that disagree.
    stream.send_pair(Category.OTHER)
    stream.send_pair(Category.OTHER)
    stream.wait_until_all("observing")
    assert (stream.counted.compared, stream.counted.disagreed) == (MIN_COMPARISONS, 2)
    while stream.counted.upper_end > MAX_ERROR:
        assert not stream.send_pair()["from_cache"]


def change_the_model_until_it_stops(stream: Stream) -> None:
    before = stream.counted.compared
    for _ in range(MOST_PAIRS_TO_STOP):
        stream.send_pair(Category.FOODS)
        if near_status(stream.services[0])["state"] == "observing":
            break
    stream.wait_until_all("observing")
    assert stream.counted.upper_end > MAX_ERROR
    assert stream.counted.compared - before <= MOST_COMPARISONS_TO_STOP
