"""A forked process, as its worker sees it: one piece of work at a time, and a few hundred in all."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from typing import Protocol

from app.errors import Overloaded, ServiceError
from app.utils.forking import wire

_MOST_USES = 500
TIME_SIGNALS = frozenset({signal.SIGPROF, signal.SIGXCPU})
OUTSIDE_SIGNALS = frozenset({signal.SIGKILL, signal.SIGALRM, signal.SIGTERM})


class ProcessEnded(Overloaded):
    """Something else than its work ended the process: the same may be asked again."""


class Keeper(Protocol):
    """What starts processes and takes them back."""

    def keep(self, process: "ForkedProcess") -> None:
        """Take back a process that is ready for more work."""

    def kill(self, number: int) -> None:
        """End a process."""


class ForkedProcess:
    """A process from this side. What it can be asked is for a subclass to say, with `_tell` and `_receive`."""

    def __init__(self, keeper: Keeper, number: int, connection: socket.socket, ended: asyncio.Future[int]) -> None:
        self._keeper = keeper
        self._number = number
        self._connection = connection
        self.ended = ended
        """Done when the process is gone, with its status as waitpid() gives it."""
        self._uses = 0
        self._is_ready = True

    def leave(self, then: Callable[[], None]) -> None:
        """Let the process be ready for more work, or end it; call `then` when it takes no more memory."""
        if self._is_ready and self._uses < _MOST_USES:
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

    def _begin(self) -> None:
        """Count a piece of work. Until `_is_ready` is set again, `leave()` ends the process."""
        self._uses += 1
        self._is_ready = False

    def _error_of(self, cause: int) -> ServiceError:
        """Return what the caller is told when this signal has ended the process, or 0 where it has ended by itself."""
        return ProcessEnded(detail="the process was ended")

    def _refusal_in(self, body: bytes) -> Exception:
        """Return the error that the process has sent."""
        return RuntimeError(f"a forked process refused: {body[:40].decode(errors='replace')}")

    async def _tell(self, message: bytes) -> None:
        try:
            await asyncio.get_running_loop().sock_sendall(self._connection, message)
        except OSError:
            raise await self._what_ended_it() from None

    async def _receive(self, expected: bytes) -> bytes:
        """Return the body of a reply of the expected kind. Raises the refusal in it, or what ended the process."""
        kind, size = wire.REPLY_HEAD.unpack(await self._receive_exactly(wire.REPLY_HEAD.size))
        if size > wire.MAX_REPLY_BYTES:
            raise RuntimeError("a forked process answers at no end")
        body = await self._receive_exactly(size)
        if kind == wire.REFUSED:
            raise self._refusal_in(body)
        if kind != expected:
            raise RuntimeError(f"the work of a forked process failed: {body[:40].decode(errors='replace')}")
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
        return self._error_of(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0)
