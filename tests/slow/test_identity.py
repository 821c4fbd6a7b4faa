"""One photo is paid for once, whatever clients make of it: on real files, in processes as they are deployed."""

import asyncio
import itertools
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from app.models.domain import Category
from app.utils.hash_utils import sha256_hex
from app.utils.image_utils import ImageLimits, prepare_image
from tests.conftest import settings_for_provider
from tests.support.camera_photos import SAMPLE_CATEGORIES, camera_photo, draw_landscape, sample_pictures
from tests.support.client_versions import CLIENT_VERSIONS, ENCODED_ANEW, SAME_PICTURE
from tests.support.drawn_cards import card_photo
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.jpeg_surgery import METADATA_VERSIONS, orientation_of
from tests.support.near_evidence import near_status
from tests.support.seeing_model import SeeingModel
from tests.support.service_process import GUNICORN, Service, running_service
from tests.support.waiting import until

CATEGORIES = {**SAMPLE_CATEGORIES, "landscape": Category.TRAVEL_SCENERY}
CARDS = 40
REACH = 15
CALLERS = 300
WORKERS = 3
MOST_SAMPLED = 5
"""One near match in 20 is a sample: of 84 it is not one in 5."""

Files = dict[str, dict[str, bytes]]
Upload = tuple[str, str]
"""The photo and its version."""

Answer = dict[str, Any]


@pytest.fixture(scope="module")
def photos() -> dict[str, bytes]:
    """Six photos of a camera. An identity card is none of them: its versions are paid for one by one."""
    pictures = {**sample_pictures(), "landscape": draw_landscape()}
    del pictures["idcard"]
    return {name: camera_photo(picture, seed, 1600) for seed, (name, picture) in enumerate(pictures.items())}


@pytest.fixture(scope="module")
def files(photos: dict[str, bytes]) -> Files:
    """The 22 versions of each photo."""
    made = {name: {title: make(photo) for title, make in CLIENT_VERSIONS.items()} for name, photo in photos.items()}
    assert {len(set(versions.values())) for versions in made.values()} == {22}
    return made


def post(client: httpx.Client, image: bytes) -> Answer:
    answer = client.post("/classify", files={"image": image})
    assert answer.status_code == 200, answer.text
    body: Answer = answer.json()
    return body


def client_of(service: Service) -> httpx.Client:
    return httpx.Client(base_url=f"{service.url}/api/v1", timeout=60)


def upload_all(client: httpx.Client, files: Files, order: Sequence[Upload]) -> list[tuple[Upload, Answer]]:
    return [((name, title), post(client, files[name][title])) for name, title in order]


def originals_first(files: Files) -> list[Upload]:
    return [(name, title) for title in CLIENT_VERSIONS for name in files]


def shuffled(files: Files) -> list[Upload]:
    order = originals_first(files)
    random.Random(1).shuffle(order)
    return order


def told(answer: Answer) -> tuple[str, str | None]:
    return answer["data"]["category"], answer["data"]["description"]


def assert_right(answers: list[tuple[Upload, Answer]]) -> None:
    """Each photo's own category, and its description wherever the answer is of the same picture."""
    for (name, title), answer in answers:
        description = None if answer["matched_by"] == "near" else name
        assert told(answer) == (CATEGORIES[name], description), f"{name}, {title}: {answer}"


def test_what_clients_do_to_a_file_alone_leaves_its_picture_alone(files: Files) -> None:
    for name, versions in files.items():
        original = pixels_of(versions["the original"])
        assert {title for title in SAME_PICTURE if pixels_of(versions[title]) != original} == set(), name


def pixels_of(image: bytes) -> tuple[int, bytes]:
    with Image.open(BytesIO(image)) as opened:
        return orientation_of(image), opened.tobytes()


@pytest.mark.parametrize("order_of", [originals_first, shuffled])
def test_six_photos_in_22_client_versions_are_six_paid_calls(
    photos: dict[str, bytes],
    files: Files,
    fake_models: FakeModels,
    tmp_path: Path,
    order_of: Callable[[Files], list[Upload]],
) -> None:
    """Near matches that a model is asked about as samples are paid beside them, and the service says how many."""
    fake_models.answer = SeeingModel.of(photos, CATEGORIES)
    settings = settings_for_provider("openai", fake_models)
    order = order_of(files)
    with (
        running_service(tmp_path, near_duplicates="serve", **settings) as service,
        client_of(service) as client,
    ):
        answers = upload_all(client, files, order)
        sampled = near_status(service)["comparisons"]
        paid = len(fake_models.calls)
        again = upload_all(client, files, order[::-1])

    names = Counter(answer["matched_by"] for _, answer in answers)
    assert paid == names[None] == 6 + sampled
    assert sampled <= 6 * len(ENCODED_ANEW) // MOST_SAMPLED
    assert_right(answers + again)
    assert {answer["from_cache"] for _, answer in again} == {True}, "a file that was answered costs nothing"
    assert len(fake_models.calls) == paid
    if order_of is originals_first:
        same_pixels = len(SAME_PICTURE) - 1
        assert names["content"] + names["question"] == 6 * same_pixels
        assert names["content"] >= 6 * (len(METADATA_VERSIONS) + 1)
        assert names["near"] == 6 * len(ENCODED_ANEW) - sampled


