"""The outermost layer of the application: request ids, the access line, and the last-resort 500."""

from time import perf_counter

from loguru import logger
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.exception_handlers import error_response
from app.errors import InternalError
from app.logs import request_id_variable
from app.utils.clock import milliseconds_since
from app.utils.id_generator import generate_request_id


class RequestMiddleware:
    """Gives every request an id, every response the header, and every failure the one error shape.

    Plain ASGI: the framework's own handler for unexpected errors runs outside all middleware, where the header would
    be missing, so that they are caught here.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = generate_request_id()
        scope.setdefault("state", {})["request_id"] = request_id
        token = request_id_variable.set(request_id)
        started = perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode("ascii"))]
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception:
            logger.exception("unexpected error")
            if status:  # too late for another answer: the server closes the connection
                raise
            await error_response(InternalError(), request_id)(scope, receive, send_with_id)
        finally:
            access_log = scope["app"].state.access_log
            if access_log is not None:
                took_ms = milliseconds_since(started)
                access_log.write(request_id, scope["method"], scope["path"], status, took_ms)
            request_id_variable.reset(token)
