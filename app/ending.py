"""How the application hears that the server ends: uvicorn waits for answers, and a stream is one that goes on."""

import socket

from uvicorn import Server

END_STREAMS = "end_streams"
"""The name in the state of the lifespan under which the application says how its streams are ended."""


class StreamEndingServer(Server):
    """Ends the application's streams before it waits for answers."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let streams end, then end as uvicorn does."""
        self.end_streams()
        await super().shutdown(sockets)

    def end_streams(self) -> None:
        """Tell the application, if it has streams."""
        end = self.lifespan.state.get(END_STREAMS)
        if end is not None:
            end()
