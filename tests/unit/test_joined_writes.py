"""What is written at one moment is sent at once, in order, and none of it is lost."""

import asyncio
from typing import Any

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from app.http_protocol import LimitedProtocol
from app.utils.joined_writes import JoinedWrites


class FakeTransport(asyncio.Transport):
    """Notes what it is told, as one list."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[bytes | str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.told.append(bytes(data))

    def close(self) -> None:
        self.told.append("close")

    def write_eof(self) -> None:
        self.told.append("eof")

    def is_closing(self) -> bool:
        return "close" in self.told

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


def joined() -> tuple[FakeTransport, JoinedWrites]:
    transport = FakeTransport()
    return transport, JoinedWrites(transport, asyncio.get_running_loop())


async def next_turn() -> None:
    await asyncio.sleep(0)


async def test_a_head_and_its_body_are_sent_together() -> None:
    transport, writes = joined()

    writes.write(b"head ")
    writes.write(b"body")

    assert transport.told == [b"head body"]
    await next_turn()
    assert transport.told == [b"head body"]


async def test_a_head_without_a_body_is_sent_in_the_next_turn() -> None:
    transport, writes = joined()

    writes.write(b"HTTP/1.1 100 Continue")

    assert transport.told == []
    await next_turn()
    assert transport.told == [b"HTTP/1.1 100 Continue"]


async def test_many_writes_are_sent_in_order() -> None:
    transport, writes = joined()

    for number in range(5):
        writes.write(b"%d" % number)
    await next_turn()

    assert b"".join(part for part in transport.told if isinstance(part, bytes)) == b"01234"


async def test_what_is_held_is_sent_before_the_connection_is_closed() -> None:
    transport, writes = joined()
    writes.write(b"head")
    writes.close()
    await next_turn()
    assert transport.told == [b"head", "close"]

    transport, writes = joined()
    writes.write(b"head")
    writes.write_eof()
    assert transport.told == [b"head", "eof"]


async def test_nothing_is_written_to_a_connection_that_was_lost() -> None:
    transport, writes = joined()
    writes.write(b"head")
    transport.close()

    await next_turn()

    assert transport.told == ["close"]


async def test_the_server_sends_an_answer_in_one_piece() -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("hello")(scope, receive, send)

    transport = FakeTransport()
    config = uvicorn.Config(application, log_config=None)
    protocol = LimitedProtocol(config, uvicorn.Server(config).server_state, {})
    protocol.connection_made(transport)

    protocol.data_received(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    await asyncio.gather(*protocol.tasks)

    answer, closed = transport.told
    assert isinstance(answer, bytes)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nhello")
    assert closed == "close"
