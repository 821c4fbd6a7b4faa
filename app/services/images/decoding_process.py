"""A process that decodes, as its worker sees it, and what may become of a picture in it."""

import signal

from app.errors import ImageTooManyPixels, InvalidImage, ServiceError, UnsupportedFormat
from app.services.images import wire
from app.utils.forking.process import OUTSIDE_SIGNALS, TIME_SIGNALS, ForkedProcess, ProcessEnded
from app.utils.image_cost import DecodingCost
from app.utils.image_utils import Prepared

SMALL_BYTES = 64 * 1024 * 1024
"""What takes no more than this to decode is not accounted for, and its process is kept. Nearly all photos are so."""

_REFUSED_BY_HEADER = (UnsupportedFormat, ImageTooManyPixels)


class KilledForTime(InvalidImage):
    """Decoding took more processor time than an image of its size may take."""

    default_message = "The image takes too long to decode."


class DecoderCrashed(InvalidImage):
    """The decoder crashed on the image."""


def killed_by(error: ServiceError) -> str | None:
    """Return why the image's process was ended before it was done, if it was."""
    match error:
        case KilledForTime():
            return "time"
        case DecoderCrashed():
            return "crash"
        case ProcessEnded():
            return "other"
        case InvalidImage(detail="MemoryError"):
            return "memory"
    return None


class DecodingProcess(ForkedProcess):
    """A process that decodes, from this side."""

    _is_small = True

    async def look(self, job: wire.Job, data: bytes) -> DecodingCost:
        """Send the picture; return what decoding it will cost. Raises `InvalidImage` and the like, `Overloaded`."""
        packed = job.pack()
        self._begin()
        await self._tell(wire.REQUEST_HEAD.pack(len(packed), len(data)) + packed)
        await self._tell(data)
        try:
            cost = wire.unpack_cost(await self._receive(wire.COST))
        except _REFUSED_BY_HEADER:
            self._is_ready = True
            raise
        self._is_small = cost.memory_bytes <= SMALL_BYTES
        return cost

    async def drop(self) -> None:
        """Let the process forget what it has looked at. Raises `Overloaded`."""
        await self._tell(wire.DROP)
        self._is_ready = True

    async def decode(self) -> Prepared:
        """Let the process go on after `look()`. Raises `InvalidImage`, `Overloaded`."""
        await self._tell(wire.GO_ON)
        prepared = wire.unpack_prepared(await self._receive(wire.PREPARED))
        self._is_ready = self._is_small  # after a large one it ends, and so gives back its memory for certain
        return prepared

    def _refusal_in(self, body: bytes) -> ServiceError:
        return wire.unpack_refusal(body)

    def _error_of(self, cause: int) -> ServiceError:
        if cause in TIME_SIGNALS:
            return KilledForTime(detail="over its limit of processor time")
        if cause in OUTSIDE_SIGNALS or cause == 0:
            return ProcessEnded(detail="the image's process was ended")
        return DecoderCrashed(detail=signal.Signals(cause).name)
