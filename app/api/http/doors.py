"""Checks who calls before anything of a body is read, on the framework's routes and on the hot ones."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.types import Receive, Scope

from app.api.http.body import Headers
from app.api.http.client_address import client_address
from app.api.http.context import container_of
from app.api.http.credential import credential_of
from app.api.http.openapi import document_errors
from app.api.http.signed_body import SignedBody, request_to_verify
from app.container import Container
from app.errors import DatabaseUnavailable
from app.models.correction import Operator
from app.services.access.errors import (
    ExpiredSignature,
    ExpiredToken,
    Forbidden,
    InvalidSignature,
    InvalidToken,
    MissingSignature,
    ReplayedSignature,
    SignInUnavailable,
    Unauthorized,
)
from app.services.access.token_rules import SignedIn
from app.utils.clock import utc_now

_TOKEN_ERRORS = (InvalidToken, ExpiredToken, SignInUnavailable)
CLIENT_ERRORS = document_errors(
    Unauthorized,
    MissingSignature,
    InvalidSignature,
    ExpiredSignature,
    ReplayedSignature,
    *_TOKEN_ERRORS,
    DatabaseUnavailable,
)
ADMIN_ERRORS = document_errors(Unauthorized, Forbidden, *_TOKEN_ERRORS)

_bearer = HTTPBearer(
    scheme_name="bearer",
    description="A key of `API_KEYS` or, for what is the operators', of `ADMIN_API_KEYS`, where these are set; or a "
    "user's token (JWT), where users sign in",
    auto_error=False,
)
_header = APIKeyHeader(name="X-API-Key", scheme_name="header", description="The same, in a header", auto_error=False)


async def admit_client(
    scope: Scope, headers: Headers, receive: Receive, container: Container
) -> tuple[Receive, SignedIn | None]:
    """Return what the body may be read from, and whom the caller's token names, if the caller may classify and look up.

    Raises `Unauthorized`, `SignInUnavailable`.
    """
    access = container.access
    signed_in = await access.admit(credential_of(headers))
    if access.signatures is None:
        return receive, signed_in
    signed = access.signatures.verify(request_to_verify(scope, has_body=True))
    return SignedBody(signed, access.signatures, receive, scope["state"]["request_id"]), signed_in


def key_id_of(headers: Headers, receive: Receive, container: Container) -> str | None:
    """Return which client was admitted to read `receive`, where a key tells clients apart."""
    signer = receive.signed.key_id if isinstance(receive, SignedBody) else None
    return container.access.key_id(credential_of(headers), signer)


async def admit_client_without_body(scope: Scope, headers: Headers, container: Container) -> None:
    """Return if the caller may read their own records. Raises `Unauthorized`, `SignInUnavailable`."""
    access = container.access
    await access.admit(credential_of(headers))
    if access.signatures is not None:
        signed = access.signatures.verify(request_to_verify(scope, has_body=False))
        await access.signatures.spend(signed, scope["state"]["request_id"])


async def _document_keys(
    _bearer_key: Annotated[object, Security(_bearer)], _header_key: Annotated[object, Security(_header)]
) -> None:
    """For the OpenAPI page alone: what the framework makes of the headers is not looked at."""


async def require_admin(request: Request) -> None:
    """What stands before whatever is the operators': `APIRouter(dependencies=[*ADMIN_ONLY])`."""
    access = container_of(request.scope).access
    await access.check_admin(credential_of(dict(request.headers.raw)), client_address(request.scope))


async def client_body(request: Request) -> Receive:
    """Return what the body of a client's call may be read from. Raises `Unauthorized`, `SignInUnavailable`."""
    headers, container = dict(request.headers.raw), container_of(request.scope)
    receive, _ = await admit_client(request.scope, headers, request.receive, container)
    return receive


async def require_client(request: Request) -> None:
    """What stands before a user's own data: `APIRouter(dependencies=[*CLIENTS_ONLY])`. For calls without a body."""
    await admit_client_without_body(request.scope, dict(request.headers.raw), container_of(request.scope))


async def operator_of(request: Request) -> Operator:
    """Return who makes a change, behind `ADMIN_ONLY`."""
    name = await container_of(request.scope).access.operator_name(credential_of(dict(request.headers.raw)))
    return Operator(request.scope["state"]["request_id"], name, client_address(request.scope))


async def seconds_admitted(request: Request) -> float | None:
    """Return for how long the caller is let in, behind `ADMIN_ONLY`; None: a key is good for as long as it is set."""
    until = await container_of(request.scope).access.admin_until(credential_of(dict(request.headers.raw)))
    return None if until is None else (until - utc_now()).total_seconds()


async def may_read_any(request: Request) -> bool:
    """Whether the caller may read all records; if not, they have to be a client, for their own."""
    headers, container = dict(request.headers.raw), container_of(request.scope)
    if await container.access.is_admin(credential_of(headers), client_address(request.scope)):
        return True
    await admit_client_without_body(request.scope, headers, container)
    return False


async def sees_operations(request: Request) -> bool:
    """Whether the caller may read what is the operators', where others get an answer too, but for that."""
    try:
        await require_admin(request)
    except (Forbidden, Unauthorized, SignInUnavailable):
        return False
    return True


ADMIN_ONLY = (Depends(_document_keys), Depends(require_admin))
CLIENTS_ONLY = (Depends(_document_keys), Depends(require_client))
DOCUMENTED_KEYS = Depends(_document_keys)
ClientBodyDep = Annotated[Receive, Depends(client_body)]
OperatorDep = Annotated[Operator, Depends(operator_of)]
SeesOperationsDep = Annotated[bool, Depends(sees_operations)]
MayReadAnyDep = Annotated[bool, Depends(may_read_any)]
