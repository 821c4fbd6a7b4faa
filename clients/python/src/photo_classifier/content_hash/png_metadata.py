"""Looks into those chunks of a PNG that are not hashed: for the orientation, and for what makes Pillow refuse a file or
read it otherwise."""

import re
import zlib

from photo_classifier.content_hash.orientation import orientation
from photo_classifier.content_hash.parts import MAX_METADATA_BYTES, NoNameError, need

MAX_COMPRESSED_CHUNKS = 8
MAX_SKIPPED_BYTES = 32 * 1024 * 1024
"""Both together stay below the 64 MB of text that Pillow takes of one file."""

_EXACT_LENGTHS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9}
_ANIMATION = frozenset({b"acTL", b"fcTL", b"fdAT"})
"""Of an animated PNG Pillow's first frame may be a part of the picture, or another picture. They have no name."""

_XMP = b"XML:com.adobe.xmp"
# Pillow keeps texts by their keyword beside its own notes, such as "transparency" and "interlace", which a text may so
# overwrite; and under this other name it looks for an orientation.
_MEANS_SOMETHING = re.compile(rb"[a-z_0-9]+|Raw profile type exif.*", re.DOTALL).fullmatch


class PngMetadata:
    """What the chunks so far tell."""

    def __init__(self) -> None:
        self._exif: bytes | None = None
        self._xmp: bytes | None = None
        self._compressed = 0
        self._skipped_bytes = 0

    def orientation(self) -> int:
        """Return 1 to 8: how the picture is turned upright."""
        return orientation(self._exif, self._xmp)

    def read(self, kind: bytes, body: memoryview) -> None:
        """Look into a chunk that is not hashed. Raises `NoNameError` where it is unusual."""
        need(kind[0] & 0x20 != 0 and kind not in _ANIMATION)  # a capital letter first: not to be skipped
        need(len(body) == _EXACT_LENGTHS.get(kind, len(body)))
        self._skipped_bytes += len(body)
        need(self._skipped_bytes <= MAX_SKIPPED_BYTES)
        match kind:
            case b"eXIf":
                need(self._exif is None)
                self._exif = body.tobytes()
            case b"tEXt":
                _check_keyword(_keyword(body)[0])
            case b"zTXt":
                name, rest = _keyword(body)
                _check_keyword(name)
                self._check_compressed(rest)
            case b"iCCP":
                self._check_compressed(_keyword(body)[1])
            case b"iTXt":
                self._read_international(*_keyword(body))

    def _read_international(self, name: bytes, rest: memoryview) -> None:
        compressed, method = rest[0], rest[1]
        # A language and the keyword in that language, each ended by a zero byte, stand before the text.
        head = bytes(rest[2 : 2 + 1024]).split(b"\0", 2)
        need(len(head) == 3 and compressed <= 1 and method == 0)
        text = rest[2 + len(head[0]) + 1 + len(head[1]) + 1 :]
        if name == _XMP:
            need(self._xmp is None and compressed == 0)
            self._xmp = text.tobytes()
            return
        _check_keyword(name)
        if compressed:
            self._check_compressed(rest[1:2].tobytes() + text.tobytes())

    def _check_compressed(self, packed: bytes | memoryview) -> None:
        """Refuse what inflates to 1 MiB or more, as Pillow does, and what is damaged.

        The first byte tells the method, of which there is one.
        """
        self._compressed += 1
        need(packed[0] == 0)
        need(self._compressed <= MAX_COMPRESSED_CHUNKS)
        inflater = zlib.decompressobj()
        try:
            text = inflater.decompress(packed[1:], MAX_METADATA_BYTES)
        except zlib.error as error:
            raise NoNameError from error
        need(inflater.eof and len(text) < MAX_METADATA_BYTES)


def _keyword(body: memoryview) -> tuple[bytes, memoryview]:
    """Return the keyword with which a chunk begins and what follows the zero byte behind it."""
    head = bytes(body[:80])
    end = head.find(0)
    need(end >= 1)
    return head[:end], body[end + 1 :]


def _check_keyword(name: bytes) -> None:
    need(name != _XMP and not _MEANS_SOMETHING(name))
