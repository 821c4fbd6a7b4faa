"""A process that decodes, as its worker sees it, and what may become of a picture in it."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from typing import Protocol

from app.errors import ImageTooManyPixels, InvalidImage, Overloaded, ServiceError, UnsupportedFormat
from app.services.images import wire
from app.utils.image_cost import DecodingCost
from app.utils.image_utils import Prepared

_MOST_PICTURES = 500

SMALL_BYTES = 64 * 1024 * 1024
"""What takes no more than this to decode is not accounted for, and its process is kept. Nearly all photos are so."""

_REFUSED_BY_HEADER = (UnsupportedFormat, ImageTooManyPixels)
_TIME_SIGNALS = frozenset({signal.SIGPROF, signal.SIGXCPU})
_OUTSIDE_SIGNALS = frozenset({signal.SIGKILL, signal.SIGALRM, signal.SIGTERM})


class KilledForTime(InvalidImage):
    """Decoding took more processor time than an image of its size may take."""

    default_message = "The image takes too long to decode."


class DecoderCrashed(InvalidImage):
    """The decoder crashed on the image."""


class DecodingEnded(Overloaded):
    """Something else than the image ended its process: it may be sent again."""


def killed_by(error: ServiceError) -> str | None:
    """Return why the image's process was ended before it was done, if it was."""
    match error:
        case KilledForTime():
            return "time"
        case DecoderCrashed():
            return "crash"
        case DecodingEnded():
            return "other"
        case InvalidImage(detail="MemoryError"):
            return "memory"
    return None


class Keeper(Protocol):
    """What starts decoding processes and takes them back."""

    def keep(self, process: "DecodingProcess") -> None:
        """Take back a process that is ready for the next picture."""

    def kill(self, number: int) -> None:
        """End a process."""


class DecodingProcess:
    """A process that decodes, from this side: one picture at a time, and a few hundred in all."""

    def __init__(self, keeper: Keeper, number: int, connection: socket.socket, ended: asyncio.Future[int]) -> None:
        self._keeper = keeper
        self._number = number
        self._connection = connection
        self.ended = ended
        """Done when the process is gone, with its status as waitpid() gives it."""
        self._pictures = 0
        self._is_ready = self._is_small = True

    async def look(self, job: wire.Job, data: bytes) -> DecodingCost:
        """Send the picture; return what decoding it will cost. Raises `InvalidImage` and the like, `Overloaded`."""
        packed = job.pack()
        self._pictures += 1
        self._is_ready = False
        await self._tell(wire.REQUEST_HEAD.pack(len(packed), len(data)) + packed)
        await self._tell(data)
        try:
            cost = wire.unpack_cost(await self._receive(wire.COST))
        except _REFUSED_BY_HEADER:
            self._is_ready = True
            raise
        self._is_small = cost.memory_bytes <= SMALL_BYTES
        return cost

    async def drop(self) -> None:
        """Let the process forget what it has looked at. Raises `Overloaded`."""
        await self._tell(wire.DROP)
        self._is_ready = True

    async def decode(self) -> Prepared:
        """Let the process go on after `look()`. Raises `InvalidImage`, `Overloaded`."""
        await self._tell(wire.GO_ON)
        prepared = wire.unpack_prepared(await self._receive(wire.PREPARED))
        self._is_ready = self._is_small  # after a large one it ends, and so gives back its memory for certain
        return prepared

    def leave(self, then: Callable[[], None]) -> None:
        """Let the process be ready for another picture, or end it; call `then` when it takes no more memory."""
        if self._is_ready and self._pictures < _MOST_PICTURES:
            self._keeper.keep(self)
            then()
        else:
            self.end()
            self.ended.add_done_callback(lambda _: then())

    def end(self) -> None:
        """End the process, whatever it does."""
        self._connection.close()
        if not self.ended.done():
            self._keeper.kill(self._number)

    async def _tell(self, message: bytes) -> None:
        try:
            await asyncio.get_running_loop().sock_sendall(self._connection, message)
        except OSError:
            raise await self._what_ended_it() from None

    async def _receive(self, expected: bytes) -> bytes:
        kind, size = wire.REPLY_HEAD.unpack(await self._receive_exactly(wire.REPLY_HEAD.size))
        if size > wire.MAX_REPLY_BYTES:
            raise RuntimeError("a decoding process answers at no end")
        body = await self._receive_exactly(size)
        if kind == wire.REFUSED:
            raise wire.unpack_refusal(body)
        if kind != expected:
            raise RuntimeError(f"decoding failed: {body[:40].decode(errors='replace')}")
        return body

    async def _receive_exactly(self, size: int) -> bytes:
        received = bytearray()
        try:
            while len(received) < size:
                more = await asyncio.get_running_loop().sock_recv(self._connection, size - len(received))
                if not more:
                    raise await self._what_ended_it()
                received += more
        except OSError:
            raise await self._what_ended_it() from None
        return bytes(received)

    async def _what_ended_it(self) -> ServiceError:
        status = await asyncio.shield(self.ended)
        cause = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        if cause in _TIME_SIGNALS:
            return KilledForTime(detail="over its limit of processor time")
        if cause in _OUTSIDE_SIGNALS or cause == 0:
            return DecodingEnded(detail="the image's process was ended")
        return DecoderCrashed(detail=signal.Signals(cause).name)
