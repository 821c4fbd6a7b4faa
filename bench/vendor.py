"""A model vendor that answers at once and looks at nothing, so that only the way to it is measured."""

import json

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_ANSWER = {"category": "pets", "confidence": 0.9, "description": "一只猫"}
_COMPLETION = {
    "id": "chatcmpl-bench",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "bench",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": json.dumps(_ANSWER)}, "finish_reason": "stop"},
    ],
    "usage": {"prompt_tokens": 412, "completion_tokens": 37, "total_tokens": 449},
}


async def complete(request: Request) -> Response:
    await request.body()
    return Response(json.dumps(_COMPLETION), media_type="application/json")


app = Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])
