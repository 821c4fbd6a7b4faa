"""The hottest route, served without the framework's dependency solving, which costs as much as all the rest of it.

The documented route in `classify.py` and this one are the same function: only how its parameters are had differs.
"""

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from app.api.body import read_check_cache
from app.api.classify import check_cache
from app.api.deps import context_of, get_container
from app.errors import InvalidUserId
from app.models.request import is_user_id


class CheckCacheEndpoint:
    """`POST /classify/check-cache` as an ASGI application."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        user_id = request.headers.get("x-user-id")
        if user_id is not None and not is_user_id(user_id):
            raise InvalidUserId
        body = await read_check_cache(request)
        answer = await check_cache(body, context_of(request, user_id), get_container(request).classifier)
        content = answer.__pydantic_serializer__.to_json(answer)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})
