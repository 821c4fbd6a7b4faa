"""Reads of a HEIC file all bytes but those of its Exif and XMP: in place, since only their contents may change.

Android blanks inside them where a photo was taken. Where they are, and how long they are, is told by other bytes, which
are hashed; so are all that the decoder needs. No other item may share bytes with them.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from photo_classifier.content_hash.orientation import orientation
from photo_classifier.content_hash.parts import MAX_METADATA_BYTES, NoNameError, need

MAX_BOXES = 4_096
"""Most boxes of one level, and most items. A photo of 48 megapixels is some 200 tiles."""

BRANDS = (b"heic", b"heix")
"""Of still pictures. AVIF is not among them: Pillow writes its Exif anew when it opens one, which fails on some."""

_TOP_LEVEL = frozenset({b"ftyp", b"meta", b"mdat", b"free", b"skip", b"uuid", b"mpvd"})
_WHOLE_BOX_HEAD = 8


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    start: int
    """Where its body begins."""
    end: int


def heif_parts(data: bytes) -> Iterator[bytes | memoryview]:
    """Yield what is hashed of a HEIC file. Raises one of `OUT_OF_BOUNDS` where there is no name."""
    top = _boxes(data, 0, len(data))
    need(all(box.kind in _TOP_LEVEL for box in top))
    meta = _only(top, b"meta")
    inner = _boxes(data, meta.start + 4, meta.end)
    kinds = _items(data, _only(inner, b"iinf"))
    places = _places(data, _only(inner, b"iloc"))
    metadata = {kind: places.get(item, []) for item, kind in kinds.items() if kind in (b"Exif", b"mime")}
    need(len(metadata) == sum(kind in metadata for kind in kinds.values()))
    cut_out = _alone(metadata, places, [box for box in top if box.kind == b"mdat"])
    view, at = memoryview(data), 0
    yield struct.pack(">B", len(cut_out))
    for start, end in cut_out:
        yield struct.pack(">QQ", start, end)
    for start, end in cut_out:
        yield view[at:start]
        at = end
    yield view[at:]
    yield bytes([_orientation(data, metadata)])


def _boxes(data: bytes, at: int, end: int) -> list[_Box]:
    """Return the boxes that fill this part of the file exactly."""
    boxes: list[_Box] = []
    while at < end:
        size, kind = struct.unpack_from(">L4s", data, at)
        need(size >= _WHOLE_BOX_HEAD and at + size <= end and len(boxes) < MAX_BOXES)
        boxes.append(_Box(kind, at + _WHOLE_BOX_HEAD, at + size))
        at += size
    return boxes


def _only(boxes: list[_Box], kind: bytes) -> _Box:
    found = [box for box in boxes if box.kind == kind]
    need(len(found) == 1)
    return found[0]


def _items(data: bytes, box: _Box) -> dict[int, bytes]:
    """Return the type of each item by its number; `mime` for XMP alone."""
    version = data[box.start]
    need(version <= 1)
    kinds: dict[int, bytes] = {}
    count_bytes = 4 if version else 2
    count = _Numbers(data, box.start + 4, box.end).read(count_bytes)
    for entry in _boxes(data, box.start + 4 + count_bytes, box.end):
        need(entry.kind == b"infe" and data[entry.start] in (2, 3))
        number = ">HH4s" if data[entry.start] == 2 else ">LH4s"
        item, protection, kind = struct.unpack_from(number, data, entry.start + 4)
        need(item not in kinds and protection == 0)
        described = data[entry.start + 4 + struct.calcsize(number) : entry.end]
        is_xmp = re.fullmatch(rb"[^\0]*\0application/rdf\+xml\0\0?", described) is not None
        kinds[item] = kind if kind != b"mime" or is_xmp else b"other"
    need(len(kinds) == count)
    return kinds


def _places(data: bytes, box: _Box) -> dict[int, list[tuple[int, int]]]:
    """Return where in the file the bytes of each item are, as (start, end)."""
    version, sizes, base_and_index = data[box.start], data[box.start + 4], data[box.start + 5]
    need(version <= 2 and base_and_index & 15 == 0)
    offset_bytes, length_bytes, base_bytes = sizes >> 4, sizes & 15, base_and_index >> 4
    numbers = _Numbers(data, box.start + 6, box.end)
    places: dict[int, list[tuple[int, int]]] = {}
    extents = 0
    for _ in range(numbers.read(4 if version == 2 else 2)):
        item = numbers.read(4 if version == 2 else 2)
        method = numbers.read(2) if version else 0
        need(numbers.read(2) == 0 and method <= 1 and item not in places)
        base = numbers.read(base_bytes)
        places[item] = []
        for _ in range(numbers.read(2)):
            start = base + numbers.read(offset_bytes)
            length = numbers.read(length_bytes)
            extents += 1
            need(length > 0 and extents <= MAX_BOXES)
            if method == 0:  # else inside the box of metadata, which is hashed
                places[item].append((start, start + length))
    return places


class _Numbers:
    """Reads numbers one after another, the high byte first."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self._data, self._at, self._end = data, at, end

    def read(self, size: int) -> int:
        need(size in (0, 2, 4, 8) and self._at + size <= self._end)
        self._at += size
        return int.from_bytes(self._data[self._at - size : self._at], "big")


def _alone(
    metadata: dict[bytes, list[tuple[int, int]]], places: dict[int, list[tuple[int, int]]], media: list[_Box]
) -> list[tuple[int, int]]:
    """Return where the metadata is, in order. Each is one piece inside the media data, and shares no byte."""
    pieces = [piece for item in places.values() for piece in item]
    need(all(len(item) == 1 for item in metadata.values()))
    found = sorted(item[0] for item in metadata.values())
    for start, end in found:
        need(sum(first < end and start < last for first, last in pieces) == 1)  # itself
    need(all(any(box.start <= start and end <= box.end for box in media) for start, end in found))
    return found


def _orientation(data: bytes, metadata: dict[bytes, list[tuple[int, int]]]) -> int:
    """Return the orientation that Exif tells. The decoder turns the picture by other boxes, and takes this one back."""
    texts = {kind: data[piece[0][0] : piece[0][1]] for kind, piece in metadata.items()}
    need(
        all(len(text) <= MAX_METADATA_BYTES for text in texts.values())
        and b"Orientation" not in texts.get(b"mime", b"")
    )
    exif = texts.get(b"Exif")
    if exif is None:
        return orientation(None, None)
    if exif[:10] == b"\0\0\0\x06Exif\0\0":
        return orientation(exif[10:], None)
    if exif[:4] == b"\0\0\0\0":
        return orientation(exif[4:], None)
    raise NoNameError
