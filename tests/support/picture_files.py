"""Takes image files apart and puts them together again: segments of JPEG, chunks of PNG and WebP, blocks of GIF."""

import struct
import zlib
from io import BytesIO
from typing import Any, NamedTuple

from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
EXIF_HEAD, XMP_HEAD = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
SOF0, DHT, EOI, SOS, DQT, APP0, APP1, APP2, APP13, APP14, COM = (
    0xC0,
    0xC4,
    0xD9,
    0xDA,
    0xDB,
    0xE0,
    0xE1,
    0xE2,
    0xED,
    0xEE,
    0xFE,
)


def picture(size: tuple[int, int] = (16, 12), mode: str = "RGB", turn: int = 0) -> Image.Image:
    """Return a picture whose corners differ, so that no turned one looks like it. Always the same."""
    width, height = size
    pixels = bytearray()
    for y in range(height):
        for x in range(width):
            pixels += bytes([(x * 255 // width + turn) % 256, y * 255 // height, (x * y * 7 + turn) % 256])
    return Image.frombytes("RGB", size, bytes(pixels)).convert(mode)


def saved(image: Image.Image, image_format: str, **options: Any) -> bytes:
    output = BytesIO()
    image.save(output, image_format, **options)
    return output.getvalue()


class Segment(NamedTuple):
    """A marker of a JPEG, what follows its length, and behind a start of scan the coded data."""

    marker: int
    body: bytes
    coded: bytes = b""
    fill: int = 0

    def to_bytes(self) -> bytes:
        head = b"\xff" * (1 + self.fill) + bytes([self.marker])
        return head if self.marker == EOI else head + struct.pack(">H", len(self.body) + 2) + self.body + self.coded


def split_jpeg(data: bytes) -> list[Segment]:
    """Return the segments of a sound JPEG without fill bytes, the end of image the last."""
    segments, at = [], 2
    while data[at + 1] != EOI:
        marker, (length,) = data[at + 1], struct.unpack_from(">H", data, at + 2)
        body, end = data[at + 4 : at + 2 + length], at + 2 + length
        at = end
        if marker == SOS:
            while data[at] != 0xFF or data[at + 1] in (0, *range(0xD0, 0xD8)):
                at += 1
        segments.append(Segment(marker, body, data[end:at]))
    return [*segments, Segment(EOI, b"")]


def join_jpeg(segments: list[Segment]) -> bytes:
    return b"\xff\xd8" + b"".join(segment.to_bytes() for segment in segments)


def with_segments(data: bytes, *extra: tuple[int, bytes]) -> bytes:
    """Return a JPEG with these segments behind its first one."""
    first, *rest = split_jpeg(data)
    return join_jpeg([first, *(Segment(marker, body) for marker, body in extra), *rest])


def without_segments(data: bytes, *markers: int) -> bytes:
    return join_jpeg([segment for segment in split_jpeg(data) if segment.marker not in markers])


class Chunk(NamedTuple):
    """A chunk of a PNG or a WebP."""

    kind: bytes
    body: bytes


def split_png(data: bytes) -> list[Chunk]:
    chunks, at = [], len(PNG_SIGNATURE)
    while at < len(data):
        length, kind = struct.unpack_from(">L4s", data, at)
        chunks.append(Chunk(kind, data[at + 8 : at + 8 + length]))
        at += 12 + length
    return chunks


def join_png(chunks: list[Chunk]) -> bytes:
    """Return a PNG with right checksums."""
    return PNG_SIGNATURE + b"".join(
        struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body)) for kind, body in chunks
    )


def with_chunks(data: bytes, *extra: tuple[bytes, bytes], before: bytes = b"IDAT") -> bytes:
    """Return a PNG with these chunks before its first chunk of that type."""
    chunks = split_png(data)
    place = next(place for place, chunk in enumerate(chunks) if chunk.kind == before)
    return join_png([*chunks[:place], *(Chunk(*chunk) for chunk in extra), *chunks[place:]])


def split_webp(data: bytes) -> list[Chunk]:
    chunks, at = [], 12
    while at < len(data):
        kind, length = struct.unpack_from("<4sL", data, at)
        chunks.append(Chunk(kind, data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return chunks


def join_webp(chunks: list[Chunk]) -> bytes:
    body = b"WEBP" + b"".join(
        kind + struct.pack("<L", len(part)) + part + b"\0" * (len(part) % 2) for kind, part in chunks
    )
    return b"RIFF" + struct.pack("<L", len(body)) + body


def gif_head_bytes(data: bytes) -> int:
    """Return where the blocks of a GIF begin, behind the screen and its palette."""
    return 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)


def with_gif_blocks(data: bytes, blocks: bytes) -> bytes:
    """Return a GIF with these blocks before all others."""
    at = gif_head_bytes(data)
    return data[:at] + blocks + data[at:]


def exif(orientation: int | None = None, note: bytes = b"", order: str = "<") -> bytes:
    """Return Exif data, without the head that JPEG puts before it."""
    tags: list[tuple[int, int, int, int | None]] = []
    if note:
        tags.append((0x010E, 2, len(note) + 5, None))
    if orientation is not None:
        tags.append((0x0112, 3, 1, orientation))
    behind = 8 + 2 + 12 * len(tags) + 4
    body = struct.pack(order + "H", len(tags))
    for tag, kind, count, value in tags:
        body += struct.pack(order + "HHL", tag, kind, count)
        body += struct.pack(order + "L", behind) if value is None else struct.pack(order + "HH", value, 0)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    text = note + b"....\0" if note else b""
    return mark + struct.pack(order + "L", 8) + body + bytes(4) + text


def xmp(orientation: int | None = None, note: str = "") -> bytes:
    """Return an XMP packet, without the head that JPEG puts before it."""
    turned = "" if orientation is None else f' tiff:Orientation="{orientation}"'
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/"{turned}>{note}</rdf:Description>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()
