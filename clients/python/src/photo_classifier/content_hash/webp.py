"""Reads of a WebP what decodes: the canvas, whether it has transparency, and the coded picture; of an animation all
frames, since libwebp looks at all of them before it decodes the first."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from photo_classifier.content_hash.orientation import orientation
from photo_classifier.content_hash.parts import NoNameError, little_32, need

MAX_CHUNKS = 10_000
"""Most chunks of one file: so many frames of an animation."""

_FIRST_CHUNK = 12
_LOSSY, _LOSSLESS, _EXTENDED, _ALPHA = b"VP8 ", b"VP8L", b"VP8X", b"ALPH"
_ANIMATED, _HAS_XMP, _HAS_EXIF, _HAS_ALPHA, _HAS_ICC = 0x02, 0x04, 0x08, 0x10, 0x20
_FLAG_OF = {b"EXIF": _HAS_EXIF, b"XMP ": _HAS_XMP, b"ICCP": _HAS_ICC}
"""Metadata counts where its flag is set. Without the flag libwebp does not hand it out."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    kind: bytes
    body: memoryview

    def parts(self) -> Iterator[bytes | memoryview]:
        yield self.kind + len(self.body).to_bytes(4, "big")
        yield self.body


def webp_parts(data: bytes) -> Iterator[bytes | memoryview]:
    """Yield what is hashed of a WebP. Raises one of `OUT_OF_BOUNDS` where there is no name."""
    chunks = list(_chunks(data))
    first = chunks[0]
    if first.kind != _EXTENDED:
        need(len(chunks) == 1)
        yield from _still(chunks, None)
        yield bytes([orientation(None, None)])
        return
    flags, size = _canvas(first.body)
    metadata, pictures = _sorted(chunks[1:], flags)
    if flags & _ANIMATED:
        yield b"animated" + bytes([flags & _HAS_ALPHA]) + size
        need(pictures[0].kind == b"ANIM" and len(pictures) > 1)
        need(all(picture.kind == b"ANMF" for picture in pictures[1:]))
        for picture in pictures:
            yield from picture.parts()
    else:
        yield from _still(pictures, (flags & _HAS_ALPHA, size))
    yield bytes([orientation(_exif(metadata.get(b"EXIF")), metadata.get(b"XMP "))])


def _chunks(data: bytes) -> Iterator[_Chunk]:
    """Yield the chunks, which fill the length that the head tells. What is behind that is not of the picture."""
    view = memoryview(data)
    end = 8 + little_32(data, 4)
    need(end <= len(data))
    at = _FIRST_CHUNK
    for _ in range(MAX_CHUNKS):
        if at == end:
            return
        kind, length = struct.unpack_from("<4sL", data, at)
        start = at + 8
        at = start + length + length % 2
        need(at <= end)
        yield _Chunk(kind, view[start : start + length])
    raise NoNameError


def _canvas(body: memoryview) -> tuple[int, bytes]:
    """Return the flags of an extended file and the size of its canvas, six bytes that are hashed as they are."""
    need(len(body) == 10 and body[0] & 0xC1 == 0 and bytes(body[1:4]) == b"\0\0\0")
    return body[0], body[4:].tobytes()


def _sorted(chunks: list[_Chunk], flags: int) -> tuple[dict[bytes, bytes], list[_Chunk]]:
    """Return the metadata by its type, and the chunks of which the picture is made, in their order."""
    metadata: dict[bytes, bytes] = {}
    pictures: list[_Chunk] = []
    for before, chunk in zip([None, *chunks], chunks, strict=False):
        if chunk.kind in _FLAG_OF:
            need(chunk.kind not in metadata and len(chunk.body) > 0 and flags & _FLAG_OF[chunk.kind] != 0)
            need(before is None or before.kind != _ALPHA)
            metadata[chunk.kind] = chunk.body.tobytes()
        else:
            pictures.append(chunk)
    return metadata, pictures


def _still(chunks: list[_Chunk], canvas: tuple[int, bytes] | None) -> Iterator[bytes | memoryview]:
    """Yield what is hashed of one picture: its transparency and size, which must be those of the canvas, and itself."""
    alpha, picture = (chunks[0], chunks[1]) if chunks[0].kind == _ALPHA else (None, chunks[0])
    need(len(chunks) == (1 if alpha is None else 2))
    if picture.kind == _LOSSLESS:
        need(alpha is None)
        has_alpha, size = _read_lossless(picture.body)
    else:
        need(picture.kind == _LOSSY)
        has_alpha, size = alpha is not None, _read_lossy(picture.body)
    need(canvas == (_HAS_ALPHA if has_alpha else 0, size) or (canvas is None and alpha is None))
    yield b"still" + bytes([has_alpha]) + size
    if alpha is not None:
        yield from alpha.parts()
    yield from picture.parts()


def _read_lossy(body: memoryview) -> bytes:
    """Return the size as an extended file tells it: each side less one, in three bytes. RFC 6386, section 9.1."""
    need(body[0] & 1 == 0 and bytes(body[3:6]) == b"\x9d\x01\x2a")
    width, height = struct.unpack_from("<HH", body, 6)
    return _size(width & 0x3FFF, height & 0x3FFF)


def _read_lossless(body: memoryview) -> tuple[bool, bytes]:
    """Return whether there is transparency, and the size: RFC 9649, section 3.4."""
    need(body[0] == 0x2F)
    bits = struct.unpack_from("<L", body, 1)[0]
    return bool(bits >> 28 & 1), _size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)


def _size(width: int, height: int) -> bytes:
    need(width > 0 and height > 0)
    return (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def _exif(chunk: bytes | None) -> bytes | None:
    return None if chunk is None else chunk.removeprefix(b"Exif\0\0")
