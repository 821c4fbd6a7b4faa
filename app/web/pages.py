"""Pages for people, from files of our own: nothing is loaded from another host."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_STATIC = Path(__file__).parent / "static"
_HEADERS = {
    # data: the images that Swagger's style sheet carries inside itself.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # asked for again each time, so that a new version is seen at once; mostly 304
}


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file, with the headers that all our pages have."""
        response = await super().get_response(path, scope)
        response.headers.update(_HEADERS)
        return response


_FILES = _Files(directory=_STATIC)


def _page(path: str) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers with this one file, or with 304 where the browser has it."""

    async def get_page(request: Request) -> Response:
        return await _FILES.get_response(path, request.scope)

    return get_page


def add_pages(app: FastAPI) -> None:
    """Add `/` to try the service, `/dashboard` for its operators, and `/docs`, where the OpenAPI page can be read."""
    app.add_route("/", _page("pages/try.html"), include_in_schema=False)
    app.add_route("/dashboard", _page("pages/dashboard.html"), include_in_schema=False)
    app.mount("/assets", _Files(directory=_STATIC / "pages"))
    app.add_route("/docs", _page("docs/index.html"), include_in_schema=False)
    app.mount("/docs", _Files(directory=_STATIC / "docs"))
