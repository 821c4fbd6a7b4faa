"""Reading request bodies: bounded in bytes and time, in memory, with one error for each thing that can be wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass

from pydantic import ValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.types import Receive

from app.api.http.exception_handlers import invalid_fields
from app.api.http.multipart import MAX_FIELD_BYTES, MAX_PARTS, MultipartForm
from app.container import Container
from app.errors import ImageTooLarge, InvalidImageHash, InvalidRequest, MissingImage, RequestTooLarge
from app.models.request import CheckCacheRequest
from app.utils.hash_utils import is_image_hash

MAX_JSON_BYTES = 2048
MULTIPART_OVERHEAD_BYTES = 64 * 1024
"""What a body may hold beside the image: boundaries, part headers, the other fields."""

READ_TIMEOUT_SECONDS = 30.0

Headers = Mapping[bytes, bytes]
"""A request's headers by lower-case name."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A received image file and the hash its sender claims for it (lower-case hex), if any."""

    image: bytes
    claimed_hash: str | None


async def read_check_cache(headers: Headers, receive: Receive) -> CheckCacheRequest:
    """Read the JSON body of `check-cache`."""
    body = bytearray()
    await _read(headers, receive, MAX_JSON_BYTES, RequestTooLarge(), body.extend)
    try:
        return CheckCacheRequest.model_validate_json(body)
    except ValidationError as error:
        raise invalid_fields(error.errors(include_input=False, include_url=False)) from None


@asynccontextmanager
async def read_upload(headers: Headers, receive: Receive, container: Container) -> AsyncIterator[Upload]:
    """Read the multipart body of `classify`, and hold its room in memory for the time of the block."""
    max_bytes = container.max_image_bytes + MULTIPART_OVERHEAD_BYTES
    too_large = ImageTooLarge(f"The image file is larger than {container.max_image_bytes} bytes.")
    announced = _announced_bytes(headers)
    if announced > max_bytes:
        raise too_large
    with container.uploads.admit(announced or max_bytes):
        upload = _upload_of(await _read_form(headers, receive, max_bytes, too_large))
        if len(upload.image) > container.max_image_bytes:
            raise too_large
        yield upload


def _upload_of(form: MultipartForm) -> Upload:
    image = form.files.get(b"image")
    if image is None:
        raise MissingImage
    if not image:
        raise MissingImage("The part named 'image' is empty.")
    return Upload(image, _claimed_hash(form.fields.get(b"image_hash")))


def _claimed_hash(value: bytes | None) -> str | None:
    if not value:  # a form's empty field means: not given
        return None
    text = value.decode("latin-1")
    if not is_image_hash(text):
        raise InvalidImageHash
    return text.lower()


async def _read_form(headers: Headers, receive: Receive, max_bytes: int, too_large: RequestTooLarge) -> MultipartForm:
    content_type, options = parse_options_header(headers.get(b"content-type"))
    if content_type != b"multipart/form-data":
        raise MissingImage
    try:
        with closing(MultipartForm(options.get(b"boundary"))) as form:
            await _read(headers, receive, max_bytes, too_large, form.write)
    except FormParserError:
        raise InvalidRequest(
            f"body: is not multipart/form-data with at most {MAX_PARTS} parts, each name once, "
            f"and no field but the image above {MAX_FIELD_BYTES} bytes"
        ) from None
    return form


async def _read(
    headers: Headers,
    receive: Receive,
    max_bytes: int,
    too_large: RequestTooLarge,
    take: Callable[[bytes], None],
) -> None:
    """Hand the body's chunks to `take`. A body that announces its size is refused before a byte of it is read."""
    if _announced_bytes(headers) > max_bytes:
        raise too_large
    received, more = 0, True
    try:
        async with asyncio.timeout(READ_TIMEOUT_SECONDS):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise InvalidRequest("body: the client hung up")
                chunk, more = message.get("body", b""), message.get("more_body", False)
                received += len(chunk)
                if received > max_bytes:
                    raise too_large
                take(chunk)
    except TimeoutError:
        raise InvalidRequest(f"body: did not arrive within {READ_TIMEOUT_SECONDS:g} seconds") from None


def _announced_bytes(headers: Headers) -> int:
    """Return the size that a body announces; 0 where it does not."""
    announced = headers.get(b"content-length", b"")
    return int(announced) if announced.isdigit() else 0
