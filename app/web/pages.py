"""Pages for people, from files of our own: nothing is loaded from another host."""

from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_STATIC = Path(__file__).parent / "static"
_HEADERS = {
    # data: the images that Swagger's style sheet carries inside itself.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
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


async def _docs(_request: Request) -> Response:
    return FileResponse(_STATIC / "docs" / "index.html", headers=_HEADERS)


def add_pages(app: FastAPI) -> None:
    """Add `/docs`, where the OpenAPI page can be read and tried."""
    app.add_route("/docs", _docs, include_in_schema=False)
    app.mount("/docs", _Files(directory=_STATIC / "docs"))
