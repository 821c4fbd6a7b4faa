"""The outermost layer of the application: request ids, the access line, errors that nobody else has answered."""

from collections.abc import Mapping
from time import perf_counter
from typing import Any

from loguru import logger
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.exception_handlers import answer_to, error_response
from app.errors import InternalError, ServiceError
from app.observe.logs import request_id_variable
from app.observe.metrics import Metrics
from app.utils.clock import milliseconds_since
from app.utils.id_generator import request_ids
from app.utils.let_go import let_go

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "other"
_OF_USERS = "/api/v1/stats/users/"
_OF_ALL_USERS = _OF_USERS + "top"

_JSON = (b"content-type", b"application/json")
_JSON_IN_UTF8 = (b"content-type", b"application/json; charset=utf-8")
"""RFC 8259 does not ask for the charset. Libraries that take a text without one for Latin-1 (Dart's `http` before 1.4)
garble Chinese descriptions otherwise."""


class RequestMiddleware:
    """Gives every request an id, every response the header, and every failure the one error shape.

    HEAD is answered as GET; the server leaves the body out. Requests to POST one of the `hot` paths do not pass
    through `app`, the framework with its layers.
    `templates` are the paths of endpoints as metrics name them: what a client wrote may be anything.
    """

    def __init__(
        self, app: ASGIApp, hot: Mapping[str, ASGIApp], metrics: Metrics, templates: Mapping[Any, str]
    ) -> None:
        self._app = app
        self._hot = hot
        self._metrics = metrics
        self._templates = templates
        self._request_ids = request_ids()  # draws nothing before the first request: workers are forked by then

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = next(self._request_ids)
        scope.setdefault("state", {})["request_id"] = request_id
        token = request_id_variable.set(request_id)
        started = perf_counter()
        status, complete = 0, False

        async def send_with_id(message: Message) -> None:
            nonlocal status, complete
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], (b"x-request-id", request_id.encode("ascii"))]
                if _JSON in headers:
                    headers[headers.index(_JSON)] = _JSON_IN_UTF8
                message["headers"] = headers
            else:
                complete = not message.get("more_body", False)
            await send(message)

        handled, handler = scope, self._app
        if scope["method"] == "POST":
            handler = self._hot.get(scope["path"], self._app)
        elif scope["method"] == "HEAD":
            scope["state"]["signed_method"] = "HEAD"
            handled = {**scope, "method": "GET"}
        try:
            await handler(handled, receive, send_with_id)
        except ServiceError as error:
            await answer_to(error, scope)(scope, receive, send_with_id)
            let_go(error)
        except Exception as error:
            logger.exception("unexpected error")
            if status and not complete:  # too late for another answer: the server closes the connection
                raise
            if not status:
                await error_response(InternalError(), scope)(scope, receive, send_with_id)
            let_go(error)
        finally:
            # A stream lasts as long as its client listens: what says something of the service is when it began.
            stream_began = scope["state"].get("stream_began")
            if stream_began is None:
                self._measure(scope, handled.get("endpoint"), status, perf_counter() - started)
            access_log = scope["app"].state.access_log
            if access_log is not None:
                took_ms = milliseconds_since(started, stream_began)
                access_log.write(request_id, scope["method"], _without_user(scope["path"]), status, took_ms)
            request_id_variable.reset(token)

    def _measure(self, scope: Scope, endpoint: object, status: int, seconds: float) -> str:
        """Count a request that was answered, and return its route."""
        path, method = scope["path"], scope["method"]
        route = path if path in self._hot else self._templates.get(endpoint, NO_ROUTE)
        if method not in METHODS:
            method = "other"
        self._metrics.requests.observe(seconds, route, method, status or "none")
        if status >= 400:
            self._metrics.errors.add(scope["state"].get("error_code", "none"))
        return route


def _without_user(path: str) -> str:
    """Return a path as it may be logged: who is erased is in no line of the log either."""
    is_of_user = path.startswith(_OF_USERS) and path != _OF_ALL_USERS
    return f"{_OF_USERS}{{user_id}}" if is_of_user else path
