"""Makes metadata of image files at random, as programs, damage and attackers write it."""

import random
import struct
import zlib
from collections.abc import Callable

from tests.support.picture_files import (
    APP0,
    APP1,
    APP2,
    APP13,
    APP14,
    COM,
    EXIF_HEAD,
    XMP_HEAD,
    Chunk,
    Segment,
    exif,
    xmp,
)

Chance = random.Random

# Pillow keeps texts of a PNG beside notes of its own, by these names among others.
_KEYWORDS = (
    *(b"Comment", b"Software", b"Title", b"date:create", b"XML:com.adobe.xmp", b"Raw profile type exif"),
    *(b"transparency", b"interlace", b"bbox", b"exif", b"xmp", b"default_image", b"icc_profile", b"gamma", b""),
)


def flipped(data: bytes, chance: Chance) -> bytes:
    """Return the bytes with one or a few of them changed."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        if changed:
            changed[chance.randrange(len(changed))] = chance.choice((0, 0xFF, chance.randrange(256)))
    return bytes(changed)


def any_exif(chance: Chance) -> bytes:
    """Return Exif data: mostly sound, with tags that have any type and count, or with changed bytes."""
    order = chance.choice("<>")
    if chance.random() < 0.4:
        note = chance.choice((b"", b"a note", bytes(9)))
        return exif(chance.choice((None, None, 1, 1, *range(10))), note, order)
    tags = [_any_tag(order, chance) for _ in range(chance.randrange(5))]
    body = b"".join(struct.pack(order + "HHL", *tag[:3]) + tag[3] for tag in tags)
    head = chance.choice((exif(order=order)[:4],) * 8 + (b"MM\x2a\0", b"II\0\x2a", b"MM\0\x2b", b"Exif"))
    data = (
        head + struct.pack(order + "L", chance.choice((8, 8, 8, 8, 0, 9, 2000))) + struct.pack(order + "H", len(tags))
    )
    data += body + bytes(4) + chance.randbytes(chance.randrange(60))
    return flipped(data, chance) if chance.random() < 0.2 else data


def _any_tag(order: str, chance: Chance) -> tuple[int, int, int, bytes]:
    """Return number, type, count and value of a tag: of the orientation, of a text in or out of bounds, or any."""
    offset = struct.pack(order + "L", chance.choice((8, 30, 70, 5000)))
    turned = struct.pack(order + "HH", chance.randrange(10), 0)
    tag = chance.choice((0x010E, 0x0112, 0x011A, 0x0128, 0x8769, chance.randrange(65536)))
    kind = chance.choice((1, 2, 3, 3, 4, 5, 5, 7, 9, 10, 11, 12, 13, 16, chance.randrange(20)))
    count = chance.choice((0, 1, 1, 1, 2, 5, chance.randrange(2**32)))
    return chance.choice(
        (
            (0x0112, 3, 1, turned),
            (0x010F, 2, chance.choice((5, 20, 45)), offset),
            (tag, kind, count, chance.choice((turned, offset, bytes(4)))),
        )
    )


def any_xmp(chance: Chance) -> bytes:
    spelling = f"<tiff:Orientation>{chance.randrange(10)}</tiff:Orientation>"
    packet = xmp(chance.choice((None, None, *range(10))), chance.choice(("", "a caption", "\u00e9", spelling)))
    return flipped(packet, chance) if chance.random() < 0.1 else packet


def any_segment(chance: Chance) -> Segment:
    """Return a segment of metadata, as cameras and programs write them or nearly so."""
    resources = b"Photoshop 3.0\0" + b"".join(
        b"8BIM" + struct.pack(">H", chance.choice((0x0404, 0x03ED))) + b"\0\0" + struct.pack(">L", size) + bytes(size)
        for size in (chance.randrange(12), chance.randrange(12))
    )
    number = bytes([chance.choice((0, 1, 1, 2, 9))])
    makers: tuple[Callable[[], tuple[int, bytes]], ...] = (
        lambda: (COM, chance.randbytes(chance.randrange(20))),
        lambda: (APP1, EXIF_HEAD + any_exif(chance)),
        lambda: (APP1, EXIF_HEAD + any_exif(chance)),
        lambda: (APP1, XMP_HEAD + any_xmp(chance)),
        lambda: (APP2, (b"ICC_PROFILE\0" + number + b"\x01" + bytes(20))[: chance.choice((14, 13, 12, 34, 34))]),
        lambda: (APP2, b"MPF\0" + _any_picture_list(chance)),
        lambda: (APP2, b"FPXR\0" + chance.randbytes(9)),
        lambda: (APP13, resources[: chance.choice((len(resources), chance.randrange(len(resources))))]),
        lambda: (APP0, b"JFIF\0\1\1" + number + bytes([0, 72, 0, 72, 0, 0])[: chance.choice((2, 7, 7, 7))]),
        lambda: (APP14, (b"Adobe\0\x64\0\0\0\0" + number)[: chance.choice((6, 9, 11, 12, 12, 12))]),
        lambda: (chance.randrange(APP0, 0xF0), chance.randbytes(chance.randrange(30))),
        lambda: (chance.randrange(APP0, 0xF0), bytes(chance.randrange(30))),
    )
    return Segment(*chance.choice(makers)())


def _any_picture_list(chance: Chance) -> bytes:
    """Return the list of an MPO's pictures: how many, and where."""
    pictures = chance.choice((0, 1, 2, 2, 3, 2**31))
    rows = bytes(16 * chance.choice((0, 1, 2, 3)))
    tags = [(0xB000, 7, 4, b"0100"), (0xB001, chance.choice((4, 4, 3, 2, 5, 7)), 1, struct.pack("<L", pictures))]
    tags.append((0xB002, chance.choice((7, 7, 7, 4, 2)), len(rows), struct.pack("<L", 50)))
    body = b"II*\0" + struct.pack("<LH", 8, len(tags))
    body += b"".join(struct.pack("<HHL", *tag[:3]) + tag[3] for tag in tags) + bytes(4) + rows
    return flipped(body, chance) if chance.random() < 0.3 else body


