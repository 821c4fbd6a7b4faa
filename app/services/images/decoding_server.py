"""Starts decoding processes, through a program that has nothing of this process in it, and speaks to them."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import count

from loguru import logger

from app.errors import ImageTooManyPixels, InvalidImage, Overloaded, ServiceError, UnsupportedFormat
from app.services.images import wire
from app.utils.image_cost import DecodingCost
from app.utils.image_utils import Prepared

_SECONDS_BETWEEN_STARTS = 1.0
_END_SECONDS = 5.0

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


class DecodingServer:
    """The program that starts decoding processes. Started by `start()`, and again when it has died."""

    def __init__(self, formats: frozenset[str]) -> None:
        self._formats = formats
        self._program: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._reader: asyncio.Task[None] | None = None
        self._started_at = float("-inf")
        self._numbers = count()
        self._ends: dict[int, asyncio.Future[int]] = {}
        self._idle: list[DecodingProcess] = []

    @property
    def processes(self) -> int:
        """How many processes there are, idle ones included."""
        return len(self._ends)

    @property
    def process_id(self) -> int | None:
        """The program's, while it runs."""
        return self._program.pid if self._program else None

    def start(self) -> None:
        """Start the program and do not wait for it. Raises `Overloaded` when it was started a moment ago."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._started_at < _SECONDS_BETWEEN_STARTS:
            raise Overloaded(detail="the decoding program has just ended")
        self._started_at = loop.time()
        ours, theirs = socket.socketpair()
        with theirs:
            # In a group of its own no signal to this process's group reaches it. Not in a session of its own: then its
            # niceness would count for nothing. Of the environment it needs only where modules are, and gets no key.
            self._program = subprocess.Popen(  # noqa: S603  # nosec B603
                [sys.executable, "-B", "-m", "app.services.images.decoding_process", ",".join(sorted(self._formats))],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                process_group=0,
            )
        ours.setblocking(False)
        self._control = ours
        self._reader = asyncio.create_task(self._read_ends(ours))

    def open(self) -> "DecodingProcess":
        """Return a process for one picture. Raises `Overloaded` when that cannot be done at the moment."""
        while self._idle:
            process = self._idle.pop()
            if not process.ended.done():
                return process
            process.end()
        if self._control is None:
            self.start()
        assert self._control is not None
        number = next(self._numbers) % 2**32
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            try:
                message = wire.COMMAND.pack(wire.START, number)
                socket.send_fds(self._control, [message], [theirs.fileno()])
            except OSError as error:
                ours.close()
                raise DecodingEnded(detail=type(error).__name__) from error
        ended = self._ends[number] = asyncio.get_running_loop().create_future()
        return DecodingProcess(self, number, ours, ended)

    def keep(self, process: "DecodingProcess") -> None:
        """Take back a process that is ready for the next picture."""
        self._idle.append(process)

    def kill(self, number: int) -> None:
        """End the process of a picture that nobody waits for any more."""
        if self._control is not None and number in self._ends:
            with suppress(OSError):
                self._control.send(wire.COMMAND.pack(wire.KILL, number))

    async def close(self) -> None:
        """End the program and all of its processes."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])
        if self._program is not None:
            await asyncio.to_thread(_wait, self._forget())

    async def _read_ends(self, control: socket.socket) -> None:
        """Learn which processes have ended, until the program has."""
        loop = asyncio.get_running_loop()
        received = b""
        with suppress(OSError):
            while more := await loop.sock_recv(control, 4096):
                received += more
                while len(received) >= wire.ENDED.size:
                    number, status = wire.ENDED.unpack_from(received)
                    received = received[wire.ENDED.size :]
                    _settle(self._ends.pop(number, None), status)
        logger.warning("the program that decodes images has ended; the next image starts it again")
        await asyncio.to_thread(_wait, self._forget())

    def _forget(self) -> subprocess.Popen[bytes]:
        """Let go of the program, which ends without this process's end of its socket. Its pictures have ended too."""
        assert self._program is not None
        assert self._control is not None
        program, self._program = self._program, None
        self._control.close()
        self._control = None
        for end in self._ends.values():
            _settle(end, signal.SIGKILL)
        self._ends.clear()
        for process in self._idle:
            process.end()
        self._idle.clear()
        return program


class DecodingProcess:
    """A process that decodes, from this side: one picture at a time, and a few hundred in all."""

    def __init__(
        self, server: DecodingServer, number: int, connection: socket.socket, ended: asyncio.Future[int]
    ) -> None:
        self._server = server
        self._number = number
        self._connection = connection
        self.ended = ended
        """Done when the process is gone, with its status as waitpid() gives it."""
        self._pictures = 0
        self._is_ready = self._is_small = True

    async def look(self, job: wire.Job, data: bytes) -> DecodingCost:
        """Send the picture; return what decoding it will cost. Raises `InvalidImage` and the like, `Overloaded`."""
        loop = asyncio.get_running_loop()
        packed = job.pack()
        self._pictures += 1
        self._is_ready = False
        try:
            await loop.sock_sendall(self._connection, wire.REQUEST_HEAD.pack(len(packed), len(data)) + packed)
            await loop.sock_sendall(self._connection, data)
        except OSError:
            raise await self._what_ended_it() from None
        try:
            cost = wire.unpack_cost(await self._receive(wire.COST))
        except _REFUSED_BY_HEADER:
            self._is_ready = True
            raise
        self._is_small = cost.memory_bytes <= SMALL_BYTES
        return cost

    async def decode(self) -> Prepared:
        """Let the process go on after `look()`. Raises `InvalidImage`, `Overloaded`."""
        try:
            await asyncio.get_running_loop().sock_sendall(self._connection, wire.GO_ON)
        except OSError:
            raise await self._what_ended_it() from None
        prepared = wire.unpack_prepared(await self._receive(wire.PREPARED))
        self._is_ready = self._is_small  # after a large one it ends, and so gives back its memory for certain
        return prepared

    def leave(self, then: Callable[[], None]) -> None:
        """Let the process be ready for another picture, or end it; call `then` when it takes no more memory."""
        if self._is_ready and self._pictures < _MOST_PICTURES:
            self._server.keep(self)
            then()
        else:
            self.end()
            self.ended.add_done_callback(lambda _: then())

    def end(self) -> None:
        """End the process, whatever it does."""
        self._connection.close()
        if not self.ended.done():
            self._server.kill(self._number)

    async def _receive(self, expected: bytes) -> bytes:
        kind, size = wire.REPLY_HEAD.unpack(await self._receive_exactly(wire.REPLY_HEAD.size))
        body = await self._receive_exactly(min(size, wire.MAX_REPLY_BYTES))
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


def _settle(end: asyncio.Future[int] | None, status: int) -> None:
    if end is not None and not end.done():
        end.set_result(status)


def _wait(program: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a program that has been told of it."""
    try:
        program.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()
