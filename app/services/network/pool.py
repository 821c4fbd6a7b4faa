"""The network as a worker sees it: so many pictures at a time, in processes that can be ended, before a deadline."""

import asyncio

from app.errors import Overloaded
from app.models.verdict import Verdict
from app.services.network import wire
from app.services.network.errors import NetworkFailed
from app.utils.deadline import Deadline
from app.utils.forking.process import ForkedProcess
from app.utils.forking.server import ForkingServer, Program
from app.utils.places import Places

_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Read by the linear algebra library when NumPy is imported. Several pictures at a time are what use several cores."""


class NetworkProcess(ForkedProcess):
    """A process that runs the network, from this side."""

    async def see(self, jpeg: bytes, seconds: float) -> Verdict:
        """Return what the JPEG shows; the process ends itself after so many seconds.

        Raises `Overloaded` where the process was ended, or `RuntimeError` where it failed.
        """
        self._begin()
        await self._tell(wire.REQUEST_HEAD.pack(seconds, len(jpeg)))
        await self._tell(jpeg)
        verdict = wire.unpack_verdict(await self._receive(wire.VERDICT))
        self._is_ready = True
        return verdict


def network_server(library_path: str | None = None) -> ForkingServer[NetworkProcess]:
    """Return what starts the network's processes. `library_path` is its LD_LIBRARY_PATH, if it is to have one."""
    program = Program(
        "app.services.network.program",
        purpose="runs the embedded network",
        library_path=library_path,
        environment=_ONE_THREAD,
    )
    return ForkingServer(program, NetworkProcess)


class NetworkPool:
    """A few places for pictures and a queue of known length in front. A process is kept for each place."""

    def __init__(self, server: ForkingServer[NetworkProcess], *, places: int, queue_length: int) -> None:
        self._server = server
        self._places = Places(places, queue_length)

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return self._places.waiting

    @property
    def processes(self) -> int:
        """How many processes there are, idle ones included."""
        return self._server.processes

    async def see(self, jpeg: bytes, deadline: Deadline) -> Verdict:
        """Return what a prepared JPEG shows.

        Raises `Overloaded` where too many wait or none has had its turn by the deadline, else `NetworkFailed`.
        """
        async with self._places.take(deadline.at):
            try:
                async with asyncio.timeout_at(deadline.at):
                    return await self._see(jpeg, deadline)
            except TimeoutError:
                raise NetworkFailed(detail="the network did not answer in time") from None
            except (Overloaded, RuntimeError) as error:  # ended from outside, not to be started yet, or a defect
                raise NetworkFailed(detail=str(error)) from error

    async def _see(self, jpeg: bytes, deadline: Deadline) -> Verdict:
        process = self._server.open()
        try:
            return await process.see(jpeg, max(0.001, deadline.remaining_seconds()))
        finally:
            process.leave(lambda: None)
