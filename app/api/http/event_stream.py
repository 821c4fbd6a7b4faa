"""Server-sent events: an answer that goes on for as long as its client listens."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, aclosing
from time import perf_counter

from loguru import logger
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_SEND_SECONDS = 10.0

# A process that ends waits for connections, also for one that is idle after a stream.
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Connection": "close"}


class EventStream(Response):
    """Sends each text when it is there. Whatever ends it, its place is free at once.

    nginx hands each on as it comes, for `X-Accel-Buffering`.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        place: AbstractContextManager[None],
        texts: AsyncGenerator[bytes, None],
        send_seconds: float = _SEND_SECONDS,
    ) -> None:
        """`place` is held from the head of the answer to its end; it may refuse by an error.

        A client that takes nothing for `send_seconds` is given up.
        """
        super().__init__(headers=_HEADERS)
        del self.headers["Content-Length"]
        self._place = place
        self._texts = texts
        self._send_seconds = send_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._place:
            scope["state"]["stream_began"] = perf_counter()
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            # Where the head alone was asked for, the server leaves out the body, however long that takes.
            if scope["state"].get("signed_method") == "HEAD":
                await send({"type": "http.response.body", "body": b""})
                return
            sending, gone = asyncio.create_task(self._send_all(send)), asyncio.create_task(_wait_for_end(receive))
            try:
                await asyncio.wait([sending, gone], return_when=asyncio.FIRST_COMPLETED)
            finally:
                sending.cancel()
                gone.cancel()
                await asyncio.wait([sending, gone])
            if not sending.cancelled():
                sending.result()

    async def _send_all(self, send: Send) -> None:
        async with aclosing(self._texts):
            try:
                async for text in self._texts:
                    async with asyncio.timeout(self._send_seconds):
                        await send({"type": "http.response.body", "body": text, "more_body": True})
            except TimeoutError:
                logger.info("a stream is given up: its client takes nothing")
                return  # the server cuts the connection, since the answer is not complete
            await send({"type": "http.response.body", "body": b""})


async def _wait_for_end(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
