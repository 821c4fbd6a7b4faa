"""A TCP proxy that fails as networks do: it goes silent, resets, never greets, forgets its connections."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class TcpProxy:
    """Carries bytes between its port and a server, for as long as a test lets it."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._speaks = asyncio.Event()
        self._greets = asyncio.Event()
        self._links: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._forgotten: list[asyncio.StreamWriter] = []
        self.resets_all = False
        self.bytes_until_reset: int | None = None
        """After so many, `reset_all`."""
        self.port = 0
        self.heal()

    @classmethod
    @asynccontextmanager
    async def running(cls, host: str, port: int) -> AsyncIterator["TcpProxy"]:
        """Run a proxy to this server until the end of the block."""
        proxy = cls(host, port)
        server = await asyncio.start_server(proxy._accept, "127.0.0.1", 0)
        proxy.port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            server.close()
            links = dict(proxy._links)
            proxy.forget()
            for writer in proxy._forgotten:
                writer.transport.abort()
            if links:
                await asyncio.wait(links)

    def heal(self) -> None:
        """Carry everything again, also what was sent meanwhile, as TCP does."""
        self.resets_all = False
        self.bytes_until_reset = None
        self._speaks.set()
        self._greets.set()

    def fall_silent(self) -> None:
        """Be a black hole in both directions. New connections are accepted, and nothing comes of them."""
        self._speaks.clear()
        self._greets.clear()

    def greet_nobody(self) -> None:
        """Let those that are connected go on; accept new ones, and carry nothing for them."""
        self._greets.clear()

    def lead_to(self, host: str, port: int) -> None:
        """Carry new connections to another server, as a name does after a failover; those that are there stay."""
        self._target = (host, port)

    def reset(self) -> None:
        """Reset all connections."""
        for writer in self._links.values():
            _reset(writer)

    def reset_all(self) -> None:
        """Reset all connections, and each new one."""
        self.resets_all = True
        self.reset()

    def forget(self) -> None:
        """Leave those that are connected half open: nothing that they send is ever answered, not even by a reset."""
        for task, writer in self._links.items():
            task.cancel()
            self._forgotten.append(writer)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.resets_all:
            _reset(writer)
            return
        task = asyncio.create_task(self._carry(reader, writer))
        self._links[task] = writer
        task.add_done_callback(self._links.pop)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._greets.wait()
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._target)
        except OSError:  # nobody listens there at the moment
            _reset(writer)
            return
        pumps = [
            asyncio.create_task(self._pump(reader, server_writer)),
            asyncio.create_task(self._pump(server_reader, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            writer.close()
        finally:
            server_writer.close()
            for pump in pumps:
                pump.cancel()
            await asyncio.wait(pumps)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._speaks.wait()
                if self._is_cut_by(len(data)):
                    self.reset_all()
                    return
                writer.write(data)
                await writer.drain()

    def _is_cut_by(self, carried: int) -> bool:
        """Count what is carried, and say whether this is where `reset_all` was ordered for."""
        if self.bytes_until_reset is None:
            return False
        self.bytes_until_reset -= carried
        return self.bytes_until_reset <= 0


def _reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()
