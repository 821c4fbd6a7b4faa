"""The program whose processes decode pictures. `decoding_server.py` runs it; it imports Pillow and little else."""

import socket
import sys
import warnings

from PIL import AvifImagePlugin, Image

from app.errors import ServiceError
from app.services.images import wire
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
from app.utils.forking.wire import DEFECT, REFUSED
from app.utils.image_cost import DecodingCost
from app.utils.image_utils import enable_heif, prepare_image

_SPARE_BYTES = 32 * 1024 * 1024
_HEADER_BYTES = 256 * 1024 * 1024
"""What opening may take before the cost is known: the canvas of the largest WebP, which is not touched yet."""

_HEADER_SECONDS = 1.0
_LARGE_PIXELS = 40_000_000
_SMALLEST_SHARE = 0.2


class _Dropped(Exception):
    """The picture is not to be decoded now."""


def _prepare_one(connection: socket.socket) -> None:
    job_size, file_size = wire.REQUEST_HEAD.unpack(receive(connection, wire.REQUEST_HEAD.size))
    job = wire.Job.unpack(receive(connection, job_size))
    limit_wall(job.wall_seconds)
    limit_cpu(min(_HEADER_SECONDS, job.cpu_seconds))
    own_bytes = data_bytes()
    limit_memory(own_bytes + 2 * file_size + _HEADER_BYTES)
    data = receive(connection, file_size)

    def admit(cost: DecodingCost) -> None:
        reply(connection, wire.COST, wire.pack_cost(cost))
        if receive(connection, len(wire.GO_ON)) != wire.GO_ON:
            raise _Dropped
        limit_memory(own_bytes + _SPARE_BYTES + cost.memory_bytes * 5 // 4)
        limit_cpu(job.cpu_seconds * max(_SMALLEST_SHARE, min(1.0, cost.pixels / _LARGE_PIXELS)))

    try:
        prepared = prepare_image(data, job.limits, job.max_side, admit)
    except ServiceError as error:
        reply(connection, REFUSED, wire.pack_refusal(error))
    except _Dropped:
        return
    except EOFError:
        raise  # nobody waits for the picture any more
    except Exception as error:
        reply(connection, DEFECT, type(error).__name__.encode())
    else:
        reply(connection, wire.PREPARED, wire.pack_prepared(prepared))


def main(formats: str) -> None:
    """Serve the worker whose socket is the standard input."""
    give_up_rights()
    warnings.simplefilter("ignore")  # Pillow's, of damaged metadata
    Image.init()  # all formats, once, and not in each child
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    if "HEIF" in formats.split(","):
        enable_heif()
    serve_worker(_prepare_one)


if __name__ == "__main__":
    main(sys.argv[1])
