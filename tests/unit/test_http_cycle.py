"""An answer is sent in one piece where it can be, and is HTTP whatever the application says."""

import asyncio
import tracemalloc
from typing import Any

import pytest
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http_protocol import LimitedProtocol

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]}
LISTED = {**START, "headers": [[b"content-length", b"5"]]}
OPEN = {"type": "http.response.start", "status": 200, "headers": []}


class FakeTransport(asyncio.Transport):
    """Notes what it is told, as one list."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[bytes | str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.told.append(bytes(data))

    def close(self) -> None:
        self.told.append("close")

    def is_closing(self) -> bool:
        return "close" in self.told

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        self.told.append("pause")

    def resume_reading(self) -> None:
        self.told.append("resume")


def body(content: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": more}


def connected_to(application: ASGIApp) -> tuple[LimitedProtocol, FakeTransport]:
    transport = FakeTransport()
    config = uvicorn.Config(application, log_config=None)
    protocol = LimitedProtocol(config, uvicorn.Server(config).server_state, {})
    protocol.connection_made(transport)
    return protocol, transport


async def answer_of(
    *messages: Message, method: str = "GET", keep_alive: bool = True, version: str = "1.1"
) -> tuple[list[bytes | str], LimitedProtocol]:
    """Return what a connection's transport is told when the application sends these messages."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    protocol, transport = connected_to(application)
    connection = "keep-alive" if keep_alive else "close"
    protocol.data_received(f"{method} / HTTP/{version}\r\nhost: x\r\nconnection: {connection}\r\n\r\n".encode())
    await asyncio.gather(*protocol.tasks)
    return transport.told, protocol


@pytest.mark.parametrize("start", [START, LISTED], ids=["pairs", "lists"])
async def test_an_answer_is_sent_in_one_piece(start: Message) -> None:
    told, _ = await answer_of(start, body(b"hello"))

    assert told == [b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"]


async def test_a_connection_is_closed_behind_an_answer_where_the_client_asked_for_it() -> None:
    told, _ = await answer_of(START, body(b"hello"), keep_alive=False)

    assert told == [b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello", "close"]


async def test_each_piece_of_a_body_without_a_length_is_sent_at_once() -> None:
    told, _ = await answer_of(OPEN, body(b"one", more=True), body(b"", more=True), body(b"two", more=True), body(b""))

    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    assert told == [head + b"3\r\none\r\n", b"3\r\ntwo\r\n", b"0\r\n\r\n"]


async def test_a_client_of_http_1_0_gets_no_chunks_but_a_body_up_to_the_end_of_the_connection() -> None:
    told, protocol = await answer_of(OPEN, body(b"one", more=True), body(b"two"), version="1.0")

    assert told == [b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\none", b"two", "close"]
    assert protocol.cycle.response_complete


@pytest.mark.parametrize(("version", "is_asked"), [("1.1", True), ("1.0", False)])
async def test_a_client_is_asked_for_a_body_that_it_holds_back_where_it_knows_of_that(
    version: str, is_asked: bool
) -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(START)
        await send(body(b"hello"))

    protocol, transport = connected_to(application)
    lines = (f"POST / HTTP/{version}", "host: x", "expect: 100-continue", "content-length: 1", "", "x")
    protocol.data_received("\r\n".join(lines).encode())
    await asyncio.gather(*protocol.tasks)

    assert (transport.told[0] == b"HTTP/1.1 100 Continue\r\n\r\n") is is_asked


@pytest.mark.parametrize("start", [START, OPEN], ids=["with its length", "without"])
async def test_head_is_answered_without_a_body(start: Message) -> None:
    told, _ = await answer_of(start, body(b"hello"), method="HEAD")

    (sent,) = told
    assert isinstance(sent, bytes)
    assert sent.startswith(b"HTTP/1.1 200 OK\r\n")
    assert sent.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("value", [b"a\r\nx: y", b"a\ny", b"a\rb", b"a\r\n", b"\0", b"\x1b[2J", b"\x7f"])
async def test_no_value_of_a_header_forges_a_line(value: bytes) -> None:
    start = {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"x-of-ours", value), (b"content-length", b"0")],
    }

    told, protocol = await answer_of(start, body(b""))

    assert told == ["close"]
    assert not protocol.cycle.response_complete


async def test_a_tab_within_the_value_of_a_header_is_nothing_bad() -> None:
    start = {"type": "http.response.start", "status": 204, "headers": [(b"x-of-ours", b"a\tb")]}

    told, _ = await answer_of(start, body(b""))

    assert told == [b"HTTP/1.1 204 No Content\r\nx-of-ours: a\tb\r\n\r\n"]


@pytest.mark.parametrize("content", [b"hell", b"hello!"], ids=["shorter", "longer"])
async def test_a_body_of_another_length_than_its_head_says_closes_the_connection(content: bytes) -> None:
    told, protocol = await answer_of(START, body(content))

    assert told == ["close"]
    assert not protocol.cycle.response_complete


@pytest.mark.parametrize(
    "messages",
    [[body(b"hello")], [START, START], [START, body(b"hello"), body(b"")]],
    ids=["no head", "two heads", "behind the end"],
)
async def test_what_is_out_of_order_is_an_error_of_the_application(messages: list[Message]) -> None:
    told, _ = await answer_of(*messages)

    assert told[-1] == "close"


async def test_a_body_in_small_pieces_takes_no_more_memory_while_nobody_reads_it() -> None:
    bodies: list[bytes] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        bodies.append(message["body"])
        await send(START)
        await send(body(b"hello"))

    protocol, transport = connected_to(application)
    protocol.data_received(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
    pieces = b"2\r\nab\r\n" * 36_000  # what one read of the socket may bring

    tracemalloc.start()
    protocol.data_received(pieces)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 1.5 * 72_000
    assert transport.told == ["pause"]

    protocol.data_received(b"0\r\n\r\n")
    await asyncio.gather(*protocol.tasks)
    assert bodies == [b"ab" * 36_000]


async def test_an_idle_connection_holds_nothing_of_a_body_that_nobody_read() -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        await send(body(b"hello"))

    protocol, _ = connected_to(application)
    tracemalloc.start()
    protocol.data_received(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n")
    protocol.data_received(b"x" * 200_000)
    await asyncio.gather(*protocol.tasks)
    held, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert protocol.cycle.response_complete
    assert held < 100_000 < most
