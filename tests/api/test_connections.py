"""Connections without a proxy: heads are bounded in bytes, number and time, and early answers reach their clients."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from app.http_protocol import LimitedProtocol
from tests.support.raw_http import InProcess, RawConnection, connected, parse_answer, serving
from tests.support.waiting import until

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
KIB = 1024
MIB = 1024 * KIB


class Quick(LimitedProtocol):
    """The same with short times."""

    head_seconds = 0.3
    drop_silence_seconds = 0.3
    max_drop_seconds = 2.0
    max_dropping = 3
    max_untaken_seconds = 0.5


class App:
    """Answers with what it read; at `/early` before it reads, at `/early-close` with a close."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.disconnects = 0
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        headers = [(b"connection", b"close")] if scope["path"] == "/early-close" else []
        body, more = b"", not scope["path"].startswith("/early")
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.disconnects += 1
                return
            body, more = body + message["body"], message["more_body"]
        await self.go_on.wait()
        content = scope["path"].encode() + b" " + body
        headers.append((b"content-length", b"%d" % len(content)))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
async def server(app: App) -> AsyncIterator[InProcess]:
    async with serving(app, Quick) as started:
        yield started


@pytest.fixture
async def connection(server: InProcess) -> AsyncIterator[RawConnection]:
    async with connected(server.port) as opened:
        yield opened


async def send_for_ever(connection: RawConnection, piece: bytes) -> int:
    """Send until the other side takes no more; return how many bytes went out."""
    sent = 0
    try:
        while sent < 200 * MIB:
            await connection.send(piece)
            sent += len(piece)
    except ConnectionError:
        pass
    return sent


def post(path: str, announced: int, *more: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {announced}", *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


# Heads


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nx: " + b"y" * 33 * KIB + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"x: y\r\n" * 100 + b"\r\n",
        b"GET /" + b"y" * 33 * KIB + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + (b"x: " + b"y" * KIB + b"\r\n") * 33 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nx: " + b"y" * 300 * KIB,
    ],
    ids=["one header", "many headers", "path", "together", "without end"],
)
async def test_a_head_over_its_limits_is_431_and_never_a_request(
    head: bytes, connection: RawConnection, app: App
) -> None:
    await connection.send(head)

    answer = parse_answer(await connection.until_closed())
    assert (answer.status, answer.error_code) == (431, "headers_too_large")
    assert answer.headers["connection"] == "close"
    assert app.scopes == []


@pytest.mark.parametrize("piece_bytes", [7, 1000, 31 * KIB])
async def test_a_head_within_its_limits_is_a_request_however_it_arrives(
    piece_bytes: int, connection: RawConnection
) -> None:
    head = b"GET / HTTP/1.1\r\n" + b"".join(b"x: " + b"y" * 300 + b"\r\n" for _ in range(99)) + b"\r\n"
    for start in range(0, len(head), piece_bytes):
        await connection.send(head[start : start + piece_bytes])

    assert (await connection.answer()).status == 200


@pytest.mark.parametrize(
    "endless",
    [b"x: y\r\n" * 10_000, b"y" * 64 * KIB, b"\r\n" * 32 * KIB],
    ids=["headers", "value", "empty lines"],
)
async def test_a_head_without_end_is_cut_off(endless: bytes, server: InProcess) -> None:
    start = b"" if endless.startswith(b"\r") else b"GET / HTTP/1.1\r\nHost: x\r\nx: "
    async with connected(server.port) as connection:
        await connection.send(start)
        sent, received = await asyncio.gather(
            send_for_ever(connection, endless), asyncio.wait_for(connection.reader.read(100), 10)
        )

    assert received.startswith(b"HTTP/1.1 431 ")
    assert sent <= Quick.max_dropped_bytes + 16 * MIB  # the rest is in the kernel's buffers
    await until(lambda: server.connections == 0)


@pytest.mark.parametrize("endless", [b"x: y\r\n" * 10_000, b"0" * 64 * KIB], ids=["trailers", "chunk extension"])
async def test_what_stands_between_the_pieces_of_a_body_is_bounded_as_well(
    endless: bytes, server: InProcess, app: App
) -> None:
    last = b"0\r\n" if endless.startswith(b"x") else b"1;a="
    async with connected(server.port) as connection:
        await connection.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\ny\r\n" + last)
        sent, received = await asyncio.gather(
            send_for_ever(connection, endless), asyncio.wait_for(connection.reader.read(100), 10)
        )

    assert received.startswith(b"HTTP/1.1 431 ")
    assert sent <= Quick.max_dropped_bytes + 16 * MIB
    assert app.disconnects == 1


async def test_trailers_are_not_taken_for_headers(connection: RawConnection, app: App) -> None:
    await connection.send(
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\ny\r\n0\r\nX-API-Key: k\r\n\r\n"
    )

    assert (await connection.answer()).content == b"/ y"
    assert [name for name, _ in app.scopes[0]["headers"]] == [b"host", b"transfer-encoding"]


