"""Names a photo by what decodes of its file, without metadata: `docs/content-hash.md`, byte by byte.

Two files of one name are prepared to equal pixels: whatever the decoders look at is hashed, and where that cannot be
told for certain there is no name. Nothing is decoded here and nothing of the application or of Pillow is needed, so
that clients in other languages can do the same.
"""

import hashlib
from collections.abc import Callable, Iterator

from photo_classifier.content_hash.gif import gif_parts
from photo_classifier.content_hash.heif import BRANDS, heif_parts
from photo_classifier.content_hash.jpeg import jpeg_parts
from photo_classifier.content_hash.parts import OUT_OF_BOUNDS
from photo_classifier.content_hash.png import png_parts
from photo_classifier.content_hash.webp import webp_parts

PREFIX = "c1:"
"""Type and version of the name. Other names are 64 hexadecimal digits, too."""

Parts = Iterator[bytes | memoryview]

_START_BYTES = 12
"""By so many bytes at the start of a file its format is known."""


def content_hash(data: bytes) -> str | None:
    """Return `c1:` and 64 lower-case hexadecimal characters for an image file. Never raises.

    None: the format is unknown, the file is damaged or cut off, has more parts than any program writes, or is built in
    a way for which equal pixels cannot be promised.
    """
    reader = _reader(data[:_START_BYTES])
    if reader is None:
        return None
    name, parts = reader
    digest = hashlib.sha256(b"c1\0" + name + b"\0")
    try:
        for part in parts(data):
            digest.update(part)
    except OUT_OF_BOUNDS:
        return None
    return PREFIX + digest.hexdigest()


def _reader(start: bytes) -> tuple[bytes, Callable[[bytes], Parts]] | None:
    """Return the format's name and what yields the parts of such a file that are hashed, one after another."""
    if start.startswith(b"\xff\xd8\xff"):
        return b"jpeg", jpeg_parts
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return b"png", png_parts
    if start.startswith((b"GIF87a", b"GIF89a")):
        return b"gif", gif_parts
    if start.startswith(b"RIFF") and start[8:] == b"WEBP":
        return b"webp", webp_parts
    if start[4:8] == b"ftyp" and start[8:] in BRANDS:
        return b"heic", heif_parts
    return None
