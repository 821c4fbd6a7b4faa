"""HTTP as bytes on a socket: what a client library would never send, and what a connection does at its end."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from app.http_protocol import LimitedProtocol


@dataclass(frozen=True)
class Answer:
    """One response. `rest` is what came behind it."""

    status: int
    headers: dict[str, str]
    content: bytes
    rest: bytes

    @property
    def error_code(self) -> str:
        """The code of an error, which has the one shape and names the same request in header and body."""
        body = json.loads(self.content)
        assert list(body) == ["success", "error", "request_id", "timestamp"]
        assert body["request_id"] == self.headers["x-request-id"]
        code: str = body["error"]["code"]
        return code


def parse_answer(received: bytes) -> Answer:
    """Read the first response in `received`."""
    head, _, body = received.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    length = int(headers.get("content-length", 0))
    assert len(body) >= length, received
    return Answer(int(status_line.split()[1]), headers, body[:length], body[length:])


@dataclass
class RawConnection:
    """A connection to a server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, seconds: float = 10) -> Answer:
        """Wait for one response, and leave the connection open."""
        async with asyncio.timeout(seconds):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = int(parse_answer_head(head).get("content-length", 0))
            return parse_answer(head + await self.reader.readexactly(length))

    async def until_closed(self, seconds: float = 10) -> bytes:
        """Return all that comes until the server sends no more. Raises ConnectionResetError."""
        async with asyncio.timeout(seconds):
            return await self.reader.read()


def parse_answer_head(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[RawConnection]:
    """Open a connection, and close it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield RawConnection(reader, writer)
    finally:
        writer.close()


@dataclass
class InProcess:
    """A server on this event loop."""

    server: uvicorn.Server
    port: int

    @property
    def connections(self) -> int:
        return len(self.server.server_state.connections)


@asynccontextmanager
async def serving(app: ASGIApp, protocol: type[LimitedProtocol], **options: Any) -> AsyncIterator[InProcess]:
    """Serve an application with this protocol, until the end of the block."""
    config = uvicorn.Config(app, http=protocol, ws="none", port=0, log_config=None, lifespan="off", **options)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield InProcess(server, server.servers[0].sockets[0].getsockname()[1])
    finally:
        for listener in server.servers:
            listener.close()
        for connection in list(server.server_state.connections):
            connection.transport.close()
