"""Who asks, and where the parts are: the one place that knows where the container is kept."""

from typing import Annotated

from fastapi import Depends, Header, Request
from pydantic.json_schema import SkipJsonSchema
from starlette.types import Scope

from app.api.http.client_address import client_address
from app.api.http.credential import credential_of
from app.container import Container
from app.models.domain import RequestContext
from app.models.request import USER_ID_PATTERN


def container_of(scope: Scope) -> Container:
    """Return the parts of the application that a request came to."""
    container: Container = scope["app"].state.container
    return container


def context_of(scope: Scope, user_id: str | None) -> RequestContext:
    """Return who asks, the user id already checked."""
    return RequestContext(scope["state"]["request_id"], user_id, client_address(scope))


async def get_context(
    request: Request,
    x_user_id: Annotated[
        str | SkipJsonSchema[None],
        Header(
            alias="X-User-ID",
            pattern=USER_ID_PATTERN,
            description="User or device, for statistics and for reading one's own records; a token names its own user",
            examples=["device-42"],
        ),
    ] = None,
) -> RequestContext:
    """Return who asks: the user that a token names, else the one of the header."""
    access = container_of(request.scope).access
    signed_in = await access.sign_in(credential_of(dict(request.headers.raw)))
    return context_of(request.scope, x_user_id if signed_in is None else signed_in.user_id)


ContextDep = Annotated[RequestContext, Depends(get_context)]
