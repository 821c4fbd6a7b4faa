"""Calls from web pages of another origin (CORS), where CORS_ORIGINS allows it."""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from app.utils.id_generator import generate_request_id

_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
_HEADERS = (
    "Content-Type",
    "X-User-ID",
    "X-API-Key",
    "Authorization",
    "Content-Digest",
    "Signature",
    "Signature-Input",
    "traceparent",  # what traces itself adds them to each call of its own
    "tracestate",
)
_EXPOSED = ("X-Request-ID", "Retry-After")
_PREFLIGHT_SECONDS = 7200
"""For so long a browser need not ask again. Chromium keeps it no longer than this."""


class _CrossOrigin(CORSMiddleware):
    """Answers preflights before anything else sees them: they carry no key, and are no request of ours to count."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Return the answer to a preflight. One that is refused has no body: a browser shows it to nobody."""
        response = super().preflight_response(request_headers)
        allowed = response.status_code == 200
        headers = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
        return Response(status_code=204 if allowed else 403, headers={**headers, "X-Request-ID": generate_request_id()})


def allow_origins(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """Return the application as pages of these origins may call it; as it is where there are none.

    Outermost, around errors and around what passes the framework by: a page that cannot read an answer's headers sees
    a network error instead of its status. Cookies are not used, so that `*` is as safe as a list of names.
    """
    if not origins:
        return app
    return _CrossOrigin(
        app,
        allow_origins=origins,
        allow_methods=_METHODS,
        allow_headers=_HEADERS,
        expose_headers=_EXPOSED,
        max_age=_PREFLIGHT_SECONDS,
    )
