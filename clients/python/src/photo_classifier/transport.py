"""What both clients have in common about HTTP: how a request is handed to httpx, and what its failures mean."""

import ssl
from collections.abc import Iterator

import httpx

from photo_classifier.core.wire import MAX_ANSWER_BYTES, Request, Response
from photo_classifier.errors import ConnectionFailed, TimedOut

_SLICE_BYTES = 64 * 1024
_FINAL = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)


def timeout_of(seconds: float, connect_seconds: float) -> httpx.Timeout:
    """Return the limits of each step of a request that may take so long in all."""
    return httpx.Timeout(seconds, connect=min(connect_seconds, seconds))


def headers_of(request: Request) -> dict[str, str]:
    """Return what is sent. An answer is wanted as it is: compressed ones have no size that is known before."""
    return {**request.headers, "accept-encoding": "identity"}


def slices(body: bytes) -> Iterator[bytes]:
    """Yield the body in pieces, so that its end can be had in mind between them."""
    view = memoryview(body)
    for start in range(0, len(body), _SLICE_BYTES):
        yield bytes(view[start : start + _SLICE_BYTES])


class Collected:
    """An answer as it arrives, up to a size."""

    def __init__(self) -> None:
        self._body = bytearray()

    def add(self, piece: bytes) -> None:
        """Keep a piece. Raises `ConnectionFailed` where an answer has no end."""
        self._body += piece
        if len(self._body) > MAX_ANSWER_BYTES:
            raise ConnectionFailed(f"The answer is larger than {MAX_ANSWER_BYTES} bytes.", is_final=True)

    def response(self, answered: httpx.Response) -> Response:
        return Response(answered.status_code, dict(answered.headers), bytes(self._body))


def no_time_left() -> TimedOut:
    """Return the error for an answer that did not come in time."""
    return TimedOut("The service did not answer in time.")


def failure_of(error: httpx.TransportError) -> ConnectionFailed:
    """Return our error for one of httpx."""
    if isinstance(error, httpx.TimeoutException):
        return no_time_left()
    if _is_about_certificate(error):
        return ConnectionFailed(f"The server's certificate is not trusted: {error}", is_final=True)
    return ConnectionFailed(str(error) or type(error).__name__, is_final=isinstance(error, _FINAL))


def _is_about_certificate(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
