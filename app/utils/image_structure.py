"""Counts the parts of an image file before a decoder sees it. A fast look at untrusted bytes, not a parser.

Decoders take time that grows with the number of parts: a progressive JPEG of thousands of empty scans holds one for
minutes within all limits of bytes and pixels. What this look misses, the limits of the decoding process end.
"""

import re
from dataclasses import dataclass

from app.errors import InvalidImage

MAX_JPEG_SCANS = 100
MAX_JPEG_SEGMENTS = 1_000
"""Extended metadata of 10 MB is 160 segments; Pillow joins those of Exif in quadratic time."""

MAX_PNG_CHUNKS = 50_000
MAX_GIF_BLOCKS = 50_000

_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
# Inside a scan 0xFF is followed by 0, or by the number of a restart; fill bytes are 0xFF too.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
_PNG_HEAD, _GIF_HEAD = b"\x89PNG\r\n\x1a\n", b"GIF8"


@dataclass(frozen=True, slots=True)
class Structure:
    """What a file is built of: the scans of a JPEG, the pixels of a WebP. 0: not known, or not of this format."""

    scans: int = 0
    pixels: int = 0


def examine(data: bytes) -> Structure:
    """Return what the file is built of. Never fails on damaged files.

    Raises `InvalidImage` for more parts than any camera or program writes.
    """
    if data.startswith(b"\xff\xd8"):
        return Structure(scans=_count_jpeg_scans(data))
    if data.startswith(_PNG_HEAD):
        _check_png(data)
    elif data.startswith(_GIF_HEAD):
        _check_gif(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Structure(pixels=_count_webp_pixels(data))
    return Structure()


def _count_jpeg_scans(data: bytes) -> int:
    scans, at = 0, 2
    for _ in range(MAX_JPEG_SEGMENTS):
        marker = _MARKER.search(data, at)
        if marker is None or data[marker.end() - 1] == _END_OF_IMAGE:
            return scans
        scans += data[marker.end() - 1] == _START_OF_SCAN
        if scans > MAX_JPEG_SCANS:
            raise too_complex("scans")
        at = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
    raise too_complex("segments")


def _check_png(data: bytes) -> None:
    at = len(_PNG_HEAD)
    for _ in range(MAX_PNG_CHUNKS):
        if at >= len(data) or data[at + 4 : at + 8] == b"IEND":
            return
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    raise too_complex("chunks")


def _count_webp_pixels(data: bytes) -> int:
    """Return the size that the head tells: Pillow takes memory for the whole canvas when it opens the file."""
    match data[12:16]:
        case b"VP8X":
            return (1 + _little(data, 24, 3)) * (1 + _little(data, 27, 3))
        case b"VP8L":
            bits = _little(data, 21, 4)
            return (1 + (bits & 0x3FFF)) * (1 + (bits >> 14 & 0x3FFF))
        case b"VP8 ":
            return (_little(data, 26, 2) & 0x3FFF) * (_little(data, 28, 2) & 0x3FFF)
    return 0


def _little(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _check_gif(data: bytes) -> None:
    """Count what stands before the first picture, which is the only one that is decoded."""
    at = 13 + _gif_palette(data[10:11])
    in_extension = False
    for _ in range(MAX_GIF_BLOCKS):
        if in_extension:
            length = data[at] if at < len(data) else 0
            at += 1 + length
            in_extension = length > 0
        elif data[at : at + 1] == b"!":
            at += 2
            in_extension = True
        else:
            return
    raise too_complex("blocks")


def _gif_palette(flags: bytes) -> int:
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def too_complex(parts: str) -> InvalidImage:
    """Return the error for a file of too many parts, which wants to be answered rather than decoded."""
    return InvalidImage("The image is built of more parts than are accepted.", detail=f"too many {parts}")
