"""Changes image files as programs, damage and attackers do: by bytes, by parts, and with parts of another file."""

from collections.abc import Callable
from typing import TypeVar

from tests.support.any_metadata import Chance, any_chunk, any_exif, any_gif_block, any_segment, any_xmp, flipped
from tests.support.picture_files import (
    APP0,
    COM,
    DHT,
    DQT,
    EXIF_HEAD,
    SOS,
    Chunk,
    Segment,
    gif_head_bytes,
    join_jpeg,
    join_png,
    join_webp,
    split_jpeg,
    split_png,
    split_webp,
    with_gif_blocks,
)

Part = TypeVar("Part", Segment, Chunk)

_METADATA = (*range(APP0, 0xF0), COM)


def damaged(data: bytes, other: bytes, chance: Chance) -> bytes:
    """Return the file changed without regard to its structure."""
    place = chance.randrange(len(data) + 1)
    match chance.randrange(7):
        case 0:
            return data[:place]
        case 1:
            return data[:place] + data[place + chance.randrange(1, 40) :]
        case 2:
            return data[:place] + data[max(0, place - chance.randrange(1, 60)) :]
        case 3:
            return data[:place] + chance.randbytes(chance.randrange(1, 20)) + data[place:]
        case 4:
            return data[:place] + other[chance.randrange(len(other) + 1) :]
        case 5:
            return other[: chance.randrange(1, 40)] + data
    return flipped(data, chance)


def with_tail(data: bytes, other: bytes, chance: Chance) -> bytes:
    """Return the file with something behind it."""
    zeros = bytes(chance.randrange(1, 400))
    return data + chance.choice((zeros, other, chance.randbytes(30), b"\xff\xd9", b";", b"IEND", data))


def changed_metadata(data: bytes, chance: Chance) -> bytes:
    """Return the file with other metadata, its picture untouched where that metadata is not about the picture."""
    if data.startswith(b"\xff\xd8"):
        segments = split_jpeg(data)
        scan = next(place for place, segment in enumerate(segments) if segment.marker == SOS)
        for _ in range(chance.randrange(1, 4)):
            segments.insert(chance.randrange(scan + 1), any_segment(chance))
        if chance.random() < 0.3:
            segments = [segment for segment in segments if segment.marker not in _METADATA or chance.random() < 0.5]
        if chance.random() < 0.2:
            segments = [segment._replace(fill=chance.choice((0, 0, 1, 3))) for segment in segments]
        return join_jpeg(segments)
    if data.startswith(b"\x89PNG"):
        chunks = _recut(split_png(data), chance)
        for _ in range(chance.randrange(1, 4)):
            chunks.insert(chance.randrange(1, len(chunks)), any_chunk(chance))
        return join_png(chunks)
    if data.startswith(b"RIFF"):
        return join_webp(_with_webp_metadata(split_webp(data), chance))
    if data[4:8] == b"ftyp":
        return _with_other_items(data, chance)
    return with_gif_blocks(data, any_gif_block(chance))


def _recut(chunks: list[Chunk], chance: Chance) -> list[Chunk]:
    """Return the chunks of a PNG with its pixels cut into others."""
    packed = b"".join(chunk.body for chunk in chunks if chunk.kind == b"IDAT")
    cuts = sorted(chance.randrange(len(packed) + 1) for _ in range(chance.choice((0, 0, 1, 5))))
    pieces = [packed[start:end] for start, end in zip([0, *cuts], [*cuts, len(packed)], strict=True)]
    first = next((place for place, chunk in enumerate(chunks) if chunk.kind == b"IDAT"), len(chunks))
    others = [chunk for chunk in chunks if chunk.kind != b"IDAT"]
    return others[:first] + [Chunk(b"IDAT", piece) for piece in pieces] + others[first:]


def _with_webp_metadata(chunks: list[Chunk], chance: Chance) -> list[Chunk]:
    makers: tuple[Callable[[], Chunk], ...] = (
        lambda: Chunk(b"EXIF", chance.choice((b"", b"", EXIF_HEAD)) + any_exif(chance)),
        lambda: Chunk(b"XMP ", any_xmp(chance)),
        lambda: Chunk(b"ICCP", chance.randbytes(chance.randrange(9))),
        lambda: Chunk(b"junk", b"junk"),
    )
    extra = [chance.choice(makers)() for _ in range(chance.choice((1, 1, 2)))]
    flags = sum({b"EXIF": 8, b"XMP ": 4, b"ICCP": 32}.get(kind, 0) for kind in {chunk.kind for chunk in extra})
    first = chunks[0]
    if first.kind == b"VP8X":
        chunks = [Chunk(b"VP8X", bytes([first.body[0] | flags]) + first.body[1:]), *chunks[1:]]
    else:
        flags |= 16 * chance.choice((0, 0, 1))
        chunks = [Chunk(b"VP8X", bytes([flags, 0, 0, 0, 15, 0, 0, 11, 0, 0])), *chunks]
    for chunk in extra:
        chunks.insert(chance.choice((len(chunks), len(chunks), chance.randrange(1, len(chunks) + 1))), chunk)
    return chunks


