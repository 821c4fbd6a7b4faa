"""What nobody expected, of many photos in one call."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from loguru import logger

from app.errors import InternalError
from app.services.classifier import FoundTogether, NamedPhoto
from app.services.photo_batches import PhotoBatches, UploadedPhoto
from tests.factories import make_context, make_image_hash
from tests.fakes import as_any

T = TypeVar("T")


@dataclass
class FailingClassifier:
    """Knows nothing of the first photo, and stumbles over all others."""

    async def check_cache_all(self, photos: Sequence[NamedPhoto], tell: Callable[[FoundTogether], T]) -> T:
        found: FoundTogether = [None, *(ZeroDivisionError() for _ in photos[1:])]
        tell(found)
        return tell(found)  # as it does where a record fails

    async def classify(self, image: bytes, *_: Any, **__: Any) -> None:
        raise KeyError if image == b"first" else ZeroDivisionError


@pytest.fixture
def tracebacks() -> Iterator[list[str]]:
    """The type of each exception that is logged."""
    logged: list[str] = []

    def note(line: Any) -> None:
        logged.append(line.record["exception"].type.__name__)

    sink = logger.add(note, level="ERROR")
    yield logged
    logger.remove(sink)


async def test_what_nobody_expected_of_many_lookups_is_one_traceback(tracebacks: list[str]) -> None:
    photos = [NamedPhoto([make_image_hash()], make_context()) for _ in range(5)]

    found = await PhotoBatches(as_any(FailingClassifier())).check_cache(photos, list)

    assert found[0] is None
    assert [type(one) for one in found[1:]] == [InternalError] * 4
    assert tracebacks == ["ZeroDivisionError"]


async def test_what_nobody_expected_of_many_uploads_is_one_traceback_for_each_kind(
    tracebacks: list[str],
) -> None:
    photos = [UploadedPhoto(image, make_context()) for image in (b"first", b"second", b"third")]

    answers = [answer async for _, answer in PhotoBatches(as_any(FailingClassifier())).classify(photos)]

    assert [type(one) for one in answers] == [InternalError] * 3
    assert sorted(tracebacks) == ["KeyError", "ZeroDivisionError"]
