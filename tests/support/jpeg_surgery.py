"""What phones, browsers and messengers do to a JPEG file without touching its picture. Pure functions on bytes."""

import struct
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO

from PIL import ExifTags, Image

_SOI = b"\xff\xd8"
_SOS = 0xDA
_DQT, _DHT = 0xDB, 0xC4
_APP0, _APP1, _APP14, _APP15, _COM = 0xE0, 0xE1, 0xEE, 0xEF, 0xFE
_EXIF = b"Exif\0\0"
_VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""Bytes of one value of each type of TIFF 6.0, section 2."""


@dataclass(frozen=True)
class Segment:
    """A marker with what follows it up to the next one, ahead of the first scan."""

    marker: int
    payload: bytes

    @property
    def is_exif(self) -> bool:
        return self.marker == _APP1 and self.payload.startswith(_EXIF)

    def packed(self) -> bytes:
        return struct.pack(">BBH", 0xFF, self.marker, len(self.payload) + 2) + self.payload


def split(jpeg: bytes) -> tuple[list[Segment], bytes]:
    """Return the segments ahead of the first scan, and all the rest of the file."""
    segments, at = [], 2
    while jpeg[at + 1] != _SOS:
        if jpeg[at + 1] == 0xFF:  # a fill byte
            at += 1
            continue
        marker, length = struct.unpack_from(">BH", jpeg, at + 1)
        segments.append(Segment(marker, jpeg[at + 4 : at + 2 + length]))
        at += 2 + length
    return segments, jpeg[at:]


def join(segments: list[Segment], rest: bytes) -> bytes:
    return _SOI + b"".join(segment.packed() for segment in segments) + rest


def with_comment(jpeg: bytes, text: str = "sent with love") -> bytes:
    """Return the file with a comment in front: another file of the same content."""
    segments, rest = split(jpeg)
    return join([Segment(_COM, text.encode()), *segments], rest)


def without_gps(jpeg: bytes) -> bytes:
    """Zero the values of the GPS tags where they stand: what Android does for apps that may not know the place. The
    file keeps its length."""
    segments, rest = split(jpeg)
    redacted = [Segment(part.marker, _redacted(part.payload)) if part.is_exif else part for part in segments]
    return join(redacted, rest)


def without_metadata(jpeg: bytes) -> bytes:
    """Take all metadata out but what the picture is shown by: the colour transform and the orientation."""
    segments, rest = split(jpeg)
    kept = [part for part in segments if part.marker in (_APP0, _APP14) or not _is_metadata(part)]
    orientation = orientation_of(jpeg)
    if orientation == 1:
        return join(kept, rest)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return join([_exif_segment(exif), *kept], rest)


def with_new_uuid(jpeg: bytes) -> bytes:
    """Write another ImageUniqueID into the EXIF data, as Safari does at each pick."""
    segments, rest = split(jpeg)
    exif = Image.Exif()
    exif.load(next((part.payload for part in segments if part.is_exif), b""))
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ImageUniqueID] = uuid.uuid4().hex
    return join([_exif_segment(exif), *(part for part in segments if not part.is_exif)], rest)


def with_zero_bytes_behind(jpeg: bytes, number: int = 512) -> bytes:
    """Put zero bytes behind the end, as iOS does to files that it hands over."""
    return jpeg + bytes(number)


def with_tables_merged(jpeg: bytes) -> bytes:
    """Put all tables of one kind into one segment, as some encoders write them. Nothing else changes."""
    segments, rest = split(jpeg)
    for kind in (_DQT, _DHT):
        merged = Segment(kind, b"".join(part.payload for part in segments if part.marker == kind))
        first = next(index for index, part in enumerate(segments) if part.marker == kind)
        others = [part for part in segments if part.marker != kind]
        segments = [*others[:first], merged, *others[first:]]
    return join(segments, rest)


def with_tables_late(jpeg: bytes) -> bytes:
    """Put the tables behind the frame's head, right ahead of the scan. Nothing else changes."""
    segments, rest = split(jpeg)
    return join(sorted(segments, key=lambda part: part.marker in (_DQT, _DHT)), rest)


METADATA_VERSIONS: dict[str, Callable[[bytes], bytes]] = {
    "GPS zeroed in place": without_gps,
    "all metadata out": without_metadata,
    "a new EXIF UUID": with_new_uuid,
    "zero bytes behind the end": with_zero_bytes_behind,
}


def orientation_of(jpeg: bytes) -> int:
    with Image.open(BytesIO(jpeg)) as image:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))


def _is_metadata(part: Segment) -> bool:
    return _APP0 <= part.marker <= _APP15 or part.marker == _COM


def _exif_segment(exif: Image.Exif) -> Segment:
    return Segment(_APP1, exif.tobytes())


def _redacted(payload: bytes) -> bytes:
    tiff = bytearray(payload[len(_EXIF) :])
    order = "<" if tiff[:2] == b"II" else ">"
    (first,) = struct.unpack_from(order + "I", tiff, 4)
    for tag, *_, value in list(_entries(tiff, order, first)):
        if tag == ExifTags.IFD.GPSInfo:
            for _, kind, count, inline in list(_entries(tiff, order, struct.unpack_from(order + "I", tiff, value)[0])):
                size = count * _VALUE_BYTES[kind]
                start = inline if size <= 4 else struct.unpack_from(order + "I", tiff, inline)[0]
                tiff[start : start + size] = bytes(size)
    return _EXIF + bytes(tiff)


def _entries(tiff: bytes | bytearray, order: str, start: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield each entry of a directory: its tag, type, number of values, and where its value or its offset stands."""
    (number,) = struct.unpack_from(order + "H", tiff, start)
    for index in range(number):
        at = start + 2 + 12 * index
        yield (*struct.unpack_from(order + "HHI", tiff, at), at + 8)
