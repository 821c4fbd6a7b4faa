"""Reads of a JPEG's metadata what changes the picture: its colours and its orientation.

The decoder (libjpeg) takes the meaning of the colours from the segments JFIF and Adobe and from the components'
numbers. Pillow refuses some files for their metadata; those have no name.
"""

from photo_classifier.content_hash import orientation
from photo_classifier.content_hash.parts import NoNameError, need

_JFIF, _APP1, _APP2, _PHOTOSHOP, _ADOBE = 0xE0, 0xE1, 0xE2, 0xED, 0xEE
_EXIF_HEAD, _XMP_HEAD = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_PHOTOSHOP_HEAD, _RESOURCE = b"Photoshop 3.0\0", b"8BIM"

_YCBCR_NUMBERS = (b"\x01\x02\x03", b"\x00\x01\x02")

MAX_RESOURCES = 2_000
"""Most Photoshop resources of one file. Photoshop itself writes about forty."""


class JpegMetadata:
    """What the segments so far tell."""

    def __init__(self) -> None:
        self._components = b""
        self._has_jfif = False
        self._adobe_transform: int | None = None
        self._exif: bytes | None = None
        self._xmp: bytes | None = None
        self._resources = 0

    def read_frame(self, frame: bytes) -> None:
        """Take the components' numbers from the frame's head. The head itself is hashed whole."""
        need(len(frame) == 6 + 3 * frame[5])
        self._components = frame[6::3]

    def read(self, marker: int, segment: bytes) -> None:
        """Look into a segment of metadata. `segment` is what follows its length."""
        if marker == _JFIF and segment.startswith(b"JFIF"):
            need(segment.startswith(b"JFIF\0") and len(segment) >= 14)
            self._has_jfif = True
        elif marker == _ADOBE and segment.startswith(b"Adobe"):
            need(self._adobe_transform is None and len(segment) >= 12)
            self._adobe_transform = segment[11]
        elif marker == _APP1 and segment.startswith(_EXIF_HEAD):
            need(self._exif is None)
            self._exif = segment[len(_EXIF_HEAD) :]
        elif marker == _APP1 and segment.startswith(_XMP_HEAD):
            need(self._xmp is None)
            self._xmp = segment[len(_XMP_HEAD) :]
        elif marker == _APP2 and segment.startswith(b"ICC_PROFILE\0"):
            need(len(segment) >= 14)
        elif marker == _PHOTOSHOP and segment.startswith(_PHOTOSHOP_HEAD):
            self._check_resources(segment)

    def orientation(self) -> int:
        """Return 1 to 8: how the photo is turned upright."""
        return orientation.orientation(self._exif, self._xmp)

    def colours(self) -> int:
        """Return the letter of what the components mean: grey, YCbCr, RGB, CMYK, or YCCK.

        JFIF beside an Adobe segment that says otherwise has no name: decoders differ.
        """
        match len(self._components), self._has_jfif, self._adobe_transform:
            case 1, _, _:
                return ord("G")
            case 3, _, 1:
                return ord("Y")
            case 3, True, None:
                return ord("Y")
            case 3, False, 0:
                return ord("R")
            case 3, False, None if self._components in _YCBCR_NUMBERS:
                return ord("Y")
            case 3, False, None if self._components == b"RGB":
                return ord("R")
            case 4, _, None | 0:
                return ord("C")
            case 4, _, 2:
                return ord("K")
        raise NoNameError

    def _check_resources(self, segment: bytes) -> None:
        """Refuse a segment in which the head of a resource is cut off: Pillow refuses such files."""
        at = len(_PHOTOSHOP_HEAD)
        while segment[at : at + 4] == _RESOURCE:
            self._resources += 1
            need(self._resources <= MAX_RESOURCES)
            # Behind the mark: a number of two bytes, a name with its length before it, and the length of the data.
            name_end = at + 6 + 1 + segment[at + 6]
            name_end += name_end % 2
            need(name_end + 4 <= len(segment))
            at = name_end + 4 + int.from_bytes(segment[name_end : name_end + 4], "big")
            at += at % 2
