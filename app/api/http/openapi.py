"""The OpenAPI page, complete: every status, every error code, an example for each."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.errors import InternalError, ServiceError
from app.models.response import ErrorResponse

_TITLE = "Image classifier"
_DESCRIPTION = """\
Which of eight categories does a photo belong to? Ask with its SHA-256 first (`check-cache`); upload it (`classify`)
only when nobody has had that photo classified before. Photos are never stored.
"""

Responses = dict[int | str, dict[str, Any]]


def document_errors(*errors: type[ServiceError]) -> Responses:
    """Return FastAPI's `responses` for the errors that a route may answer with; `internal_error` always may."""
    possible: tuple[type[ServiceError], ...] = (*errors, InternalError)
    responses: Responses = {}
    for error in possible:
        response = responses.setdefault(
            error.status,
            {"model": ErrorResponse, "description": "", "content": {"application/json": {"examples": {}}}},
        )
        response["content"]["application/json"]["examples"][error.code] = {"value": _example(error)}
        codes = response["content"]["application/json"]["examples"]
        response["description"] = ", ".join(f"`{code}`" for code in codes)
        if error.status == 401:
            response["headers"] = {"WWW-Authenticate": {"description": "What to send", "schema": {"type": "string"}}}
        if error.status == 503:
            response["headers"] = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}
    return responses


def document_body(media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return FastAPI's `openapi_extra` for a body that the route reads by itself."""
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}


def install_openapi(app: FastAPI) -> None:
    """Give the application its page, built at the first request for it."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=_TITLE, version=app.version, description=_DESCRIPTION, routes=app.routes)
            app.openapi_schema = _without_framework_errors(schema)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the framework's documented way


def _example(error: type[ServiceError]) -> dict[str, Any]:
    return {
        "success": False,
        "error": {"code": error.code, "message": error.default_message},
        "request_id": "req_1696934400_a3f5d8c2b1e9",
        "timestamp": "2025-10-10T12:00:00Z",
    }


def _without_framework_errors(schema: dict[str, Any]) -> dict[str, Any]:
    """Take out the 422 that the framework adds wherever there is a parameter: ours is 400, or `model_refused`."""
    for path in schema["paths"].values():
        for operation in path.values():
            content = operation["responses"].get("422", {}).get("content", {}).get("application/json", {})
            if content.get("schema", {}).get("$ref", "").endswith("/HTTPValidationError"):
                del operation["responses"]["422"]
            for response in operation["responses"].values():
                headers = response.setdefault("headers", {})
                headers["X-Request-ID"] = {"description": "The request's id", "schema": {"type": "string"}}
    for name in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(name, None)
    return schema
