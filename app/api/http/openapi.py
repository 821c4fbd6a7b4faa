"""What routes say of themselves for the OpenAPI page: answers, errors and bodies, an example for each."""

from typing import Any

from pydantic import BaseModel

from app.errors import InternalError, ServiceError
from app.models.body import Body
from app.models.response import ErrorResponse

JSON = "application/json"
IMAGE_TYPES = "image/jpeg, image/png, image/webp, image/gif, application/octet-stream"
JSON_LINES = "application/jsonl"
Responses = dict[int | str, dict[str, Any]]


def document_answer(description: str, otherwise: dict[str, Any] | None = None, /, **examples: Body) -> Responses:
    """Return FastAPI's `responses` for what a route answers with 200: what it is, and an example for each case.

    `otherwise` is the content of other media types.
    """
    content = {JSON: {"examples": _shown(examples)}, **(otherwise or {})}
    return {200: {"description": description, "content": content}}


def document_lines(component: str) -> dict[str, Any]:
    """Return the content of an answer of JSON Lines, each an object of this schema."""
    return {JSON_LINES: {"schema": {"$ref": f"#/components/schemas/{component}"}}}


def document_errors(*errors: type[ServiceError]) -> Responses:
    """Return FastAPI's `responses` for the errors that a route may answer with; `internal_error` always may."""
    possible: tuple[type[ServiceError], ...] = (*errors, InternalError)
    responses: Responses = {}
    for error in possible:
        response = responses.setdefault(
            error.status, {"model": ErrorResponse, "description": "", "content": {JSON: {"examples": {}}}}
        )
        codes = response["content"][JSON]["examples"]
        codes[error.code] = {"value": error_example(error.code, error.default_message)}
        response["description"] = ", ".join(f"`{code}`" for code in codes)
        if error.status == 401:
            response["headers"] = {"WWW-Authenticate": {"description": "What to send", "schema": {"type": "string"}}}
        if error.status in (429, 503):
            response["headers"] = {"Retry-After": RETRY_AFTER}
    return responses


def document_body(media_type: str, component: str, **more: Any) -> dict[str, Any]:
    """Return FastAPI's `openapi_extra` for a body that the route reads by itself; `component` is its schema's name."""
    schema = {"$ref": f"#/components/schemas/{component}"}
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema, **more}}}}


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of a body that a route reads by itself. What it refers to are components of other bodies."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return schema


def error_example(code: str, message: str) -> dict[str, Any]:
    """Return the body of an error."""
    return {
        "success": False,
        "error": {"code": code, "message": message},
        "request_id": "req_1696934400_a3f5d8c2b1e9",
        "timestamp": "2025-10-10T12:00:00Z",
    }


RETRY_AFTER = {"description": "Seconds", "schema": {"type": "integer"}}


def _shown(examples: dict[str, Body]) -> dict[str, Any]:
    return {name: {"value": body.model_dump(mode="json", exclude_none=True)} for name, body in examples.items()}
