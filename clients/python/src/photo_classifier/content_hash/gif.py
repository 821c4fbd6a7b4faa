"""Reads of a GIF what decodes: screen, palettes, the control of the first picture, and from that picture on all bytes
to the end of the file.

A picture whose codes run out is filled from the bytes behind it, by Pillow at least, and whether they run out is not
known without decoding. So nothing behind the first picture's head can be left out. Comments, XMP and others before the
first picture are.
"""

from collections.abc import Iterator

from photo_classifier.content_hash.parts import NoNameError, need

MAX_BLOCKS = 65_536
"""Most blocks of one file: 16 MB in blocks of the usual 255 bytes."""

MAX_BLOCKS_BEFORE_PICTURE = 10_000
"""Before the first picture the service refuses 50,000."""

_EXTENSION, _PICTURE, _TRAILER = 0x21, 0x2C, 0x3B
_GRAPHIC_CONTROL, _COMMENT, _APPLICATION = 0xF9, 0xFE, 0xFF
_LOOPING = b"NETSCAPE2.0"


def gif_parts(data: bytes) -> Iterator[bytes | memoryview]:
    """Yield what is hashed of a GIF. Raises one of `OUT_OF_BOUNDS` where there is no name."""
    view = memoryview(data)
    at = 13 + _palette_bytes(data[10])
    need(at <= len(data))
    yield view[:at]
    controls = 0
    budget = MAX_BLOCKS_BEFORE_PICTURE
    while data[at] == _EXTENSION:
        budget -= 1
        need(budget > 0)
        start = at + 2
        at, blocks = _skip_blocks(data, start, budget)
        budget -= blocks
        if data[start - 1] == _GRAPHIC_CONTROL:
            controls += 1
            need(controls == 1 and data[start] == 4 and blocks == 1)
            yield view[start - 2 : at]
        elif data[start - 1] != _COMMENT:
            # Pillow takes the end of an empty extension for a block, and goes on reading behind it.
            need(blocks > 0)
            need(data[start - 1] != _APPLICATION or blocks > 1 or not data.startswith(_LOOPING, start + 1))
    need(data[at] == _PICTURE)
    _check_to_the_trailer(data, at)
    yield view[at:]


def _check_to_the_trailer(data: bytes, at: int) -> None:
    """Refuse a file that is cut off before its end, or has other things than pictures and extensions."""
    budget = MAX_BLOCKS
    while data[at] != _TRAILER:
        if data[at] == _PICTURE:
            start = at + 10 + _palette_bytes(data[at + 9]) + 1
        else:
            need(data[at] == _EXTENSION)
            start = at + 2
        at, blocks = _skip_blocks(data, start, budget)
        budget -= blocks + 1


def _skip_blocks(data: bytes, at: int, most: int) -> tuple[int, int]:
    """Return where the blocks end that begin at `at`, and how many there are before the empty one that ends them."""
    for blocks in range(most):
        length = data[at]
        at += 1 + length
        if length == 0:
            return at, blocks
    raise NoNameError


def _palette_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
