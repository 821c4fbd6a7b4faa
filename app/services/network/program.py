"""The program whose processes run the network. It alone imports NumPy, and reads the model before it forks.

So its processes share the weights. They get JPEGs that this service has made itself, never a file as it was uploaded.
"""

import socket
import sys
import warnings

from PIL import Image

from app.services.network import wire
from app.services.network.checked_file import DamagedModel
from app.services.network.photo_net import PhotoNet
from app.utils.forking.program import (
    data_bytes,
    give_up_rights,
    limit_cpu,
    limit_memory,
    limit_wall,
    receive,
    reply,
    serve_worker,
)
from app.utils.forking.wire import DEFECT

_CPU_SECONDS = 10.0
"""A photo takes 0.05; one of the largest size that can be configured, not 1."""

_SPARE_BYTES = 256 * 1024 * 1024
"""Above what the process has: 40 MiB for the layers' values, the rest for a picture of the largest size."""


def main() -> None:
    """Serve the worker whose socket is the standard input. A model file that is damaged ends this with a line."""
    give_up_rights()
    warnings.simplefilter("ignore")
    Image.preinit()  # the decoder, once, and not in each process
    try:
        net = PhotoNet.load()
    except DamagedModel as error:
        sys.exit(str(error))

    def answer_one(connection: socket.socket) -> None:
        wall_seconds, size = wire.REQUEST_HEAD.unpack(receive(connection, wire.REQUEST_HEAD.size))
        limit_wall(wall_seconds)
        limit_cpu(_CPU_SECONDS)
        limit_memory(data_bytes() + _SPARE_BYTES)
        jpeg = receive(connection, size)
        try:
            verdict = net.see_jpeg(jpeg)
        except Exception as error:
            reply(connection, DEFECT, type(error).__name__.encode())
        else:
            reply(connection, wire.VERDICT, wire.pack_verdict(verdict))

    serve_worker(answer_one)


if __name__ == "__main__":
    main()
