"""The two calls of an app, served past the framework's routing and dependency solving, which cost more than all else.

The documented routes in `classify.py` and these are the same functions: only how their parameters are had differs.
"""

from collections.abc import Awaitable, Callable

from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from app.api.classify import check_cache, classify
from app.api.deps import context_of
from app.api.http.body import Headers, read_check_cache, read_upload
from app.api.http.doors import admit_client
from app.container import Container
from app.errors import InvalidUserId
from app.models.domain import RequestContext
from app.models.request import is_user_id

Endpoint = Callable[[Headers, Receive, RequestContext, Container], Awaitable[BaseModel]]


class DirectRoute:
    """An endpoint as an ASGI application. Its errors are the caller's to answer."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = dict(scope["headers"])
        container: Container = scope["app"].state.container
        receive = admit_client(scope, headers, receive, container)
        user_id = _user_id(headers)
        answer = await self._endpoint(headers, receive, context_of(scope, user_id), container)
        content = answer.__pydantic_serializer__.to_json(answer)
        described = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 200, "headers": described})
        await send({"type": "http.response.body", "body": content})


def _user_id(headers: Headers) -> str | None:
    value = headers.get(b"x-user-id")
    if value is None:
        return None
    user_id = value.decode("latin-1")
    if not is_user_id(user_id):
        raise InvalidUserId
    return user_id


async def _check_cache(headers: Headers, receive: Receive, context: RequestContext, container: Container) -> BaseModel:
    return await check_cache(await read_check_cache(headers, receive), context, container.classifier)


async def _classify(headers: Headers, receive: Receive, context: RequestContext, container: Container) -> BaseModel:
    async with read_upload(headers, receive, container) as upload:
        return await classify(upload, context, container.classifier)


DIRECT_ROUTES = {"/classify/check-cache": DirectRoute(_check_cache), "/classify": DirectRoute(_classify)}
"""By path below the interface's root; for POST."""
