"""The OpenAPI page as a whole: what no single route can say, and what the programs that read it need."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.api.http.openapi import JSON, RETRY_AFTER, error_example
from app.errors import MethodNotAllowed, NotFound, RequestHeaderTooLarge, ServiceError
from app.services.access.sign_in_settings import SignInSettings

_DESCRIPTION = """\
Which of eight categories does a photo belong to? Ask with its SHA-256 first (`check-cache`); upload it (`classify`)
only when nobody has had that photo classified before. Photos are never stored.

Every failure has one shape, and `error.code` says which it is. Every answer carries `X-Request-ID`.

Where the operator has set keys, send one as `Authorization: Bearer <key>` or as `X-API-Key`. Where users sign in, their
token (JWT) is sent in the same way, and names the user (`docs/sign-in.md` of the project). Where the operator asks
for signatures, the calls of apps are signed by [RFC 9421](https://www.rfc-editor.org/rfc/rfc9421) in the headers
`Signature-Input` and `Signature`, with the body's `Content-Digest`
([RFC 9530](https://www.rfc-editor.org/rfc/rfc9530)): `docs/signatures.md` of the project says how, and has a client.
"""

PAGE: Mapping[str, Any] = {
    "title": "Image classifier",
    "description": _DESCRIPTION,
    "contact": {"name": "Image classifier"},
    "license_info": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
    "servers": [{"url": "/", "description": "The service that this page comes from"}],
    "openapi_tags": [
        {"name": "classify", "description": "What apps call"},
        {"name": "history", "description": "A user's own records"},
        {"name": "feedback", "description": "What users say of answers"},
        {"name": "corrections", "description": "How wrong answers are mended, for operators"},
        {"name": "stats", "description": "Statistics, for operators"},
        {"name": "health", "description": "For load balancers and orchestrators"},
        {"name": "metrics", "description": "For Prometheus"},
    ],
}
"""FastAPI's parameters for the head of the page."""

_BY_THE_PROXY = {
    "429": ("too_many_requests", "Too many requests at the same time."),
    "503": ("service_unavailable", "The service is not available at the moment; try again shortly."),
}
"""What nginx.conf answers by itself, before a request has reached the application."""

_NULL = {"type": "null"}
_ERROR = {"$ref": "#/components/schemas/ErrorResponse"}
_SIGNATURE_HEADERS = {
    "Content-Digest": "SHA-256 of the body (RFC 9530)",
    "Signature-Input": "What is signed (RFC 9421)",
    "Signature": "The signature (RFC 9421)",
}


def operation_id(route: APIRoute) -> str:
    """Return the name of an operation, which generated clients call their function by."""
    return route.name


def install_openapi(app: FastAPI, access: SignInSettings, bodies: Mapping[str, dict[str, Any]]) -> None:
    """Give the application its page, built at the first request for it.

    `bodies` are the schemas of the request bodies, by the names that `document_body` refers to.
    """
    of_the_routes = app.openapi
    page: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not page:
            page.update(_finish(of_the_routes(), access, bodies))
        return page

    app.openapi = openapi  # type: ignore[method-assign]  # the framework's documented way


def error_codes(kind: type[ServiceError] = ServiceError) -> list[str]:
    """Return the codes of the tree of errors, in its order, each once."""
    own = [kind.__dict__["code"]] if "code" in kind.__dict__ else []
    return list(dict.fromkeys([*own, *(code for child in kind.__subclasses__() for code in error_codes(child))]))


def _finish(page: dict[str, Any], access: SignInSettings, bodies: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    schemas = page["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas.update(bodies)
    schemas["ErrorCode"] = {
        "type": "string",
        "title": "ErrorCode",
        "description": "What went wrong. Later versions may add codes.",
        "enum": [*error_codes(), *(code for code, _ in _BY_THE_PROXY.values())],
    }
    schemas["ErrorData"]["properties"]["code"] = {"$ref": "#/components/schemas/ErrorCode"}
    for operations in page["paths"].values():
        for operation in operations.values():
            content = operation["responses"].get("200", {}).get("content", {}).get(JSON, {})
            for example in content.get("examples", {}).values():
                _restore_nulls(example["value"], content["schema"], schemas)
            _finish_responses(operation["responses"])
            _finish_access(operation, access)
    return page


def _restore_nulls(value: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Give an example back what the framework takes out of it, in its place: what it must have by its schema, and has
    as null. An answer among others, which may be errors, has what may be null where it tells of success."""
    either = next((one for one in schema.get("anyOf", ()) if "$ref" in one), schema)
    described = schemas.get(either.get("$ref", "").rpartition("/")[2], {})
    if isinstance(value, dict):
        required = set(described.get("required", ()))
        if value.get("success"):
            required |= {
                name for name, part in described.get("properties", {}).items() if _NULL in part.get("anyOf", ())
            }
        for name, part in described.get("properties", {}).items():
            if name in value or name in required:
                value[name] = value.pop(name, None)  # behind those before it
            _restore_nulls(value.get(name), part, schemas)
    elif isinstance(value, list):
        for row in value:
            _restore_nulls(row, schema.get("items", {}), schemas)


def _finish_responses(responses: dict[str, Any]) -> None:
    """Take out the framework's 422 (ours is 400, or `model_refused`); add what may come whatever the operation is."""
    schema = responses.get("422", {}).get("content", {}).get(JSON, {}).get("schema", {})
    if schema.get("$ref", "").endswith("/HTTPValidationError"):
        del responses["422"]
    for status, (code, message) in _BY_THE_PROXY.items():
        response = responses.setdefault(status, {"description": "", "content": {JSON: {"schema": _ERROR}}})
        content = response["content"][JSON]
        if content["schema"] != _ERROR:  # health's own
            content["schema"] = {"anyOf": [content["schema"], _ERROR]}
        content.setdefault("examples", {})[code] = {"value": error_example(code, message)}
        response["description"] = f"{response['description']}, `{code}` by the proxy in front".removeprefix(", ")
        response.setdefault("headers", {})["Retry-After"] = RETRY_AFTER
    elsewhere = {
        error.code: {"value": error_example(error.code, error.default_message)}
        for error in (NotFound, MethodNotAllowed, RequestHeaderTooLarge)
    }
    responses["default"] = {
        "description": "Whatever else goes wrong has this shape too: another path, another method, headers too large",
        "content": {JSON: {"schema": _ERROR, "examples": elsewhere}},
    }
    for response in responses.values():
        headers = response.setdefault("headers", {})
        headers["X-Request-ID"] = {"description": "The request's id", "schema": {"type": "string"}}


def _finish_access(operation: dict[str, Any], access: SignInSettings) -> None:
    """Say whether keys, tokens and signatures are asked for, by this service as it is set up."""
    if "security" not in operation:
        operation["security"] = []
        return
    for_operators = "403" in operation["responses"]
    for_all = not (access.admin_key_digests or access.auth_admin_claim)
    if for_all if for_operators else not (access.key_digests or access.signs_in):
        operation["security"].append({})
    if access.signing_secrets and not for_operators:
        operation.setdefault("parameters", []).extend(
            {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
            for name, text in _SIGNATURE_HEADERS.items()
            if name != "Content-Digest" or "requestBody" in operation
        )
