"""What a request held in memory is free when it has been answered: nothing waits for the garbage collector."""

import gc
from collections.abc import Iterator
from types import FrameType

import httpx
import pytest

from app.api.http.multipart import MultipartForm
from tests.api.calls import upload
from tests.factories import make_image

REQUESTS = 5


@pytest.fixture
def garbage() -> Iterator[list[object]]:
    """Everything that only the collector would have found, once `gc.collect()` has been called."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.garbage.clear()
    yield gc.garbage
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


@pytest.mark.parametrize(
    ("image", "status"),
    [(make_image(), 200), (b"\xff\xd8 no image", 400), (b"", 400)],
    ids=["known", "broken", "empty"],
)
async def test_an_upload_is_free_as_soon_as_it_has_been_answered(
    image: bytes, status: int, client: httpx.AsyncClient, garbage: list[object]
) -> None:
    await upload(client, image)
    gc.collect()
    garbage.clear()

    for _ in range(REQUESTS):
        assert (await upload(client, image)).status_code == status
    gc.collect()

    assert [found for found in garbage if isinstance(found, FrameType | MultipartForm)] == []
