"""Reading request bodies: bounded in bytes and time, in memory, with one error for each thing that can be wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.types import Message, Receive

from app.api.http.exception_handlers import invalid_fields
from app.api.http.multipart import ONE_PHOTO, FormRules, MultipartForm
from app.errors import (
    ImageTooLarge,
    InvalidImageHash,
    InvalidRequest,
    MissingImage,
    RequestTimeout,
    RequestTooLarge,
    ServiceError,
)
from app.models.request import PhotoNames
from app.services.images.upload_budget import UploadBudget
from app.utils.begun import Begun
from app.utils.hash_utils import is_image_hash

MAX_JSON_BYTES = 2048
MAX_CORRECTION_BYTES = 8192
"""A reason of the greatest length, each character escaped, and more."""
MULTIPART_OVERHEAD_BYTES = 64 * 1024
"""What a body may hold beside the image: boundaries, part headers, the other fields."""

Headers = Mapping[bytes, bytes]
"""A request's headers by lower-case name."""

Model = TypeVar("Model", bound=BaseModel)

TooLarge = Callable[[], RequestTooLarge]
"""Makes the error for a body above its limit: hardly any request needs it."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A received image file and the hash its sender claims for it (lower-case hex), if any."""

    image: bytes
    claimed_hash: str | None


@dataclass(frozen=True, slots=True)
class Patience:
    """How slowly a body may come. The defaults are for phones: 35 kbit/s is the least that a bad line of theirs brings,
    and the largest photo takes 84 seconds at 1 Mbit/s."""

    portion_bytes: int = 64 * 1024
    portion_seconds: float = 15.0
    """Within this time comes each next portion, or the end."""

    body_seconds: float = 120.0
    """For a whole body."""


PATIENCE = Patience()


def no_name(photo: PhotoNames) -> ServiceError:
    """Return the error for a photo without a hash."""
    if "image_hash" in photo.model_fields_set:
        return InvalidImageHash()
    return InvalidRequest("body: image_hash or content_hash is required.")


async def read_json(
    model: type[Model],
    headers: Headers,
    receive: Receive,
    patience: Patience = PATIENCE,
    *,
    max_bytes: int = MAX_JSON_BYTES,
    hold: Callable[[int], None] | None = None,
) -> Model:
    """Read a JSON body of at most `max_bytes`. `hold` is told of the size of each piece before it is kept."""
    body = bytearray()  # a list of pieces of two bytes takes twenty times as much

    def take(chunk: bytes) -> None:
        nonlocal body
        if hold is not None:
            hold(len(chunk))
        body += chunk

    await read_body(headers, receive, max_bytes, RequestTooLarge, take, patience)
    try:
        valid: Model = model.__pydantic_validator__.validate_json(body)
    except ValidationError as error:
        raise invalid_fields(error.errors(include_input=False, include_url=False)) from None
    return valid


@asynccontextmanager
async def read_upload(
    headers: Headers, receive: Receive, room: UploadBudget, max_image_bytes: int, patience: Patience = PATIENCE
) -> AsyncIterator[Upload]:
    """Read the multipart body of `classify`, and hold its `room` in memory for the time of the block."""
    max_bytes = max_image_bytes + MULTIPART_OVERHEAD_BYTES
    too_large = partial(ImageTooLarge, f"The image file is larger than {max_image_bytes} bytes.")
    with room.upload() as hold:
        upload = _upload_of(await read_form(headers, receive, ONE_PHOTO, max_bytes, too_large, hold, patience))
        if len(upload.image) > max_image_bytes:
            raise too_large()
        yield upload


def _upload_of(form: MultipartForm) -> Upload:
    image = form.first(ONE_PHOTO.image)
    if image is None:
        check_complete(form)
        raise MissingImage
    if not image:
        raise MissingImage("The part named 'image' is empty.")
    return Upload(image, _claimed_hash(form.first("image_hash")))


def check_complete(form: MultipartForm) -> None:
    """Return if the form has parts, and all that it began. Raises `InvalidRequest`."""
    if not form.has_parts:
        raise InvalidRequest("body: the boundary that Content-Type names begins no part of it.")
    if form.is_cut_off:
        raise InvalidRequest("body: ends within a part: it was cut off, or the last boundary is missing.")


def _claimed_hash(value: bytes | None) -> str | None:
    if not value:  # a form's empty field means: not given
        return None
    text = value.decode("latin-1")
    if not is_image_hash(text):
        raise InvalidImageHash
    return text.lower()


async def read_form(
    headers: Headers,
    receive: Receive,
    rules: FormRules,
    max_bytes: int,
    too_large: TooLarge,
    hold: Callable[[int], None],
    patience: Patience,
) -> MultipartForm:
    """Read a form, and tell `hold` of the size of each piece before it is kept. Raises `MissingImage` for no form."""
    content_type = headers.get(b"content-type", b"")
    if content_type.partition(b";")[0].strip().lower() != b"multipart/form-data":
        raise MissingImage
    form = MultipartForm(content_type, rules)

    def take(chunk: bytes) -> None:
        hold(len(chunk))
        form.write(chunk)

    await read_body(headers, receive, max_bytes, too_large, take, patience)
    return form


async def read_body(
    headers: Headers,
    receive: Receive,
    max_bytes: int,
    too_large: TooLarge,
    take: Callable[[bytes], None],
    patience: Patience,
) -> None:
    """Hand the body's chunks to `take`. A body that announces its size is refused before a byte of it is read."""
    if _announced_bytes(headers) > max_bytes:
        raise too_large()
    received = 0

    def add(message: Message) -> bool:
        """Hand the chunk of a message on, and return whether more are to come."""
        nonlocal received
        if message["type"] == "http.disconnect":
            raise InvalidRequest("body: the client hung up")
        chunk = message.get("body", b"")
        received += len(chunk)
        if received > max_bytes:
            raise too_large()
        take(chunk)
        return bool(message.get("more_body", False))

    first = Begun(receive())  # mostly a small body came with its head: then no clock need run
    if first.is_done and not add(first.value):
        return
    loop = asyncio.get_running_loop()
    end, expected = loop.time() + patience.body_seconds, patience.portion_bytes
    try:
        async with asyncio.timeout(patience.portion_seconds) as limit:
            more = first.is_done or add(await first)
            while more:
                if received >= expected:
                    expected = received + patience.portion_bytes
                    limit.reschedule(min(loop.time() + patience.portion_seconds, end))
                more = add(await receive())
    except TimeoutError:
        raise RequestTimeout("The request body did not arrive in time.") from None


def _announced_bytes(headers: Headers) -> int:
    """Return the size that a body announces; 0 where it does not."""
    announced = headers.get(b"content-length", b"")
    return int(announced) if announced.isdigit() else 0
