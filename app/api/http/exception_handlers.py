"""The one place where an error becomes a response."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from loguru import logger
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from app.errors import (
    InternalError,
    InvalidImageHash,
    InvalidRequest,
    InvalidUserId,
    MethodNotAllowed,
    NotFound,
    RequestTimeout,
    RequestTooLarge,
    ServiceError,
)
from app.models.batch_response import BatchError, BatchErrorForNow
from app.models.response import ErrorData, ErrorResponse
from app.observe.metrics import Metrics
from app.services.access.errors import Unauthorized
from app.utils.clock import utc_now

_BY_STATUS: dict[int, type[ServiceError]] = {404: NotFound, 405: MethodNotAllowed, 413: RequestTooLarge}
_BY_FIELD: dict[str, type[ServiceError]] = {
    "image_hash": InvalidImageHash,
    "user_id": InvalidUserId,
    "x-user-id": InvalidUserId,
}


def add_exception_handlers(app: FastAPI) -> None:
    """Teach the application the one error shape."""
    app.add_exception_handler(ServiceError, _on_service_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_unexpected_error)


def error_response(error: ServiceError, scope: Scope, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return the response for an error. Its code stays in the request's state, where it is counted."""
    scope["state"]["error_code"] = error.code
    body = error_body(error, scope["state"]["request_id"])
    response = JSONResponse(body.model_dump(mode="json"), error.status, headers)
    response.headers["Cache-Control"] = "no-store"  # a cache may keep a 404 or a 405 that forbids nothing
    if (retry_after := _retry_after(error)) is not None:
        response.headers["Retry-After"] = str(retry_after)
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = error.challenge
    if isinstance(error, RequestTooLarge | RequestTimeout):
        # The rest of the body is not going to be read.
        response.headers["Connection"] = "close"
    return response


def error_body(error: ServiceError, request_id: str) -> ErrorResponse:
    """Return the one error shape, filled."""
    return ErrorResponse(error=_error_data(error), request_id=request_id, timestamp=utc_now())


def batch_error(index: int, item_id: str | None, error: ServiceError) -> BatchError:
    """Return the error of one photo of a batch."""
    retry_after = _retry_after(error)
    if retry_after is None:
        return BatchError(index=index, id=item_id, error=_error_data(error))
    return BatchErrorForNow(index=index, id=item_id, error=_error_data(error), retry_after=retry_after)


def note_failures(errors: Iterable[ServiceError], metrics: Metrics) -> None:
    """Count what photos of a batch failed with, and log each code once, where that tells something."""
    by_code: dict[str, list[ServiceError]] = {}
    for error in errors:
        metrics.errors.add(error.code)
        if _is_told(error):
            by_code.setdefault(error.code, []).append(error)
    for code, failed in by_code.items():
        logger.warning("photos of a batch failed", code=code, photos=len(failed), detail=failed[0].detail)


def invalid_fields(errors: Sequence[Any]) -> ServiceError:
    """Return the error for pydantic's list of errors: which field, what about it, never its value."""
    first = errors[0]
    place = [str(part) for part in first["loc"] if part not in ("body", "query", "path", "header")]
    known = _BY_FIELD.get(place[0].lower()) if place else None
    if known is not None and first["type"] != "missing":
        return known()
    reason = "is not valid JSON" if first["type"] == "json_invalid" else first["msg"]
    # Of a field that may be missing pydantic names its own type for the value as well.
    place = [part for number, part in enumerate(place) if number == 0 or re.fullmatch(r"\w+", part)]
    return InvalidRequest(f"{'.'.join(place) or 'body'}: {reason}")


def answer_to(error: ServiceError, scope: Scope) -> Response:
    """Return the response for an error that a request met, and log it where that tells something."""
    if _is_told(error):
        logger.warning("request failed", code=error.code, detail=error.detail)
    return error_response(error, scope)


def _is_told(error: ServiceError) -> bool:
    """Return whether the log is to tell of an error: not of what is the caller's alone."""
    return error.detail is not None or error.status >= 500


def _error_data(error: ServiceError) -> ErrorData:
    return ErrorData(code=error.code, message=error.message)


def _retry_after(error: ServiceError) -> int | None:
    """Return in how many seconds it may go better, where it may."""
    return error.retry_after_seconds or 1 if error.status in (429, 503) else None


async def _on_service_error(request: Request, error: Exception) -> Response:
    return answer_to(cast(ServiceError, error), request.scope)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    return error_response(invalid_fields(cast(RequestValidationError, error).errors()), request.scope)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    error = cast(HTTPException, error)
    headers = dict(error.headers or {})
    if "GET" in headers.get("Allow", ""):
        headers["Allow"] = "GET, HEAD"  # the middleware answers HEAD, and the framework does not know of it
    return error_response(_BY_STATUS.get(error.status_code, InvalidRequest)(), request.scope, headers)


async def _on_unexpected_error(request: Request, _error: Exception) -> Response:
    # The framework raises it once more, and the middleware logs it.
    return error_response(InternalError(), request.scope)
