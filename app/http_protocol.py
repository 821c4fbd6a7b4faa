"""uvicorn's HTTP protocol with limits on all that a client sends before or beside what the application reads.

Heads are bounded in bytes, number and time; an answer that is sent before the body was read reaches its client; what
never becomes a request is answered in the one error shape. Why it is so: docs/decisions/0017-edge.md.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from app.api.http.raw_answer import raw_answer
from app.errors import InvalidRequest, RequestHeaderTooLarge, RequestTimeout, ServiceError
from app.http_cycle import Cycle, CycleProtocol


@dataclass(slots=True)
class _Transport:
    """The part of a transport that uvicorn uses, so that closing can be another's to do."""

    write: Callable[[bytes], None]
    is_closing: Callable[[], bool]
    close: Callable[[], None]


class LimitedProtocol(CycleProtocol):
    """One connection. Nothing here is done for each request but a few comparisons."""

    max_head_bytes = 32 * 1024
    """Of a request line with its headers; of trailers, and of the extensions of chunks, between pieces of a body."""

    max_headers = 100
    max_pipelined = 32
    """Requests that wait on a connection for the answer to another."""

    head_seconds = 10.0
    """From the connection, or from a later request's first byte, to the end of the head."""

    max_dropped_bytes = 64 * 1024 * 1024
    drop_silence_seconds = 5.0
    max_drop_seconds = 30.0
    max_dropping = 256
    """Connections of a process whose bodies are read and dropped. Beyond it they are closed at once."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unparsed = 0  # bytes since the parser last made a whole of them: a head, or a piece of a body
        self._refusal: ServiceError | None = None
        self._timer: asyncio.TimerHandle | None = None  # for a head, or for what is dropped: never both
        self._dropped: int | None = None  # bytes of the present body that came after its answer
        self._deaf = False  # nothing more is read as HTTP

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._polite = _Transport(transport.write, transport.is_closing, self._close)
        self.transport = cast(asyncio.Transport, self._polite)
        self._timer = self.loop.call_later(self.head_seconds, self._on_head_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        self._unset_timer()
        self._polite.close = self._socket.close  # nor does it hold this any more
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._idle_since = None
        if self._dropped is not None:
            self._dropped += len(data)
            if self._dropped > self.max_dropped_bytes:
                self._close_socket()
                return
        if self._deaf:
            return
        self._unparsed += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._read_without_upgrade(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            self._refuse(self._refusal or InvalidRequest("The request is not HTTP/1.1."))
            return
        if self._unparsed > self.max_head_bytes:
            self._refuse(RequestHeaderTooLarge())
        elif self._timer is None and self._idle_since is None and not self._is_answering():
            self._timer = self.loop.call_later(self.head_seconds, self._on_head_timeout)

    def _is_answering(self) -> bool:
        """Whether the head that was begun last is complete, and its request not yet answered."""
        cycle = self.cycle
        return cycle is not None and not cycle.response_complete and cycle.scope is self.scope

    # What the parser calls. An exception makes it give up, and `feed_data` raise.

    def on_header(self, name: bytes, value: bytes) -> None:
        headers = self.headers
        if len(headers) == self.max_headers:
            self._refusal = RequestHeaderTooLarge()
            raise self._refusal
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._unparsed > self.max_head_bytes and self._head_bytes() > self.max_head_bytes:
            self._refusal = RequestHeaderTooLarge()
            raise self._refusal
        self._unparsed = 0
        if self._timer is not None:
            self._unset_timer()
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise InvalidRequest
            return
        if len(self.pipeline) == self.max_pipelined:
            raise InvalidRequest
        super().on_headers_complete()
        self.headers = []  # trailers may follow: they are not the request's headers

    def on_body(self, body: bytes) -> None:
        self._unparsed = 0
        cycle = cast(Cycle, self.cycle)
        if not cycle.response_complete and cycle.take(body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._unparsed = 0
        cycle = self.cycle
        cycle.more_body = False
        if self._dropped is not None:
            self._on_all_dropped()
        elif not cycle.response_complete:
            cycle.message_event.set()

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _read_without_upgrade(self, rest: bytes) -> None:
        """Parse a head again as if it asked for no other protocol, which a server may do: the parser would lose its
        body. Java's client asks for HTTP/2 in this way with every first request."""
        head = [self.parser.get_method(), b" ", self.url, b" HTTP/", self.parser.get_http_version().encode(), b"\r\n"]
        for name, value in self.headers:
            if name != b"upgrade":
                head += [name, b": ", value, b"\r\n"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        self.data_received(b"".join([*head, b"\r\n", rest]))

    # Requests that are none.

    def _on_head_timeout(self) -> None:
        self._timer = None
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:  # it came behind another, and waits for that one's answer
            self._timer = self.loop.call_later(self.head_seconds, self._on_head_timeout)
            return
        if self._unparsed or self.scope is not (None if cycle is None else cycle.scope):  # else it is idle
            self._answer(RequestTimeout("The request's headers did not arrive in time."))
        self._close_socket()

    def _refuse(self, error: ServiceError) -> None:
        """Answer what never becomes a request if this is its turn to be answered, and read nothing more."""
        self._deaf = True
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if not cycle.more_body:  # the error is in what came behind a request that is being answered
                cycle.keep_alive = False
                return
            if self.pipeline or cycle.response_started:
                self._close_socket()
                return
            cycle.disconnected = True  # the application is told so, and has no answer to send
            cycle.message_event.set()
        elif cycle is not None and cycle.scope is self.scope:  # the error is in a body that has been answered
            self._close_socket()
            return
        self._answer(error)
        self._linger()

    def _answer(self, error: ServiceError) -> None:
        self._socket.write(raw_answer(error, self.server_state.default_headers))

    # Bodies whose answer has been sent.

    def on_response_complete(self) -> None:
        super().on_response_complete()
        cycle = self.cycle
        if cycle.response_complete and cycle.more_body and not self.transport.is_closing():
            if self.expect_100_continue:  # the client may send the body or not: nobody knows what its next bytes are
                self._linger()
            else:
                self._idle_since = None
                self._drop()

    def _close(self) -> None:
        """Close, but not while the client is still sending: the kernel would throw away the answer with the rest."""
        if self._deaf and self._dropped is not None:
            return  # it is about to
        cycle = self.cycle
        if self.flow.write_paused and cycle is not None and cycle.response_started and not cycle.response_complete:
            self._socket.abort()  # given up: what the client does not take would keep it open
            return
        if self._deaf or (self.cycle is not None and self.cycle.more_body):
            self._linger()
        else:
            self._close_socket()

    def _linger(self) -> None:
        """Tell the client that nothing follows, drop what it still sends, and close when it has closed."""
        self._deaf = True
        self._polite.is_closing = lambda: True
        self.flow.resume_reading()
        self._drop()
        if self._socket.can_write_eof() and not self._socket.is_closing():
            self._socket.write_eof()

    def _drop(self) -> None:
        """Read and forget what comes, within bounds."""
        self._unset_timer()
        if sum(cast(LimitedProtocol, other)._dropped is not None for other in self.connections) >= self.max_dropping:
            self._close_socket()
            return
        self._dropped = 0
        self._timer = self.loop.call_later(
            self.drop_silence_seconds, self._on_drop_tick, 0, self.loop.time() + self.max_drop_seconds
        )

    def _on_drop_tick(self, dropped_before: int | None, end: float) -> None:
        if self._dropped == dropped_before or self.loop.time() >= end:
            self._close_socket()
            return
        self._timer = self.loop.call_later(self.drop_silence_seconds, self._on_drop_tick, self._dropped, end)

    def _on_all_dropped(self) -> None:
        self._dropped = None
        self._unset_timer()
        self._rest()

    def shutdown(self) -> None:
        """End as uvicorn does; where a body is being dropped, after a moment in which its client may see the answer."""
        if self._dropped is None:
            super().shutdown()
        else:
            self._unset_timer()
            self._timer = self.loop.call_later(1, self._socket.close)

    def _unset_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
