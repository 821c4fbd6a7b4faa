"""Starts decoding processes, through a program that has nothing of this process in it, and speaks to them."""

import asyncio
import os
import signal
import socket
import subprocess  # nosec B404  # one program, of our own
import sys
from contextlib import suppress
from itertools import count

from loguru import logger

from app.errors import Overloaded
from app.services.images import wire
from app.services.images.decoding_process import DecodingEnded, DecodingProcess

_SECONDS_BETWEEN_STARTS = 1.0
_END_SECONDS = 5.0


class DecodingServer:
    """The program that starts decoding processes. Started by `start()`, and again when it has died."""

    def __init__(self, formats: frozenset[str], library_path: str | None = None) -> None:
        """`library_path` is the LD_LIBRARY_PATH of the program, if it is to have one."""
        self._formats = formats
        self._library_path = library_path
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
            # niceness would count for nothing. Of the environment it gets where modules and libraries are, and no key.
            self._program = subprocess.Popen(  # noqa: S603  # nosec B603  # our own program, no shell
                [sys.executable, "-B", "-m", "app.services.images.decoding_program", ",".join(sorted(self._formats))],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=_environment(self._library_path),
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


def _environment(library_path: str | None) -> dict[str, str]:
    """Return the environment of the program: where the modules are, and the libraries where we were told."""
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    if library_path:
        environment["LD_LIBRARY_PATH"] = library_path
    return environment


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
