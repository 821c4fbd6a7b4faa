"""The HTTP client that the SDKs send by. It trusts neither the vendor's answer nor the process's environment."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx2

from app.services.model.errors import ModelBadAnswer
from app.version import VERSION

MAX_ANSWER_BYTES = 1024 * 1024
"""Most bytes of a vendor's answer, before and after decompression. A real one has a few thousand."""

_KEPT_OF_THE_REQUEST = ("host", "content-length")
_GONE_WITH_THE_ENCODING = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class VendorHTTPClient(httpx2.AsyncClient):
    """Sends an SDK's requests with headers of our own choice, and reads no more of an answer than `MAX_ANSWER_BYTES`.

    The SDKs add headers that variables of the environment ask for (`OPENAI_ORG_ID`, `ANTHROPIC_CUSTOM_HEADERS`), and
    that describe this machine; none of them is sent. Redirects are not followed, so that a photo goes to no other host.
    Cookies are not kept. Proxies and certificates of the environment are used.
    """

    def __init__(self, authentication: Mapping[str, str]) -> None:
        super().__init__(
            follow_redirects=False,
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=100),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )
        self._sent_headers = {
            "accept": "application/json",
            "accept-encoding": "gzip, deflate",
            "content-type": "application/json",
            "user-agent": f"image-classifier/{VERSION}",
            **authentication,
        }

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send one request and return the whole answer. Raises `ModelBadAnswer` for one that is too long."""
        kept = {name: request.headers[name] for name in _KEPT_OF_THE_REQUEST if name in request.headers}
        request.headers = httpx2.Headers({**kept, **self._sent_headers})
        response = await super().send(request, **{**options, "stream": True, "follow_redirects": False})
        try:
            body = await _read(response)
        finally:
            await response.aclose()
        headers = [pair for pair in response.headers.multi_items() if pair[0] not in _GONE_WITH_THE_ENCODING]
        return httpx2.Response(response.status_code, headers=headers, content=body, request=request)


async def _read(response: httpx2.Response) -> bytes:
    """Return the decompressed body."""
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    response.stream = _BoundedStream(response.stream)  # compressed bytes that decompress to nothing count as well
    body = bytearray()
    async with aclosing(response.aiter_bytes()) as parts:
        async for part in parts:
            body += part
            _check_length(len(body))
    return bytes(body)


class _BoundedStream(httpx2.AsyncByteStream):
    """The bytes of an answer as they come from the network, up to the limit."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        received = 0
        async for part in self._stream:
            received += len(part)
            _check_length(received)
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


def _check_length(length: int) -> None:
    if length > MAX_ANSWER_BYTES:
        raise ModelBadAnswer(detail="the vendor's answer is longer than 1 MiB")
