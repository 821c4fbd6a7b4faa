"""Image files that no camera writes: small, within all limits of bytes and pixels, and long or large to decode."""

from functools import cache
from io import BytesIO

from PIL import Image

START_OF_SCAN = b"\xff\xda"
END_OF_IMAGE = b"\xff\xd9"


def jpeg_of_scans(scans: int, size: tuple[int, int] = (1000, 1000)) -> bytes:
    """Return a progressive JPEG of so many scans, all but the first few of them empty."""
    output = BytesIO()
    Image.new("L", size, 128).save(output, "JPEG", progressive=True)
    plain = output.getvalue().removesuffix(END_OF_IMAGE)
    last = plain[plain.rindex(START_OF_SCAN) :]
    return plain + last * (scans - plain.count(START_OF_SCAN)) + END_OF_IMAGE


def jpeg_of_segments(segments: int) -> bytes:
    """Return a JPEG with so many small segments of Exif in it, which Pillow joins one by one."""
    output = BytesIO()
    Image.new("L", (64, 64), 128).save(output, "JPEG")
    plain = output.getvalue()
    return plain[:2] + b"\xff\xe1\x00\x09Exif\0\0x" * segments + plain[2:]


@cache
def flat_webp(size: tuple[int, int]) -> bytes:
    """Return a WebP of some forty bytes that decodes to sixteen bytes for each of its pixels."""
    output = BytesIO()
    Image.new("RGBA", size, (10, 20, 30, 40)).save(output, "WEBP", lossless=True, quality=0, method=0)
    return output.getvalue()
