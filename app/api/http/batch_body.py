"""Reading the bodies of calls for many photos."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from starlette.types import Receive

from app.api.http.body import (
    MULTIPART_OVERHEAD_BYTES,
    PATIENCE,
    Headers,
    Patience,
    check_complete,
    read_form,
    read_json,
)
from app.api.http.multipart import FormRules, MultipartForm
from app.container import Container
from app.errors import InvalidRequest, MissingImage, RequestTooLarge
from app.models.batch_request import CheckCacheBatchRequest, is_item_id
from app.services.images.upload_budget import UploadBudget

MAX_BATCH_JSON_BYTES = 256 * 1024
"""200 items with the longest ids, each character of them escaped, and more."""

MAX_PHOTOS = 20
IMAGES, IDS = "images", "ids"
_PHOTOS = FormRules(IMAGES, max_parts=2 * MAX_PHOTOS + 3, most_of={IMAGES: MAX_PHOTOS, IDS: MAX_PHOTOS})


@dataclass(frozen=True, slots=True)
class PhotoPart:
    """An image file of a batch, and what its sender calls it."""

    image: bytes
    id: str | None


@asynccontextmanager
async def read_check_cache_batch(
    headers: Headers, receive: Receive, container: Container, patience: Patience = PATIENCE
) -> AsyncIterator[CheckCacheBatchRequest]:
    """Read the JSON body of `check-cache/batch`, and hold its room in memory for the time of the block."""
    with container.uploads.upload() as hold:
        yield await read_json(
            CheckCacheBatchRequest, headers, receive, patience, max_bytes=MAX_BATCH_JSON_BYTES, hold=hold
        )


@asynccontextmanager
async def read_photos(
    headers: Headers, receive: Receive, room: UploadBudget, max_bytes: int, patience: Patience = PATIENCE
) -> AsyncIterator[list[PhotoPart]]:
    """Read the multipart body of `classify/batch`, and hold its `room` in memory for the time of the block.

    The photos are together no larger than one alone may be.
    """
    too_large = partial(RequestTooLarge, f"The images are together larger than {max_bytes} bytes.")
    with room.upload() as hold:
        form = await read_form(
            headers, receive, _PHOTOS, max_bytes + MULTIPART_OVERHEAD_BYTES, too_large, hold, patience
        )
        photos = _photos_of(form)
        if sum(len(photo.image) for photo in photos) > max_bytes:
            raise too_large()
        yield photos


def _photos_of(form: MultipartForm) -> list[PhotoPart]:
    check_complete(form)
    images, ids = form.all_of(IMAGES), form.all_of(IDS)
    if not images:
        raise MissingImage(f"Send the images as files in multipart/form-data parts named '{IMAGES}'.")
    if ids and len(ids) != len(images):
        raise InvalidRequest("ids: there are not as many as images.")
    names: list[str | None] = [*map(_id_of, ids)] or [None] * len(images)
    return [PhotoPart(image, name) for image, name in zip(images, names, strict=True)]


def _id_of(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = ""  # no id: what comes back must be what was sent
    if not is_item_id(text):
        raise InvalidRequest("ids: each must be 1 to 64 characters that can be printed, in UTF-8.")
    return text