def test_cards_of_one_template_are_paid_for_one_by_one(fake_models: FakeModels, tmp_path: Path) -> None:
    cards = [card_photo(number) for number in range(CARDS)]
    fake_models.answer = lambda jpeg: {"category": "idcard", "confidence": 0.97, "description": sha256_hex(jpeg)[:12]}
    settings = settings_for_provider("openai", fake_models)
    with (
        running_service(tmp_path, near_duplicates="serve", near_max_distance=REACH, **settings) as service,
        client_of(service) as client,
    ):
        answers = [post(client, card) for card in cards]

    assert pairs_in_reach(cards) >= 20, "cards that do not look alike prove nothing"
    assert len(fake_models.calls) == CARDS
    assert {(answer["from_cache"], answer["matched_by"]) for answer in answers} == {(False, None)}
    assert len({answer["data"]["description"] for answer in answers}) == CARDS


def pairs_in_reach(images: list[bytes]) -> int:
    """Return how many pairs of images look so much alike that one could answer for the other."""
    limits = ImageLimits(frozenset({"JPEG"}), 50_000_000)
    seen = [int.from_bytes(prepare_image(image, limits, 512).fingerprint.pdq) for image in images]
    return sum((one ^ other).bit_count() <= REACH for one, other in itertools.combinations(seen, 2))


def test_every_near_match_that_is_observed_is_paid_for_compared_and_counted(
    photos: dict[str, bytes], files: Files, fake_models: FakeModels, tmp_path: Path
) -> None:
    """The model thinks otherwise of the cat after the first. Its versions then have neighbours that contradict each
    other: of them only the first is a match."""
    seen = SeeingModel.of(photos, CATEGORIES)
    fake_models.answer = seen
    settings = settings_for_provider("openai", fake_models)
    with (
        running_service(tmp_path, near_duplicates="observe", **settings) as service,
        client_of(service) as client,
    ):
        for name in files:
            for title in SAME_PICTURE:
                post(client, files[name][title])
        assert len(fake_models.calls) == 6
        fake_models.answer = SeeingModel(seen.thumbnails, {**CATEGORIES, "cat": Category.OTHER})
        answers = [(name, post(client, files[name][title])) for name in files for title in ENCODED_ANEW]
        near = near_status(service)

    assert {(answer["from_cache"], answer["matched_by"]) for _, answer in answers} == {(False, None)}
    assert {name: told(answer) for name, answer in answers} == {
        name: (category, name) for name, category in {**CATEGORIES, "cat": Category.OTHER}.items() if name in files
    }
    assert len(fake_models.calls) == 6 + 6 * len(ENCODED_ANEW)
    assert (near["state"], near["comparisons"], near["disagreed"]) == ("observing", 5 * len(ENCODED_ANEW) + 1, 1)


async def test_300_uploads_of_five_metadata_versions_at_one_moment_are_one_paid_call(
    mysql_settings: Mapping[str, Any], fake_models: FakeModels, tmp_path: Path
) -> None:
    photo = camera_photo(sample_pictures()["cat"], seed=1, long_side=700)
    versions = [photo, *(make(photo) for make in METADATA_VERSIONS.values())]
    fake_models.answer = SeeingModel.of({"cat": photo}, CATEGORIES)
    fake_models.behaviour = Behaviour(hang=True)
    settings = {**mysql_settings, **settings_for_provider("openai", fake_models), "web_concurrency": WORKERS}
    with running_service(tmp_path, GUNICORN, **settings) as service:
        limits = httpx.Limits(max_connections=CALLERS)
        async with httpx.AsyncClient(base_url=f"{service.url}/api/v1", timeout=60, limits=limits) as client:
            callers = [
                asyncio.create_task(client.post("/classify", files={"image": image}))
                for image in itertools.islice(itertools.cycle(versions), CALLERS)
            ]
            await until(lambda: bool(fake_models.calls), seconds=20)
            threading.Timer(1, fake_models.released.set).start()
            answers = await asyncio.gather(*callers)

    assert {answer.status_code for answer in answers} == {200}
    assert {told(answer.json()) for answer in answers} == {("pets", "cat")}
    assert Counter(answer.json()["from_cache"] for answer in answers) == {False: 1, True: CALLERS - 1}
    assert {answer.json()["matched_by"] for answer in answers} <= {None, "bytes", "content"}
    assert len(set(versions)) == 5
    assert len(fake_models.calls) == 1
