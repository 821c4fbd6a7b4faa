"""Finds out how a photo is turned upright, from its Exif and XMP metadata, as Pillow does.

Pillow takes the orientation from the first directory of the Exif data and, where that has none, from the XMP packet.
It forgives much in damaged metadata. Here only what is well formed has a meaning; all else leaves the file without a
name, since another version of Pillow may read it otherwise.
"""

import re
import struct

from photo_classifier.content_hash.parts import MAX_METADATA_BYTES, NoNameError, need

UPRIGHT = 1

MAX_TAGS = 512
"""Most tags of the first directory. Cameras write about fifteen."""

_ORIENTATION, _X_RESOLUTION, _RESOLUTION_UNIT = 0x0112, 0x011A, 0x0128
_SHORT, _RATIONAL = 3, 5

# Bytes of one value, by the number of the type: TIFF 6.0, section 2; the 13th is an offset of a directory.
_TYPE_BYTES = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4)

_REQUIRED_SHAPES = {_ORIENTATION: (_SHORT, 1), _X_RESOLUTION: (_RATIONAL, 1), _RESOLUTION_UNIT: (_SHORT, 1)}
"""Type and count of the tags that Pillow looks into when it opens a file: others make it refuse some."""

_IN_XMP = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')


def orientation(exif: bytes | None, xmp: bytes | None) -> int:
    """Return 1 to 8. `exif` begins with the TIFF header, `xmp` is the text of the packet.

    Raises `NoNameError` where the metadata is damaged or unusual, or struct.error where it is cut off.
    """
    found = None if exif is None else _from_exif(exif)
    if found is None and xmp is not None:
        found = _from_xmp(xmp)
    return found if found is not None and 1 <= found <= 8 else UPRIGHT


def _from_exif(exif: bytes) -> int | None:
    need(exif[:4] in (b"II*\0", b"MM\0*"))
    order = "<" if exif[:2] == b"II" else ">"
    (at,) = struct.unpack_from(order + "L", exif, 4)
    (tags,) = struct.unpack_from(order + "H", exif, at)
    need(at >= 8 and tags <= MAX_TAGS)
    found, outside = None, 0
    for place in range(at + 2, at + 2 + 12 * tags, 12):
        tag, kind, count, offset = struct.unpack_from(order + "HHLL", exif, place)
        need(kind < len(_TYPE_BYTES) and _REQUIRED_SHAPES.get(tag, (kind, count)) == (kind, count))
        size = _TYPE_BYTES[kind] * count
        if size > 4:
            need(offset + size <= len(exif))
            outside += size
        if tag == _ORIENTATION:
            need(found is None)
            (found,) = struct.unpack_from(order + "H", exif, place + 8)
    need(outside <= len(exif))
    return found


def _from_xmp(xmp: bytes) -> int | None:
    if len(xmp) > MAX_METADATA_BYTES:
        raise NoNameError
    match = _IN_XMP.search(xmp)
    return int(match[1]) if match else None
