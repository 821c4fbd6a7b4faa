"""Reads of a PNG what decodes: header, palette, transparency, and the compressed pixels however they are cut into
chunks. All checksums must be right, and the chunks in the order that the standard wants."""

import re
import struct
import zlib
from collections.abc import Iterator

from photo_classifier.content_hash.parts import NoNameError, need
from photo_classifier.content_hash.png_metadata import PngMetadata

MAX_CHUNKS = 10_000
"""Most chunks of one file. 10 MB as the usual encoders cut it are at most some 1,300; the service refuses 50,000."""

_SIGNATURE_BYTES = 8
_CHUNK_TYPE = re.compile(rb"[A-Za-z]{4}").fullmatch


def png_parts(data: bytes) -> Iterator[bytes | memoryview]:
    """Yield what is hashed of a PNG. Raises one of `OUT_OF_BOUNDS` where there is no name."""
    metadata = PngMetadata()
    before: bytes | None = None
    seen: set[bytes] = set()
    pixel_bytes = 0
    for kind, body in _chunks(data):
        need((kind == b"IHDR") == (before is None))
        if kind == b"IHDR":
            need(len(body) == 13)
            yield body
        elif kind in (b"PLTE", b"tRNS"):
            need(kind not in seen and b"IDAT" not in seen)
            yield kind + len(body).to_bytes(4, "big")
            yield body
        elif kind == b"IDAT":
            if before != b"IDAT":
                need(kind not in seen)
                yield kind
            pixel_bytes += len(body)
            yield body
        elif kind == b"IEND":
            need(b"IDAT" in seen and not body)
            yield pixel_bytes.to_bytes(8, "big") + bytes([metadata.orientation()])
            return
        else:
            metadata.read(kind, body)
        seen.add(kind)
        before = kind
    raise NoNameError


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield type and data of each chunk, which are whole and have a right checksum."""
    view = memoryview(data)
    at = _SIGNATURE_BYTES
    for _ in range(MAX_CHUNKS):
        length, kind = struct.unpack_from(">L4s", data, at)
        end = at + 8 + length
        (checksum,) = struct.unpack_from(">L", data, end)
        need(_CHUNK_TYPE(kind) is not None and zlib.crc32(view[at + 4 : end]) == checksum)
        yield kind, view[at + 8 : end]
        at = end + 4
