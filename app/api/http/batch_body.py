"""Reading the bodies of calls for many photos."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Receive

from app.api.http.body import PATIENCE, Headers, Patience, read_json
from app.container import Container
from app.models.batch_request import CheckCacheBatchRequest

MAX_BATCH_JSON_BYTES = 256 * 1024
"""200 items with the longest ids, each character of them escaped, and more."""


@asynccontextmanager
async def read_check_cache_batch(
    headers: Headers, receive: Receive, container: Container, patience: Patience = PATIENCE
) -> AsyncIterator[CheckCacheBatchRequest]:
    """Read the JSON body of `check-cache/batch`, and hold its room in memory for the time of the block."""
    with container.uploads.upload() as hold:
        yield await read_json(
            CheckCacheBatchRequest, headers, receive, patience, max_bytes=MAX_BATCH_JSON_BYTES, hold=hold
        )
