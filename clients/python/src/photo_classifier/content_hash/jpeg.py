"""Reads of a JPEG what decodes: all segments but metadata, whole and in order, up to the first end of image.

What is hashed is itself a JPEG, the file without its metadata, and behind its end two bytes: which colours its numbers
mean, and how it is turned upright. Both are told by metadata.
"""

import re
from collections.abc import Iterator

from photo_classifier.content_hash.jpeg_metadata import JpegMetadata
from photo_classifier.content_hash.parts import NoNameError, big_16, need

MAX_SEGMENTS = 800
"""Most segments of one file. Extended metadata of 10 MB is 160; the service refuses files of 1,000."""

_START_OF_SCAN, _END_OF_IMAGE, _COMMENT = 0xDA, 0xD9, 0xFE
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
"""Baseline, extended and progressive, with Huffman or arithmetic codes. Others are decoded by few programs."""

_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDD})
"""Huffman tables, arithmetic conditioning, quantisation tables, the restart interval."""

_APPLICATION = range(0xE0, 0xF0)

_SLICE_BYTES = 1024 * 1024
"""A search lets no other thread run: in slices, others wait for a few milliseconds at most."""

_MARKER = re.compile(rb"\xff++([^\x00\xff])")
# Inside a scan 0xFF is followed by 0 or by the number of a restart. Fill bytes there are lawful and unusual.
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7]")


def jpeg_parts(data: bytes) -> Iterator[bytes | memoryview]:
    """Yield what is hashed of a JPEG. Raises one of `OUT_OF_BOUNDS` where there is no name."""
    view = memoryview(data)
    metadata = JpegMetadata()
    frames = scans = 0
    yield view[:2]
    at = 2
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.match(data, at)
        if found is None:
            raise NoNameError
        marker, start = found[1][0], found.end()
        if marker == _END_OF_IMAGE:
            need(scans > 0)
            yield view[start - 2 : start]
            yield bytes([metadata.colours(), metadata.orientation()])
            return
        at = _end_of_segment(data, start)
        if marker in _APPLICATION or marker == _COMMENT:
            need(scans == 0)
            metadata.read(marker, data[start + 2 : at])
            continue
        yield view[start - 2 : at]
        if marker in _FRAMES:
            frames += 1
            need(frames == 1 and scans == 0)
            metadata.read_frame(data[start + 2 : at])
        elif marker == _START_OF_SCAN:
            scans += 1
            need(frames == 1)
            end = _end_of_scan(data, at)
            yield view[at:end]
            at = end
        else:
            need(marker in _TABLES)
    raise NoNameError


def _end_of_segment(data: bytes, start: int) -> int:
    """Return where a segment ends whose length stands at `start`."""
    length = big_16(data, start)
    need(length >= 2 and start + length <= len(data))
    return start + length


def _end_of_scan(data: bytes, at: int) -> int:
    for start in range(at, len(data), _SLICE_BYTES):
        found = _END_OF_SCAN.search(data, start, start + _SLICE_BYTES + 1)
        if found is not None:
            return found.start()
    raise NoNameError
