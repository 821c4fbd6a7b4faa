"""Makes a smaller copy of a photo for its way to the service, where Pillow is installed.

The service looks at some 500 pixels; a smaller copy is the same question at a fraction of the bytes. It has names of
its own, by which it is asked for before it is sent, and the service learns nothing of the original's.
"""

from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

MAX_SIDE_PIXELS = 1600
QUALITY = 85
MAX_PIXELS = 100_000_000
"""A picture with more is not decoded here. At four bytes each that is 400 MB for a moment."""

_FORMATS = ("JPEG", "PNG", "WEBP")
"""HEIC is not among them: where it can be decoded at all depends on what else is installed."""


def smaller_copy(data: bytes) -> bytes:
    """Return an upright JPEG of at most 1,600 pixels a side, without metadata; the original where that is smaller or
    cannot be made."""
    try:
        from PIL import Image
    except ImportError:
        return data
    try:
        with Image.open(BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS or not _is_plain(image):
                return data
            copy = _encoded(image)
    except (OSError, ValueError, SyntaxError, ArithmeticError, MemoryError, Warning, Image.DecompressionBombError):
        return data  # the service says better what is wrong with the file
    return copy if len(copy) < len(data) else data


def _is_plain(image: "Image.Image") -> bool:
    """Whether a JPEG can hold what is seen: one picture, of 8 bits a channel."""
    return not getattr(image, "is_animated", False) and image.mode[0] not in "IF"


def _encoded(image: "Image.Image") -> bytes:
    from PIL import Image, ImageOps

    image.draft(
        "RGB", (MAX_SIDE_PIXELS, MAX_SIDE_PIXELS)
    )  # a JPEG is decoded at a half or a quarter where that will do
    upright = ImageOps.exif_transpose(image)
    upright.thumbnail((MAX_SIDE_PIXELS, MAX_SIDE_PIXELS), Image.Resampling.LANCZOS)
    output = BytesIO()
    _on_white(upright).save(output, "JPEG", quality=QUALITY)
    return output.getvalue()


def _on_white(image: "Image.Image") -> "Image.Image":
    from PIL import Image

    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(white, layer).convert("RGB")
