"""A worker that ends, however slowly its event loop turns meanwhile: what has arrived is answered."""

import asyncio
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import uvicorn
import uvloop
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http_protocol import LimitedProtocol
from app.server import DRAIN_SECONDS, DrainingServer
from tests.support.raw_http import connected

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def start(app: ASGIApp = answer) -> tuple[DrainingServer, int]:
    config = uvicorn.Config(app, http=LimitedProtocol, ws="none", port=0, log_config=None, lifespan="off")
    config.load()
    server = DrainingServer(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    return server, server.servers[0].sockets[0].getsockname()[1]


async def test_an_answer_that_was_begun_before_the_end_is_a_last_one_too() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def answer_later(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await go_on.wait()
        await answer(scope, receive, send)

    server, port = await start(answer_later)
    async with connected(port) as client:
        await client.send(GET)
        await begun.wait()
        ending = asyncio.create_task(server.shutdown())
        await asyncio.sleep(0)  # it has told what is open, and drains

        go_on.set()

        assert (await client.answer()).headers["connection"] == "close"
        await ending


def test_a_request_that_came_while_the_loop_was_held_up_is_answered() -> None:
    """The loop is held up from before the end of the drain to behind it, and a request comes meanwhile."""
    asked, held_up, sent = threading.Event(), threading.Event(), threading.Event()

    def ask(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(GET)
            assert connection.recv(4096).endswith(b"ok")
            asked.set()
            held_up.wait()
            connection.sendall(GET)
            sent.set()
            return connection.recv(4096)

    def hold_up(reader: socket.socket) -> None:
        asyncio.get_running_loop().remove_reader(reader)
        end = time.monotonic() + DRAIN_SECONDS + 0.5
        held_up.set()
        sent.wait()
        time.sleep(max(0, end - time.monotonic()))

    async def end_slowly() -> bytes:
        server, port = await start()
        with ThreadPoolExecutor() as clients:
            answered = clients.submit(ask, port)
            await asyncio.to_thread(asked.wait)
            ours, theirs = socket.socketpair()
            with ours, theirs:
                # uvloop asks the kernel what has arrived, then runs timers: held up here, it runs them first.
                asyncio.get_running_loop().add_reader(ours, hold_up, ours)
                ending = asyncio.create_task(server.shutdown())
                await asyncio.sleep(0.05)
                theirs.send(b"x")
                await ending
            return await asyncio.to_thread(answered.result)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        last = runner.run(end_slowly())

    assert last.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in last


async def test_a_worker_whose_connections_have_all_had_their_last_answer_ends_at_once() -> None:
    server, port = await start()
    begun = time.monotonic()
    async with connected(port) as client:
        ending = asyncio.create_task(server.shutdown())
        await asyncio.sleep(0)
        await client.send(GET)
        assert (await client.answer()).headers["connection"] == "close"

    await ending

    assert time.monotonic() - begun < DRAIN_SECONDS
