"""A model vendor that runs here: OpenAI's chat completions and Anthropic's messages, over real HTTP.

It takes only what the vendor takes (a wrong request gets the vendor's 400), keeps every call, and answers as told.
Unless told otherwise it picks a category by the image's bytes, so that two images rarely get the same answer.

    python -m tests.support.fake_model_server 9000
"""

import asyncio
import base64
import hashlib
import json
import socket
import struct
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import uvicorn
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.models.domain import Category
from app.services.model.prompt import ANSWER_SCHEMA


@dataclass(frozen=True)
class Call:
    """One question that was asked."""

    vendor: str
    body: dict[str, Any]
    jpeg: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Behaviour:
    """How the server answers. `text` is the model's text; None: a good answer for the image.

    `finish` is `stop`, `length`, `refusal` or `content_filter`, in the vendor's own words for it. `takes` are the
    answer formats that a compatible server knows; it answers 400 to the others. `endless` is a body of spaces that has
    no end.
    """

    text: str | None = None
    finish: str = "stop"
    status: int = 200
    raw: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    trickle: bool = False
    endless: bool = False
    reset: bool = False
    no_choices: bool = False
    takes: frozenset[str] = frozenset({"json_schema", "json_object", "text"})
    flex: str = "flex"
    """What is done with `service_tier="flex"`: `flex` or `default`, the tier that answers; `full` (429 of the
    vendor, not billed), `hang`, `unknown` (400: the model has no such tier)."""


_FLEX_ERRORS: dict[str, tuple[int, dict[str, str]]] = {
    "full": (429, {"message": "as told", "type": "rate_limit_error", "code": "resource_unavailable"}),
    "unknown": (400, {"message": "as told", "type": "invalid_request_error", "param": "service_tier"}),
}


class BadRequest(Exception):
    """The request is not one that the vendor takes."""


def answer_for(jpeg: bytes) -> dict[str, Any]:
    """Return what the server says of an image unless it is told otherwise."""
    digest = hashlib.sha256(jpeg).digest()
    return {
        "category": str(list(Category)[digest[0] % 8]),
        "confidence": 0.5 + digest[1] / 512,
        "description": f"一张图片 {digest.hex()[:8]}",
    }


