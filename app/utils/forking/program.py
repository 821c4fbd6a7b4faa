"""A program that forks processes for its worker. `server.py` runs it, as the module that says what they do.

The program waits for sockets and forks a process for each, which does the work that comes through it. It has one
thread, no connection, no key and no lock that a fork could copy, and it ends, with all its children, when its worker
does.
"""

import ctypes
import gc
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import TypeAlias

from app.utils.forking import wire

_NICENESS = 5
"""Requests that need no such work go first where processors are short."""

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4

Work: TypeAlias = Callable[[socket.socket], None]
"""Does one piece of work that comes through the socket, and answers. Raises `EOFError` when there will be no more."""


def serve_worker(work: Work) -> None:
    """Fork processes that do this work, for the worker whose socket is the standard input, until it is closed.

    What is imported and read before is shared by all of them.
    """
    gc.freeze()
    ForkingProgram(socket.socket(fileno=0), work).run()


class ForkingProgram:
    """Starts processes and tells how each has ended."""

    def __init__(self, control: socket.socket, work: Work) -> None:
        self._control = control
        self._work = work
        self._children: dict[int, int] = {}
        """Process ids and their numbers."""
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno())
        signal.signal(signal.SIGCHLD, _do_nothing)

    def run(self) -> None:
        """Serve until the worker's end of the socket is closed; then end what is left."""
        with suppress(OSError):
            while True:
                ready, _, _ = select.select([self._control, self._woken], [], [])
                if self._woken in ready:
                    self._woken.recv(4096)
                    self._reap()
                if self._control in ready and not self._obey():
                    break
        for process in self._children:
            os.kill(process, signal.SIGKILL)

    def _obey(self) -> bool:
        """Carry out one command; return False when there will be no more."""
        message, sockets, _, _ = socket.recv_fds(self._control, wire.COMMAND.size, 1)
        if len(message) < wire.COMMAND.size:
            return False
        command, number = wire.COMMAND.unpack(message)
        if command == wire.START:
            self._start(number, socket.socket(fileno=sockets[0]))
        else:
            for process in [process for process, its in self._children.items() if its == number]:
                os.kill(process, signal.SIGKILL)
        return True

    def _start(self, number: int, connection: socket.socket) -> None:
        parent = os.getpid()
        try:
            process = os.fork()
        except OSError:  # no memory, or too many processes: as if it had been killed
            self._control.sendall(wire.ENDED.pack(number, signal.SIGKILL))
            process = -1
        if process == 0:
            try:
                self._leave_parent(parent)
                _serve(connection, self._work)
            finally:
                os._exit(0)
        connection.close()
        if process > 0:
            self._children[process] = number

    def _leave_parent(self, parent: int) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in (self._control, self._woken, self._waker):
            end.close()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before it could be asked for its signal
            os._exit(0)

    def _reap(self) -> None:
        while self._children:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                return
            self._control.sendall(wire.ENDED.pack(self._children.pop(process), status))


def _serve(connection: socket.socket, work: Work) -> None:
    """Do what comes through the connection, one by one, until it is closed at the other end."""
    with suppress(EOFError):
        while True:
            work(connection)
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.setitimer(signal.ITIMER_PROF, 0)


def receive(connection: socket.socket, size: int) -> bytes:
    """Return so many bytes. Raises `EOFError` where there are no more."""
    received = connection.recv(size, socket.MSG_WAITALL)  # all at once, where nothing interrupts
    while len(received) < size:
        more = connection.recv(size - len(received), socket.MSG_WAITALL)
        if not more:
            raise EOFError
        received += more
    return received


def reply(connection: socket.socket, kind: bytes, body: bytes) -> None:
    """Send a reply of this kind."""
    connection.sendall(wire.REPLY_HEAD.pack(kind, len(body)) + body)


def limit_wall(seconds: float) -> None:
    """End this process after so many seconds, by a signal that nothing here handles."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def limit_cpu(seconds: float) -> None:
    """End this process after so many more seconds of processor time, by a signal that nothing here handles."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def limit_memory(data_bytes: int) -> None:
    """Let this process take so much memory of its own, or less where the operator has set a stricter limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = data_bytes if hard == resource.RLIM_INFINITY else min(data_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def data_bytes() -> int:
    """Return how much memory of its own this process has by now. Where there is no /proc: a guess."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[5]) * resource.getpagesize()
    except OSError:
        return 64 * 1024 * 1024


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _do_nothing(_signal: int, _frame: FrameType | None) -> None:
    """Stand in for a handler: what matters is that the signal wakes the program."""


def give_up_rights() -> None:
    """Never write to a file, dump core or be interrupted: what is in here are photos."""
    _prctl(_PR_SET_DUMPABLE, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError):
        os.nice(_NICENESS)
