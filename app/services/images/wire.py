"""What a worker and the processes that decode for it say to each other, beside what `utils.forking.wire` has."""

import json
import struct
from dataclasses import asdict, dataclass
from typing import Self

from app.errors import ImageTooManyPixels, InvalidImage, ServiceError, UnsupportedFormat
from app.models.identity import Fingerprint
from app.utils.image_cost import DecodingCost
from app.utils.image_utils import ImageLimits, Prepared

# To a process: the sizes of the job and of the file, then both.
REQUEST_HEAD = struct.Struct("<II")
GO_ON, DROP = b"g", b"d"
"""What a process is told when it has said what a picture will cost: of one it drops it says no more."""

# The kinds of its replies, beside those of any forked process.
COST, PREPARED = b"C", b"P"
_COST = struct.Struct("<QQ")
_FINGERPRINT = struct.Struct("<32sBII")
_REFUSALS: dict[str, type[ServiceError]] = {
    error.code: error for error in (InvalidImage, UnsupportedFormat, ImageTooManyPixels)
}


@dataclass(frozen=True, slots=True)
class Job:
    """How a picture is to be prepared, and within which limits of time."""

    formats: tuple[str, ...]
    max_pixels: int
    max_side: int
    cpu_seconds: float
    wall_seconds: float

    def pack(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def unpack(cls, packed: bytes | bytearray) -> Self:
        return cls(**json.loads(packed))

    @property
    def limits(self) -> ImageLimits:
        return ImageLimits(frozenset(self.formats), self.max_pixels)


def pack_cost(cost: DecodingCost) -> bytes:
    return _COST.pack(cost.pixels, cost.memory_bytes)


def unpack_cost(packed: bytes) -> DecodingCost:
    return DecodingCost(*_COST.unpack(packed))


def pack_prepared(prepared: Prepared) -> bytes:
    seen = prepared.fingerprint
    return _FINGERPRINT.pack(seen.pdq, seen.quality, seen.width, seen.height) + prepared.jpeg


def unpack_prepared(packed: bytes) -> Prepared:
    return Prepared(packed[_FINGERPRINT.size :], Fingerprint(*_FINGERPRINT.unpack_from(packed)))


def pack_refusal(error: ServiceError) -> bytes:
    return json.dumps([error.code, error.message, error.detail]).encode()


def unpack_refusal(packed: bytes) -> ServiceError:
    code, message, detail = json.loads(packed)
    return _REFUSALS[code](message, detail=detail)
