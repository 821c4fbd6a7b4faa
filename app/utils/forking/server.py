"""Starts processes, through a program that has nothing of this one in it, and learns how they end."""

import asyncio
import os
import signal
import socket
import subprocess  # nosec B404  # one program, of our own
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Generic, TypeVar, cast

from loguru import logger

from app.errors import Overloaded
from app.utils.forking import wire
from app.utils.forking.process import ForkedProcess, Keeper, ProcessEnded

_SECONDS_BETWEEN_STARTS = 1.0
_END_SECONDS = 5.0


P = TypeVar("P", bound=ForkedProcess)
Connect = Callable[[Keeper, int, socket.socket, asyncio.Future[int]], P]


@dataclass(frozen=True, slots=True)
class Program:
    """A module that is run to fork processes, and what it is given."""

    module: str
    purpose: str
    """What the log says that it does: "the program that ..."."""

    arguments: Sequence[str] = ()
    library_path: str | None = None
    """Its LD_LIBRARY_PATH, if it is to have one."""

    environment: Mapping[str, str] = field(default_factory=dict)
    """What else is in its environment, beside where the modules are."""


class ForkingServer(Generic[P]):
    """A program that forks processes, one for each place. Started by `start()`, and again when it has died."""

    def __init__(self, program: Program, connect: Connect[P]) -> None:
        """`connect` makes this side of a process."""
        self._what = program
        self._connect = connect
        self._program: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._reader: asyncio.Task[None] | None = None
        self._started_at = float("-inf")
        self._numbers = count()
        self._ends: dict[int, asyncio.Future[int]] = {}
        self._idle: list[P] = []

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
            raise Overloaded(detail=f"the program that {self._what.purpose} has just ended")
        self._started_at = loop.time()
        ours, theirs = socket.socketpair()
        with theirs:
            # In a group of its own no signal to this process's group reaches it. Not in a session of its own: then its
            # niceness would count for nothing. Of the environment it gets where modules and libraries are, and no key;
            # -P: modules are there alone, and not in whatever folder this process was started in.
            self._program = subprocess.Popen(  # noqa: S603  # nosec B603  # our own program, no shell
                [sys.executable, "-B", "-P", "-m", self._what.module, *self._what.arguments],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=_environment(self._what),
                process_group=0,
            )
        ours.setblocking(False)
        self._control = ours
        self._reader = asyncio.create_task(self._read_ends(ours))

    def open(self) -> P:
        """Return a process for one piece of work. Raises `Overloaded` when that cannot be done at the moment."""
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
                raise ProcessEnded(detail=type(error).__name__) from error
        ended = self._ends[number] = asyncio.get_running_loop().create_future()
        return self._connect(self, number, ours, ended)

    def keep(self, process: ForkedProcess) -> None:
        """Take back a process that is ready for more work."""
        self._idle.append(cast(P, process))  # one that this server has made

    def kill(self, number: int) -> None:
        """End a process whose work nobody waits for any more."""
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
        logger.warning("a program has ended; the next image starts it again", purpose=self._what.purpose)
        await asyncio.to_thread(_wait, self._forget())

    def _forget(self) -> subprocess.Popen[bytes]:
        """Let go of the program, which ends without this process's end of its socket. Its processes have ended too."""
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


def _environment(program: Program) -> dict[str, str]:
    """Return the environment of the program: where the modules are, and the libraries where we were told."""
    modules = [path or os.getcwd() for path in sys.path]  # "" under `python -c` is the folder it was started in
    environment = {"PYTHONPATH": os.pathsep.join(modules), **program.environment}
    if program.library_path:
        environment["LD_LIBRARY_PATH"] = program.library_path
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
