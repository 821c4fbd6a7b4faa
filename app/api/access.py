"""The doors: what a request has to show before anything of it is read, on the framework's routes and past them."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.types import Scope

from app.api.body import Headers
from app.api.client_address import client_address
from app.api.openapi import document_errors
from app.container import Container
from app.errors import Forbidden, Unauthorized
from app.services.access import Access

CLIENT_ERRORS = document_errors(Unauthorized)
ADMIN_ERRORS = document_errors(Unauthorized, Forbidden)

_bearer = HTTPBearer(
    scheme_name="bearer",
    description="A key of `API_KEYS` or, for statistics and metrics, of `ADMIN_API_KEYS`, where these are set",
    auto_error=False,
)
_header = APIKeyHeader(name="X-API-Key", scheme_name="header", description="The same, in a header", auto_error=False)


def key_of(headers: Headers) -> bytes | None:
    """Return the key that a request shows. `X-API-Key` wins: a proxy may have an `Authorization` of its own."""
    key = headers.get(b"x-api-key")
    if key is not None:
        return key
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else None


def admit_client(headers: Headers, container: Container) -> None:
    """Return if the caller may classify and look up. Raises `Unauthorized`."""
    keys = container.access.client_keys
    if keys.digests:
        keys.check(key_of(headers))


async def _document_keys(
    _bearer_key: Annotated[object, Security(_bearer)], _header_key: Annotated[object, Security(_header)]
) -> None:
    """For the OpenAPI page alone: what the framework makes of the headers is not looked at."""


async def require_client(request: Request) -> None:
    """What stands before the apps' calls."""
    admit_client(dict(request.headers.raw), _container(request.scope))


async def require_admin(request: Request) -> None:
    """What stands before whatever is the operators': `APIRouter(dependencies=[*ADMIN_ONLY])`."""
    _access(request.scope).check_admin(key_of(dict(request.headers.raw)), client_address(request.scope))


async def may_read_any(request: Request) -> bool:
    """Whether the caller may read all records; if not, they have to be a client, for their own."""
    if _access(request.scope).is_admin(key_of(dict(request.headers.raw)), client_address(request.scope)):
        return True
    await require_client(request)
    return False


CLIENT_ONLY = (Depends(_document_keys), Depends(require_client))
ADMIN_ONLY = (Depends(_document_keys), Depends(require_admin))
DOCUMENTED_KEYS = Depends(_document_keys)
MayReadAnyDep = Annotated[bool, Depends(may_read_any)]


def _container(scope: Scope) -> Container:
    container: Container = scope["app"].state.container
    return container


def _access(scope: Scope) -> Access:
    return _container(scope).access