class FakeModels:
    """The server's memory and its orders: `script` for the next calls, one each, then `behaviour` for all others.
    `answer` says what a good answer to a JPEG is.

    Read and changed from the tests' thread.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.behaviour = Behaviour()
        self.script: list[Behaviour] = []
        self.answer: Callable[[bytes], dict[str, Any]] = answer_for
        self.base_url = ""
        self.bytes_sent = 0
        self.transports: dict[tuple[str, int], asyncio.Transport] = {}
        # A hanging answer ends with the test.
        self.released = threading.Event()

    def reset(self) -> None:
        self.released.set()
        self.calls = []
        self.behaviour = Behaviour()
        self.script = []
        self.answer = answer_for
        self.bytes_sent = 0
        self.released = threading.Event()

    def reset_connection(self, client: tuple[str, int]) -> None:
        """Close a client's connection with a TCP reset."""
        transport = self.transports[client]
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()

    def protocol(self) -> type[asyncio.Protocol]:
        """Return the server's protocol, which lets connections be reset."""
        transports = self.transports

        class Protocol(HttpToolsProtocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                transports[transport.get_extra_info("peername")] = transport
                super().connection_made(transport)

        return Protocol

    def application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/chat/completions", self._serve("openai", _read_openai, _openai_body), methods=["POST"]),
                Route("/v1/messages", self._serve("claude", _read_claude, _claude_body), methods=["POST"]),
            ]
        )

    def _serve(
        self,
        vendor: str,
        read: Callable[[Request, dict[str, Any]], bytes],
        write: Callable[[dict[str, Any], str, Behaviour], dict[str, Any]],
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            body = await request.json()
            try:
                jpeg = read(request, body)
            except (BadRequest, KeyError, TypeError, ValueError, OSError) as error:
                problem = {"type": "invalid_request_error", "message": repr(error)}
                return JSONResponse({"type": "error", "error": problem}, 400)
            self.calls.append(Call(vendor, body, jpeg, dict(request.headers)))
            behaviour = self.script.pop(0) if self.script else self.behaviour
            released = self.released
            if vendor == "openai" and _format_of(body) not in behaviour.takes:
                return JSONResponse({"error": {"message": "unknown response_format"}}, 400)
            if body.get("service_tier") == "flex" and behaviour.flex in _FLEX_ERRORS:
                status, told = _FLEX_ERRORS[behaviour.flex]
                return JSONResponse({"error": told}, status)
            if behaviour.hang or (body.get("service_tier") == "flex" and behaviour.flex == "hang"):
                await asyncio.to_thread(released.wait)
            if behaviour.endless:
                return StreamingResponse(self._endless(released), media_type="application/json")
            if behaviour.raw is not None:
                return Response(behaviour.raw, behaviour.status, {"content-type": "text/html", **behaviour.headers})
            if behaviour.status != 200:
                problem = {"type": "fake_error", "message": "as told", "code": behaviour.text or ""}
                return JSONResponse({"type": "error", "error": problem}, behaviour.status, behaviour.headers)
            if behaviour.reset:
                self.reset_connection((request.client.host, request.client.port) if request.client else ("", 0))
            text = json.dumps(self.answer(jpeg)) if behaviour.text is None else behaviour.text
            reply = JSONResponse(write(body, text, behaviour))
            return StreamingResponse(_trickle(bytes(reply.body), released)) if behaviour.trickle else reply

        return endpoint

    async def _endless(self, released: threading.Event) -> AsyncIterator[bytes]:
        while not released.is_set():
            yield b" " * 65536
            self.bytes_sent += 65536
            await asyncio.sleep(0)  # so that the end of the connection is noticed


async def _trickle(body: bytes, released: threading.Event) -> AsyncIterator[bytes]:
    for index in range(len(body)):
        if released.is_set():
            return
        yield body[index : index + 1]
        await asyncio.sleep(0.05)


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise BadRequest(what)


def _decoded(data: str) -> bytes:
    jpeg = base64.b64decode(data, validate=True)
    with Image.open(BytesIO(jpeg), formats=["JPEG"]) as image:
        image.load()
    return jpeg


def _check_schema(schema: dict[str, Any]) -> None:
    _require(schema == ANSWER_SCHEMA, "schema")
    _require(schema["additionalProperties"] is False, "additionalProperties")
    _require(set(schema["required"]) == set(schema["properties"]), "required")


def _read_openai(request: Request, body: dict[str, Any]) -> bytes:
    _require(request.headers["authorization"].startswith("Bearer "), "authorization")
    known = {"model", "messages", "response_format", "max_completion_tokens", "max_tokens", "reasoning_effort"}
    known.add("service_tier")
    _require(set(body) <= known, f"unknown parameters {set(body) - known}")
    _require(body.get("service_tier", "flex") == "flex", "service_tier")
    _require(bool(body["model"]), "model")
    _require(("max_completion_tokens" in body) != ("max_tokens" in body), "max tokens")
    if _format_of(body) == "json_schema":
        _require(body["response_format"]["json_schema"]["strict"] is True, "strict")
        _check_schema(body["response_format"]["json_schema"]["schema"])
    system, user = body["messages"]
    _require(system["role"] == "system" and user["role"] == "user", "roles")
    (part,) = user["content"]
    _require(part["image_url"]["detail"] in ("low", "high", "auto", "original"), "detail")
    prefix, _, data = part["image_url"]["url"].partition(",")
    _require(prefix == "data:image/jpeg;base64", "image url")
    return _decoded(data)


def _format_of(body: dict[str, Any]) -> str:
    return str(body.get("response_format", {"type": "text"})["type"])


def _read_claude(request: Request, body: dict[str, Any]) -> bytes:
    _require("x-api-key" in request.headers or "authorization" in request.headers, "key")
    _require(bool(request.headers["anthropic-version"]), "version")
    known = {"model", "max_tokens", "system", "messages", "output_config", "thinking"}
    _require(set(body) <= known, f"unknown parameters {set(body) - known}")
    _require(bool(body["model"]) and body["max_tokens"] > 0, "model")
    _require(body["output_config"]["format"]["type"] == "json_schema", "output_config")
    _check_schema(body["output_config"]["format"]["schema"])
    (user,) = body["messages"]
    (block,) = user["content"]
    _require(block["source"]["type"] == "base64" and block["source"]["media_type"] == "image/jpeg", "source")
    return _decoded(block["source"]["data"])


def _openai_body(body: dict[str, Any], text: str, behaviour: Behaviour) -> dict[str, Any]:
    refused = behaviour.finish == "refusal"
    message = {"role": "assistant", "content": None if refused else text, "refusal": text if refused else None}
    finish = "stop" if refused else behaviour.finish
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 1700000000,
        "model": body["model"],
        "choices": [] if behaviour.no_choices else [choice],
        "usage": {"prompt_tokens": 412, "completion_tokens": 37, "total_tokens": 449},
        "service_tier": behaviour.flex if body.get("service_tier") == "flex" else "default",
    }


def _claude_body(body: dict[str, Any], text: str, behaviour: Behaviour) -> dict[str, Any]:
    refused = behaviour.finish in ("refusal", "content_filter")
    reasons = {"stop": "end_turn", "length": "max_tokens", "refusal": "refusal", "content_filter": "refusal"}
    return {
        "id": "msg_fake",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [] if refused or behaviour.no_choices else [{"type": "text", "text": text}],
        "stop_reason": reasons[behaviour.finish],
        "stop_sequence": None,
        "usage": {"input_tokens": 412, "output_tokens": 37},
    }


class RunningFakeModels:
    """The server on a free port of this machine, in a thread of its own, for the time of a `with` block."""

    def __enter__(self) -> FakeModels:
        self._models = FakeModels()
        listener = socket.create_server(("127.0.0.1", 0))
        self._models.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            self._models.application(),
            http=self._models.protocol(),
            loop="asyncio",
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        # The socket listens from here on: a call made before the thread is ready waits in its backlog.
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, daemon=True)
        self._thread.start()
        return self._models

    def __exit__(self, *_: object) -> None:
        self._models.reset()
        self._server.should_exit = True
        self._thread.join()


if __name__ == "__main__":
    uvicorn.run(FakeModels().application(), port=int(sys.argv[1]), lifespan="off")