@pytest.mark.parametrize("begun", [b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n", b"\r\n"])
@pytest.mark.parametrize("before", [b"", GET], ids=["first", "later"])
async def test_a_head_that_does_not_end_in_time_is_408(before: bytes, begun: bytes, connection: RawConnection) -> None:
    if before:
        await connection.send(before)
        assert (await connection.answer()).status == 200
    await connection.send(begun)

    answer = parse_answer(await connection.until_closed())

    assert (answer.status, answer.error_code) == (408, "request_timeout")


async def test_bytes_that_keep_coming_do_not_prolong_the_time_of_a_head(connection: RawConnection) -> None:
    async def trickle() -> None:
        await connection.send(b"GET / HTTP/1.1\r\nx: ")
        while True:
            await connection.send(b"y")
            await asyncio.sleep(0.05)

    trickling = asyncio.create_task(trickle())
    try:
        assert (await connection.answer(seconds=Quick.head_seconds * 5)).status == 408
    finally:
        trickling.cancel()


async def test_a_connection_that_sends_nothing_is_closed_without_a_word(connection: RawConnection) -> None:
    assert await connection.until_closed() == b""


async def test_an_idle_connection_is_kept_as_long_as_before(app: App) -> None:
    async with serving(app, Quick, timeout_keep_alive=1) as server, connected(server.port) as connection:
        loop = asyncio.get_running_loop()
        await connection.send(GET)
        assert (await connection.answer()).status == 200
        answered = loop.time()

        assert await connection.until_closed() == b""
        assert loop.time() - answered > 2 * Quick.head_seconds


async def test_each_answer_begins_the_time_of_idleness_anew_and_no_request_is_cut_off_by_it(app: App) -> None:
    async with serving(app, Quick, timeout_keep_alive=1) as server, connected(server.port) as connection:
        loop = asyncio.get_running_loop()
        await connection.send(GET)
        await connection.answer()
        app.go_on.clear()
        await connection.send(GET)
        loop.call_later(1.5, app.go_on.set)  # the first answer's time ends meanwhile

        assert (await connection.answer()).status == 200
        answered = loop.time()

        assert await connection.until_closed() == b""
        assert 0.9 < loop.time() - answered < 5


async def test_a_request_that_comes_with_the_end_of_a_dropped_body_is_not_cut_off_as_idle(app: App) -> None:
    async with serving(app, Quick, timeout_keep_alive=1) as server, connected(server.port) as connection:
        await connection.send(post("/early", 5) + b"x")
        await connection.answer()
        app.go_on.clear()
        await connection.send(b"xxxx" + GET)
        asyncio.get_running_loop().call_later(1.5, app.go_on.set)

        assert (await connection.answer()).status == 200


# What is no request


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nx : y\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_400_in_the_one_shape(sent: bytes, connection: RawConnection, app: App) -> None:
    await connection.send(sent)

    answer = parse_answer(await connection.until_closed())
    assert (answer.status, answer.error_code) == (400, "invalid_request")
    assert answer.rest == b""
    assert app.scopes == []


async def test_a_request_behind_which_nonsense_comes_is_answered_and_no_other(
    connection: RawConnection, app: App
) -> None:
    app.go_on.clear()
    await connection.send(GET + b"nonsense\r\n\r\n")
    await until(lambda: len(app.scopes) == 1)
    app.go_on.set()

    answer = parse_answer(await connection.until_closed())
    assert (answer.status, answer.content, answer.rest) == (200, b"/ ", b"")


async def test_a_body_that_is_no_http_is_400_and_the_application_hears_of_it(
    connection: RawConnection, app: App
) -> None:
    await connection.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n")

    answer = parse_answer(await connection.until_closed())
    assert (answer.status, answer.error_code) == (400, "invalid_request")
    await until(lambda: app.disconnects == 1)


async def test_pipelined_requests_are_answered_in_order_and_are_not_without_number(server: InProcess, app: App) -> None:
    async with connected(server.port) as connection:
        await connection.send(b"".join(post(f"/{n}", 1) + b"x" for n in range(20)))
        for n in range(20):
            assert (await connection.answer()).content == b"/%d x" % n

    async with connected(server.port) as connection:
        await connection.send(GET * 5000)
        received = await connection.until_closed()

    assert received.count(b"HTTP/1.1 200 ") == Quick.max_pipelined + 1


async def test_a_request_hears_that_its_client_has_hung_up_though_others_wait_behind_it() -> None:
    heard: list[str] = []

    async def listen(scope: Scope, receive: Receive, send: Send) -> None:
        heard.append((await receive())["type"])
        heard.append((await receive())["type"])

    async with serving(listen, Quick) as server:
        async with connected(server.port) as connection:
            await connection.send(2 * GET)
            await until(lambda: heard == ["http.request"])

        await until(lambda: heard == ["http.request", "http.disconnect"])


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
async def test_a_request_for_another_protocol_is_answered_as_if_it_had_not_asked(
    protocol: str, connection: RawConnection
) -> None:
    upgrade = ("Connection: Upgrade, HTTP2-Settings", f"Upgrade: {protocol}")
    for _ in range(2):
        await connection.send(post("/", 5, *upgrade) + b"he")
        await connection.send(b"llo")

        answer = await connection.answer()
        assert (answer.status, answer.content) == (200, b"/ hello")


# Answers before the body


@pytest.mark.parametrize("path", ["/early-close", "/early"])
async def test_an_answer_before_the_body_reaches_a_client_that_sends_first_and_reads_then(
    path: str, connection: RawConnection
) -> None:
    await connection.send(post(path, 40 * MIB))
    for _ in range(40):
        await connection.send(b"x" * MIB)

    assert (await connection.answer()).content == path.encode() + b" "
    if path == "/early":
        await connection.send(GET)
        assert (await connection.answer()).content == b"/ "


async def test_an_early_answer_that_closes_is_sent_at_once_and_says_that_nothing_follows(
    connection: RawConnection,
) -> None:
    await connection.send(post("/early-close", 40 * MIB) + b"x")

    assert parse_answer(await connection.until_closed(seconds=Quick.drop_silence_seconds)).status == 200


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_client_that_waits_for_100_continue_gets_its_answer_and_a_close(
    version: str, connection: RawConnection
) -> None:
    head = post("/early", 40 * MIB, "Expect: 100-continue").replace(b"HTTP/1.1", f"HTTP/{version}".encode())
    await connection.send(head)

    assert parse_answer(await connection.until_closed()).status == 200


@pytest.mark.parametrize("path", ["/early-close", "/early"])
async def test_bodies_are_dropped_within_bounds_of_time(path: str, server: InProcess) -> None:
    async with connected(server.port) as silent, connected(server.port) as slow:
        await silent.send(post(path, MIB) + b"x")
        await slow.send(post(path, MIB))
        loop = asyncio.get_running_loop()
        started = loop.time()
        while server.connections:
            slow.writer.write(b"x")
            await asyncio.sleep(0.05)
            assert loop.time() - started < 2 * Quick.max_drop_seconds


@pytest.mark.parametrize("path", ["/early-close", "/early"])
async def test_bodies_are_dropped_within_bounds_of_bytes(path: str, server: InProcess) -> None:
    async with connected(server.port) as connection:
        await connection.send(post(path, 1024 * MIB))
        sent = await send_for_ever(connection, b"x" * MIB)

    assert Quick.max_dropped_bytes <= sent <= Quick.max_dropped_bytes + 16 * MIB


async def test_so_many_bodies_are_dropped_at_a_time_and_no_more(server: InProcess) -> None:
    opened: list[Any] = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(Quick.max_dropping + 3)]
    for _, writer in opened:
        writer.write(post("/early", MIB) + b"x")

    await until(lambda: server.connections == Quick.max_dropping, Quick.drop_silence_seconds)
    for _, writer in opened:
        writer.close()


async def test_a_server_that_ends_waits_but_a_moment_for_bodies_that_it_drops(app: App) -> None:
    class Patient(Quick):
        drop_silence_seconds = max_drop_seconds = 60.0

    async with serving(app, Patient) as server, connected(server.port) as connection:
        await connection.send(post("/early-close", MIB) + b"x")
        assert (await connection.answer()).status == 200

        async with asyncio.timeout(5):
            await server.server.shutdown()

        assert server.connections == 0


# Answers that are given up


async def answer_much(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with 20 MB: at `/close` with a close, at `/early` without reading the body, at `/pieces` in pieces."""
    headers = [(b"content-length", b"%d" % (20 * MIB))]
    if scope["path"] == "/close":
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    pieces = 20 if scope["path"] == "/pieces" else 1
    for number in range(pieces):
        content = b"x" * (20 * MIB // pieces)
        await send({"type": "http.response.body", "body": content, "more_body": number < pieces - 1})


@pytest.mark.parametrize("path", ["/", "/close", "/early", "/pieces"])
async def test_a_client_that_takes_nothing_of_an_answer_is_given_up(path: str) -> None:
    async with serving(answer_much, Quick, timeout_keep_alive=1) as server, connected(server.port) as connection:
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it can
        await connection.send(post(path, 5) + (b"x" if path == "/early" else b"hello"))
        await until(lambda: server.connections == 1)

        await until(lambda: server.connections == 0)


@pytest.mark.parametrize("path", ["/", "/close", "/pieces"])
async def test_a_client_that_takes_an_answer_slowly_gets_all_of_it(path: str) -> None:
    async with serving(answer_much, Quick, timeout_keep_alive=1) as server:
        loop = asyncio.get_running_loop()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=64 * KIB)
        writer.write(post(path, 0))
        await reader.readuntil(b"\r\n\r\n")
        began, received = loop.time(), 0
        while received < 20 * MIB:
            received += len(await reader.readexactly(128 * KIB))
            await asyncio.sleep(0.01)  # as a slow line does

        assert loop.time() - began > 2 * Quick.max_untaken_seconds
        writer.close()


async def test_a_client_that_takes_nothing_does_not_keep_the_connection_of_an_answer_that_was_given_up() -> None:
    async def give_up(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(0.3):
                    await send({"type": "http.response.body", "body": b"x" * MIB, "more_body": True})

    async with serving(give_up, Quick) as server, connected(server.port) as connection:
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it can
        await connection.send(GET)
        await until(lambda: server.connections == 1)

        await until(lambda: server.connections == 0)