def any_chunk(chance: Chance) -> Chunk:
    word = chance.choice(_KEYWORDS)
    text = chance.choice((b"a text", any_xmp(chance), b"1", b"\nexif\n 8\n" + any_exif(chance).hex().encode(), b""))
    packed = zlib.compress(text)
    makers: tuple[Callable[[], tuple[bytes, bytes]], ...] = (
        lambda: (b"tEXt", word + b"\0" + text),
        lambda: (b"zTXt", word + b"\0\0" + chance.choice((packed, packed, text, packed[:-3]))),
        lambda: (b"iTXt", word + b"\0\0\0en\0\0" + text),
        lambda: (b"iTXt", word + b"\0\x01\0en\0\0" + chance.choice((packed, text))),
        lambda: (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + any_xmp(chance)),
        lambda: (b"eXIf", any_exif(chance)),
        lambda: (b"iCCP", b"a profile\0\0" + chance.choice((packed, text))),
        lambda: (chance.choice((b"gAMA", b"cHRM", b"sRGB", b"pHYs")), bytes(chance.choice((0, 1, 4, 4, 9, 32)))),
        lambda: (chance.choice((b"tIME", b"bKGD", b"sBIT", b"juNk", b"vpAg")), chance.randbytes(7)),
        lambda: (b"tRNS", bytes(chance.choice((1, 2, 6, 9)))),
        lambda: (b"acTL", struct.pack(">LL", chance.choice((0, 1, 2)), 0)),
        lambda: (b"fcTL", struct.pack(">LLLLLHHBB", 0, chance.choice((16, 9)), 8, 0, 0, 1, 1, 0, 0)),
    )
    return Chunk(*chance.choice(makers)())


def any_gif_block(chance: Chance) -> bytes:
    return chance.choice(
        (
            b"!\xfe\x05hello\x00",
            b"!\xfe\x00",
            b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0",
            b"!\xff\x0bNETSCAPE2.0\0",
            b"!\xff\x0bXMP DataXMP\x03<x>\0",
            b"!\x01\x0c" + bytes(12) + b"\x02hi\0",
            b"!\xff\0",
            b"!\x01\0",
            b"!\xf9\x04" + bytes([chance.randrange(32), 0, 0, chance.randrange(9)]) + b"\0",
            b"!\xf9\x01\0\0",
            b"\0",
        )
    )