def _with_other_items(data: bytes, chance: Chance) -> bytes:
    """Return a HEIC with other Exif or XMP in the same places, of the same length or nearly so."""
    place = max(data.rfind(b"II*\0"), data.rfind(b"MM\0*"))
    packet = data.find(b"<x:xmpmeta")
    if place < 0:
        return flipped(data, chance)
    if chance.random() < 0.6:
        end = packet if packet > place else len(data)
        size = end - place
        return data[:place] + any_exif(chance).ljust(size, b"\0")[:size] + data[end:]
    size = len(data) - packet
    text = flipped(data[packet:], chance) if chance.random() < 0.5 else any_xmp(chance).ljust(size, b" ")[:size]
    return data[:packet] + text


def changed_structure(data: bytes, other: bytes, chance: Chance) -> bytes:
    """Return the file with parts taken out, doubled, put elsewhere, changed, or taken from the other file."""
    if data.startswith(b"\xff\xd8"):
        theirs = split_jpeg(other) if other.startswith(b"\xff\xd8") else [any_segment(chance)]
        return join_jpeg(_shuffled(split_jpeg(data), theirs, _changed_segment, chance))
    if data.startswith(b"\x89PNG"):
        chunks = split_png(other) if other.startswith(b"\x89PNG") else [any_chunk(chance)]
        return join_png(_shuffled(split_png(data), chunks, _changed_chunk, chance))
    if data.startswith(b"RIFF"):
        chunks = split_webp(other) if other.startswith(b"RIFF") else [Chunk(b"EXIF", any_exif(chance))]
        return join_webp(_shuffled(split_webp(data), chunks, _changed_chunk, chance))
    if data[4:8] == b"ftyp":
        end = data.index(b"mdat")  # the boxes before tell where everything is
        return flipped(data[:end], chance) + data[end:]
    if chance.random() < 0.5:
        return _with_short_codes(data, chance)
    head = gif_head_bytes(data)
    start = chance.randrange(head, len(data))
    tail = chance.choice((b"", bytes(200), data[start:], b"!\xfe\x05hello\0" + data[start:], other))
    return data[:start] + chance.choice((b"", b"\0", chance.randbytes(2))) + tail


def _with_short_codes(data: bytes, chance: Chance) -> bytes:
    """Return a GIF whose first picture has too few codes, and something behind it that might be taken for them."""
    picture = data.index(b",", gif_head_bytes(data))
    start = picture + 11 + (3 << ((data[picture + 9] & 7) + 1) if data[picture + 9] & 0x80 else 0)
    codes = data[start + 1 : start + 1 + data[start] // chance.choice((1, 2, 3))]
    # Read as codes, these extensions are the first colours of the palette, over and over.
    behind = (b"!\x01\x20" + bytes([chance.randrange(2)]) * 31 + b"\0\0") * chance.choice((0, 8, 9))
    return data[:start] + bytes([len(codes)]) + codes + b"\0" + behind + b";" + bytes(chance.choice((0, 0, 300)))


def _shuffled(
    parts: list[Part], theirs: list[Part], change: Callable[[Part, Chance], Part], chance: Chance
) -> list[Part]:
    parts = list(parts)
    for _ in range(chance.choice((1, 1, 2))):
        place, target = chance.randrange(len(parts)), chance.randrange(len(parts) + 1)
        match chance.randrange(6):
            case 0 if len(parts) > 1:
                del parts[place]
            case 1:
                parts.insert(target, parts[place])
            case 2:
                parts.insert(min(target, len(parts) - 1), parts.pop(place))
            case 3:
                parts.insert(target, chance.choice(theirs))
            case _:
                parts[place] = change(parts[place], chance)
    return parts


def _changed_segment(segment: Segment, chance: Chance) -> Segment:
    if segment.marker == SOS and chance.random() < 0.7:
        coded = bytearray(segment.coded)
        place = chance.randrange(len(coded) + 1)
        coded[place:place] = chance.choice((b"\xff\xd0", b"\xff\xff", b"\xff\xd9", b"\xff\0", b"\xff\xe1\0\2", b"\0"))
        if chance.random() < 0.5:
            del coded[place : place + chance.randrange(1, 9)]
        return segment._replace(coded=bytes(coded))
    if chance.random() < 0.2:
        return segment._replace(marker=chance.choice((DHT, DQT, 0xC1, 0xC2, 0xDC, 0xDD, 0xC8, 0x01, 0xD8, 0xFE)))
    return segment._replace(body=flipped(segment.body, chance))


def _changed_chunk(chunk: Chunk, chance: Chance) -> Chunk:
    match chance.randrange(4):
        case 0:
            return chunk._replace(body=chunk.body[: chance.randrange(len(chunk.body) + 1)])
        case 1:
            return chunk._replace(body=chunk.body + chance.randbytes(chance.randrange(1, 5)))
    return chunk._replace(body=flipped(chunk.body, chance))
