"""The answer to what never became a request, as the bytes of a response: there is no application to give it."""

from collections.abc import Iterable
from http import HTTPStatus

from loguru import logger

from app.api.http.exception_handlers import error_body
from app.errors import ServiceError
from app.utils.id_generator import generate_request_id


def raw_answer(error: ServiceError, server_headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return a response in the one error shape that closes its connection, and log it under its request id."""
    request_id = generate_request_id()
    logger.info("refused before it was a request", code=error.code, status=error.status, request_id=request_id)
    content = error_body(error, request_id).model_dump_json().encode()
    headers = [
        *server_headers,
        (b"content-type", b"application/json; charset=utf-8"),
        (b"content-length", b"%d" % len(content)),
        (b"x-request-id", request_id.encode()),
        (b"connection", b"close"),
    ]
    lines = b"".join(b"%s: %s\r\n" % header for header in headers)
    return b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (error.status, HTTPStatus(error.status).phrase.encode(), lines, content)
