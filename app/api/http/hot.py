"""Hot routes: the calls of an app, documented by the framework and served past it.

The framework's routing and dependency solving cost more than all else that such a call does. So the middleware hands
these requests to `HotRoute`, and what the framework has at their address is documentation alone.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, NoReturn

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from app.api.http.body import Headers
from app.api.http.context import ContextDep, container_of, context_of
from app.api.http.doors import CLIENT_ERRORS, DOCUMENTED_KEYS, admit_client
from app.api.http.openapi import Responses
from app.container import Container
from app.errors import InvalidUserId
from app.models.domain import RequestContext
from app.models.request import is_user_id

_JSON = (b"content-type", b"application/json; charset=utf-8")
_UNBUFFERED = (b"x-accel-buffering", b"no")
"""nginx hands each line on at once, and this header not at all."""


@dataclass(slots=True)
class Call:
    """One request to a hot route. The caller is admitted and the user id checked; the body is not read yet."""

    headers: Headers
    receive: Receive
    query: bytes
    context: RequestContext
    container: Container


@dataclass(slots=True)
class Lines:
    """An answer that is sent line by line as it comes about, each line a JSON object."""

    bodies: AsyncGenerator[BaseModel, None]
    media_type: str


Endpoint = Callable[[Call], Awaitable[BaseModel | Lines | bytes]]
"""Returns a body, or what `as_json` has made of one."""


class HotRoute:
    """An endpoint as an ASGI application. Its errors are the caller's to answer."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = dict(scope["headers"])
        container = container_of(scope)
        receive, signed_in = await admit_client(scope, headers, receive, container)
        user_id = _user_id(headers)
        context = context_of(scope, user_id if signed_in is None else signed_in.user_id)
        answer = await self._endpoint(Call(headers, receive, scope["query_string"], context, container))
        if isinstance(answer, Lines):
            async with aclosing(answer.bodies) as bodies:
                await _send_lines(bodies, answer.media_type, send)
            return
        content = answer if isinstance(answer, bytes) else as_json(answer)
        described = [_JSON, (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 200, "headers": described})
        await send({"type": "http.response.body", "body": content})


def as_json(body: BaseModel) -> bytes:
    """Return a body as it is sent."""
    return body.__pydantic_serializer__.to_json(body)


async def _send_lines(bodies: AsyncIterator[BaseModel], media_type: str, send: Send) -> None:
    """Send each body when it is there. What fails before the first of them can still be answered as an error."""
    started = False
    async for body in bodies:
        if not started:
            headers = [(b"content-type", f"{media_type}; charset=utf-8".encode()), _UNBUFFERED]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            started = True
        line = as_json(body) + b"\n"
        await send({"type": "http.response.body", "body": line, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


class HotRouter:
    """Hot routes below one prefix. They take no dependencies: those would be documented and never run."""

    def __init__(self, prefix: str, tag: str) -> None:
        self.documentation = APIRouter(
            prefix=prefix, tags=[tag], dependencies=[DOCUMENTED_KEYS], responses=CLIENT_ERRORS
        )
        self.routes: dict[str, HotRoute] = {}
        """By path below the interface's root; for POST."""

    def post(
        self, path: str, *, summary: str, answer: type[BaseModel], responses: Responses, body: dict[str, Any]
    ) -> Callable[[Endpoint], Endpoint]:
        """Serve POST at `path` by the decorated function. `body` is the OpenAPI description of what it reads."""

        def add(endpoint: Endpoint) -> Endpoint:
            self.documentation.add_api_route(
                path,
                _documented(endpoint),
                methods=["POST"],
                summary=summary,
                response_model=answer,
                responses=responses,
                openapi_extra=body,
            )
            self.routes[f"{self.documentation.prefix}{path}"] = HotRoute(endpoint)
            return endpoint

        return add

    def check(self, app: FastAPI) -> None:
        """Raise RuntimeError if something hangs on one of these routes, or on all routes, that would not run here."""
        if app.user_middleware:
            raise RuntimeError("app.add_middleware: what is added there would never run for hot routes")
        for included in app.routes:
            if isinstance(included, APIRoute):
                continue
            for route in getattr(included, "effective_route_contexts", tuple)():
                if route.original_route in self.documentation.routes and route.dependencies != [DOCUMENTED_KEYS]:
                    raise RuntimeError(f"POST {route.path} is a hot route: a dependency of it would never run")


def _documented(endpoint: Endpoint) -> Callable[..., Awaitable[NoReturn]]:
    """Return what stands for a hot endpoint on the OpenAPI page: its name, its text, the header that it takes."""

    async def documentation(context: ContextDep) -> NoReturn:
        raise NotImplementedError

    documentation.__name__, documentation.__doc__ = endpoint.__name__, endpoint.__doc__
    return documentation


def _user_id(headers: Headers) -> str | None:
    value = headers.get(b"x-user-id")
    if value is None:
        return None
    user_id = value.decode("latin-1")
    if not is_user_id(user_id):
        raise InvalidUserId
    return user_id
