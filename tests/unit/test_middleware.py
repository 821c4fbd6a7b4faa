"""The outermost layer answers whatever happens inside."""

import asyncio
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from app.api.http.middleware import RequestMiddleware
from app.observe.metrics import Metrics


class FakeState:
    access_log = None


class FakeApp:
    state = FakeState()


async def answer_of(error: Exception) -> Message:
    """Return the head of the answer to a request that fails with this error."""

    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "app": FakeApp(), "headers": []}
    middleware = RequestMiddleware(fail, {}, Metrics(), {})
    async with asyncio.timeout(5):
        await middleware(scope, receive, send)
    return sent[0]


async def test_an_error_that_is_its_own_cause_is_answered_like_any_other() -> None:
    circular, inner = ZeroDivisionError(), KeyError()
    circular.__cause__ = inner
    inner.__cause__ = circular

    assert (await answer_of(circular))["status"] == 500
