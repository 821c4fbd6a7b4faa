"""Reading request bodies: bounded in bytes and time, in memory, with one error for each thing that can be wrong."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Annotated

from fastapi import Depends, Request
from pydantic import ValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser, parse_options_header
from starlette.requests import ClientDisconnect

from app.api.deps import ContainerDep
from app.api.exception_handlers import invalid_fields
from app.errors import ImageTooLarge, InvalidImageHash, InvalidRequest, MissingImage, RequestTooLarge
from app.models.request import CheckCacheRequest
from app.utils.hash_utils import is_image_hash

MAX_JSON_BYTES = 2048
MAX_FIELD_BYTES = 1024
MAX_PARTS = 5
MULTIPART_OVERHEAD_BYTES = 64 * 1024
"""What a body may hold beside the image: boundaries, part headers, the other fields."""

READ_TIMEOUT_SECONDS = 30.0

_NEVER_TO_DISK = {"MAX_MEMORY_FILE_SIZE": float("inf")}  # by default the parser writes files above 1 MiB to /tmp


@dataclass(frozen=True, slots=True)
class Upload:
    """A received image file and the hash its sender claims for it (lower-case hex), if any."""

    image: bytes
    claimed_hash: str | None


async def read_check_cache(request: Request) -> CheckCacheRequest:
    """Read the JSON body of `check-cache`."""
    body = b""
    async with _reading():
        async for chunk in _bounded(request, MAX_JSON_BYTES, RequestTooLarge()):
            body += chunk
    try:
        return CheckCacheRequest.model_validate_json(body)
    except ValidationError as error:
        raise invalid_fields(error.errors(include_input=False, include_url=False)) from None


async def read_upload(request: Request, container: ContainerDep) -> AsyncIterator[Upload]:
    """Read the multipart body of `classify`, and hold its room in memory until the request is answered."""
    with container.uploads.admit(_announced_bytes(request) or container.max_image_bytes + MULTIPART_OVERHEAD_BYTES):
        yield await _read_upload(request, container.max_image_bytes)


async def _read_upload(request: Request, max_image_bytes: int) -> Upload:
    too_large = ImageTooLarge(f"The image file is larger than {max_image_bytes} bytes.")
    form = await _read_form(request, max_image_bytes + MULTIPART_OVERHEAD_BYTES, too_large)
    image = form.files.get(b"image")
    if image is None:
        raise MissingImage
    if not image:
        raise MissingImage("The part named 'image' is empty.")
    if len(image) > max_image_bytes:
        raise too_large
    return Upload(image, _claimed_hash(form.fields.get(b"image_hash")))


def _claimed_hash(value: bytes | None) -> str | None:
    if not value:  # a form's empty field means: not given
        return None
    text = value.decode("latin-1")
    if not is_image_hash(text):
        raise InvalidImageHash
    return text.lower()


@dataclass(slots=True)
class _Form:
    """Collects the parts of a multipart body. Each name once, few of them, small but for the file."""

    files: dict[bytes, bytes] = field(default_factory=dict)
    fields: dict[bytes, bytes] = field(default_factory=dict)

    def add_file(self, part: File) -> None:
        self._admit(part.field_name)
        assert isinstance(part.file_object, BytesIO)  # never a file: see _NEVER_TO_DISK
        self.files[part.field_name or b""] = part.file_object.getvalue()

    def add_field(self, part: Field) -> None:
        self._admit(part.field_name)
        if len(part.value or b"") > MAX_FIELD_BYTES:
            raise FormParserError(f"a field is longer than {MAX_FIELD_BYTES} bytes")
        self.fields[part.field_name or b""] = part.value or b""

    def _admit(self, name: bytes | None) -> None:
        if name in self.files or name in self.fields:
            raise FormParserError("two parts have the same name")
        if len(self.files) + len(self.fields) >= MAX_PARTS:
            raise FormParserError(f"more than {MAX_PARTS} parts")


async def _read_form(request: Request, max_bytes: int, too_large: RequestTooLarge) -> _Form:
    content_type, options = parse_options_header(request.headers.get("content-type"))
    if content_type != b"multipart/form-data":
        raise MissingImage
    form = _Form()
    try:
        parser = FormParser(
            "multipart/form-data",
            form.add_field,
            form.add_file,
            boundary=options.get(b"boundary"),
            config=_NEVER_TO_DISK,
        )
        async with _reading():
            async for chunk in _bounded(request, max_bytes, too_large):
                parser.write(chunk)
        parser.finalize()
    except FormParserError:
        raise InvalidRequest(
            f"body: is not multipart/form-data with at most {MAX_PARTS} parts, each name once, "
            f"and no field but the image above {MAX_FIELD_BYTES} bytes"
        ) from None
    return form


@asynccontextmanager
async def _reading() -> AsyncIterator[None]:
    """Bound the time that a client may take to send its body."""
    try:
        async with asyncio.timeout(READ_TIMEOUT_SECONDS):
            yield
    except TimeoutError:
        raise InvalidRequest(f"body: did not arrive within {READ_TIMEOUT_SECONDS:g} seconds") from None
    except ClientDisconnect:
        raise InvalidRequest("body: the client hung up") from None


async def _bounded(request: Request, max_bytes: int, too_large: RequestTooLarge) -> AsyncGenerator[bytes, None]:
    """Yield the body's chunks. A body that announces its size is refused before a byte of it is read."""
    if _announced_bytes(request) > max_bytes:
        raise too_large
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > max_bytes:
            raise too_large
        yield chunk


def _announced_bytes(request: Request) -> int:
    """Return the size that a body announces; 0 where it does not."""
    announced = request.headers.get("content-length", "")
    return int(announced) if announced.isascii() and announced.isdigit() else 0


CheckCacheBody = Annotated[CheckCacheRequest, Depends(read_check_cache)]
UploadBody = Annotated[Upload, Depends(read_upload)]
