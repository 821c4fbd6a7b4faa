"""A request and its answer as uvicorn has them, in fewer steps: docs/decisions/0017-edge.md says how many fewer."""

import asyncio
from typing import Any, cast
from urllib.parse import unquote

import httptools
from starlette.types import Message
from uvicorn._types import HTTPDisconnectEvent, HTTPRequestEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

_CONTROLS = bytes(code for code in range(32) if code != ord("\t")) + b"\x7f"
_BODILESS = (204, 304)
_MOST_PIECES = 256
"""Of a body that wait one by one: a piece of two bytes takes thirty times as much."""


class Cycle(RequestResponseCycle):
    """Sends the head of an answer with the first piece of its body, as ASGI asks for, in one system call: one takes as
    long as a tenth of a whole request. Looks over a head as a whole for what would forge a line of it. Names of headers
    are in lower case, as ASGI asks for too."""

    _head = b""
    """What has not been sent of it yet."""

    _ends_with_connection = False
    """Whether nothing else tells the client where the body ends: HTTP/1.0 has no chunks."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._pieces: list[bytes] = []
        self._held = 0

    def take(self, piece: bytes) -> int:
        """Keep a piece of the request's body until it is asked for, and return how many bytes wait for that."""
        self._pieces.append(piece)
        if len(self._pieces) > _MOST_PIECES:
            self._pieces = [b"".join(self._pieces)]
        self._held += len(piece)
        self.message_event.set()
        return self._held

    async def receive(self) -> HTTPRequestEvent | HTTPDisconnectEvent:
        """Return what has come of the body, as it came: uvicorn's copies it twice."""
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if not self.disconnected and not self.response_complete:
            self.flow.resume_reading()
            await self.message_event.wait()
            self.message_event.clear()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body = b"".join(self._pieces)
        self._pieces, self._held = [], 0
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: Message) -> None:  # type: ignore[override]  # Starlette's types of the same
        """Send a part of the answer. Raises RuntimeError for one that is out of order or breaks HTTP."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if not self.response_started:
            self._begin(message)
        elif not self.response_complete:
            self._go_on(message)
        else:
            raise RuntimeError(f"{message['type']} after the end of the answer")

    def _begin(self, message: Message) -> None:
        if message["type"] != "http.response.start":
            raise RuntimeError(f"{message['type']} before the head of the answer")
        self.response_started = True
        self.waiting_for_100_continue = False
        status = message["status"]
        lines = [STATUS_LINE[status]]
        closes = False
        for name, value in (*self.default_headers, *message.get("headers", ())):
            lines.append(b"%b: %b\r\n" % (name, value))
            if name == b"content-length":
                self.chunked_encoding, self.expected_content_length = False, int(value)
            elif name == b"transfer-encoding":
                self.chunked_encoding = True
            elif name == b"connection" and b"close" in value.lower():
                closes = True
        if closes:
            self.keep_alive = False
        elif not self.keep_alive:
            lines.append(b"connection: close\r\n")
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in _BODILESS:
            if self.scope["http_version"] == "1.0":
                self._ends_with_connection = True
            else:
                self.chunked_encoding = True
                lines.append(b"transfer-encoding: chunked\r\n")
        self._head = b"".join(lines)
        if self._head.count(b"\r\n") != len(lines) or _controls_in(self._head) != 2 * len(lines):
            raise RuntimeError("a control character in a header of the answer")
        self._head += b"\r\n"

    def _go_on(self, message: Message) -> None:
        if message["type"] != "http.response.body":
            raise RuntimeError(f"{message['type']} within the body of the answer")
        body, more = message.get("body", b""), message.get("more_body", False)
        if self.scope["method"] == "HEAD":
            self.expected_content_length, body = 0, b""
        elif self.chunked_encoding:
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"" if more else b"0\r\n\r\n")
        elif not self._ends_with_connection:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0 or (self.expected_content_length and not more):
                raise RuntimeError("the body of the answer has another length than its head says")
        if sent := self._head + body:
            self._head = b""
            self.transport.write(sent)
        if not more:
            self.response_complete = True
            self._pieces = []  # nobody reads them any more, and the connection may be idle for long
            self.message_event.set()
            if not self.keep_alive:
                self.transport.close()
            self.on_response()


class CycleProtocol(HttpToolsProtocol):
    """One connection whose requests are `Cycle`s. Its one timer for idleness is not set anew for each of them."""

    max_untaken_seconds = 60.0
    """A client that takes nothing of what waits to be sent to it for so long is given up."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle_since: float | None = None
        self._untaken_timer: asyncio.TimerHandle | None = None
        self._under_way: Cycle | None = None  # others may wait behind it, of which `cycle` is the last

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._socket = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_untaken()
        if self._under_way is not None and not self._under_way.response_complete:
            self._under_way.disconnected = True
            self._under_way.message_event.set()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        """Do what uvicorn's does, but for WebSockets and its limit of connections."""
        scope, version = self.scope, self.parser.get_http_version()
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        scope["method"] = self.parser.get_method().decode("ascii")
        scope["http_version"] = version
        scope["path"] = self.root_path + (unquote(path) if "%" in path else path)
        scope["raw_path"] = self.root_path.encode("ascii") + url.path
        scope["query_string"] = url.query or b""
        before = self.cycle
        self.cycle = cycle = Cycle(
            scope,
            self.transport,
            self.flow,
            self.logger,
            self.access_logger,
            False,  # an access line is the application's to write
            self.server_state.default_headers,
            asyncio.Event(),
            self.expect_100_continue and version != "1.0",
            version != "1.0" and self.parser.should_keep_alive(),
            self.on_response_complete,
        )
        self._idle_since = None  # also where it comes with the end of a body that was dropped
        if before is None or before.response_complete:
            self._start(cycle)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start(cast(Cycle, self.pipeline.pop()[0]))
        else:
            self._rest()

    def _start(self, cycle: Cycle) -> None:
        self._under_way = cycle
        self._start_asgi_task(cycle, self.app)

    def _rest(self) -> None:
        """Close the connection when it has been idle for long enough."""
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return  # until the end of what is under way
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    # What the client does not take.

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_untaken()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self._socket.is_closing():
            self._forget_untaken()

    def _close_socket(self) -> None:
        """Close as soon as the client has taken all, or takes nothing any more."""
        self._socket.close()
        self._watch_untaken()

    def _watch_untaken(self) -> None:
        self._forget_untaken()
        if untaken := self._socket.get_write_buffer_size():
            self._untaken_timer = self.loop.call_later(self.max_untaken_seconds, self._on_untaken, untaken)

    def _on_untaken(self, before: int) -> None:
        if self._socket.get_write_buffer_size() < before:
            self._watch_untaken()
        else:
            self._socket.abort()

    def _forget_untaken(self) -> None:
        if self._untaken_timer is not None:
            self._untaken_timer.cancel()
            self._untaken_timer = None


def _controls_in(text: bytes) -> int:
    return len(text) - len(text.translate(None, _CONTROLS))
