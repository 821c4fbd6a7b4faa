"""Reading request bodies: bounded in bytes and time, in memory, with one error for each thing that can be wrong."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from app.api.deps import ContainerDep
from app.api.exception_handlers import invalid_fields
from app.errors import ImageTooLarge, InvalidImageHash, InvalidRequest, MissingImage, RequestTooLarge
from app.models.request import CheckCacheRequest
from app.utils.hash_utils import is_image_hash

MAX_JSON_BYTES = 2048
MAX_FIELD_BYTES = 1024
MULTIPART_OVERHEAD_BYTES = 64 * 1024
"""What a body may hold beside the image: boundaries, part headers, the other fields."""

READ_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Upload:
    """A received image file and the hash its sender claims for it (lower-case hex), if any."""

    image: bytes
    claimed_hash: str | None


async def read_check_cache(request: Request) -> CheckCacheRequest:
    """Read the JSON body of `check-cache`."""
    async with _reading():
        body = b"".join([chunk async for chunk in _bounded(request, MAX_JSON_BYTES, RequestTooLarge())])
    try:
        return CheckCacheRequest.model_validate_json(body)
    except ValidationError as error:
        raise invalid_fields(error.errors(include_input=False, include_url=False)) from None


async def read_upload(request: Request, container: ContainerDep) -> Upload:
    """Read the multipart body of `classify`."""
    max_image_bytes = container.max_image_bytes
    too_large = ImageTooLarge(f"The image file is larger than {max_image_bytes} bytes.")
    form = await _read_form(request, max_image_bytes + MULTIPART_OVERHEAD_BYTES, too_large)
    image = form.get("image")
    if not isinstance(image, UploadFile):
        raise MissingImage
    content = await image.read()
    if not content:
        raise MissingImage("The part named 'image' is empty.")
    if len(content) > max_image_bytes:
        raise too_large
    return Upload(content, _claimed_hash(form))


def _claimed_hash(form: FormData) -> str | None:
    text = form.get("image_hash")
    if text is None or text == "":  # a form's empty field means: not given
        return None
    if not isinstance(text, str) or not is_image_hash(text):
        raise InvalidImageHash
    return text.lower()


class _InMemoryParser(MultiPartParser):
    """The framework's parser, which otherwise writes files above 1 MiB to disk. 0: never."""

    spool_max_size = 0


async def _read_form(request: Request, max_bytes: int, too_large: RequestTooLarge) -> FormData:
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise MissingImage
    stream = _bounded(request, max_bytes, too_large)
    parser = _InMemoryParser(request.headers, stream, max_files=1, max_fields=4, max_part_size=MAX_FIELD_BYTES)
    try:
        async with _reading():
            return await parser.parse()
    except MultiPartException as error:
        raise InvalidRequest(f"body: {error.message}") from None


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
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced) > max_bytes:
        raise too_large
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > max_bytes:
            raise too_large
        yield chunk


CheckCacheBody = Annotated[CheckCacheRequest, Depends(read_check_cache)]
UploadBody = Annotated[Upload, Depends(read_upload)]
