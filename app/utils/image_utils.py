"""Looking at and re-encoding images with Pillow. Pure functions on bytes; slow ones, for a worker thread."""

import struct
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

from app.errors import ImageTooManyPixels, InvalidImage, UnsupportedFormat

# Pillow's own limit warns where we need an error and raises where we have our own code; ours is checked in `_open`.
Image.MAX_IMAGE_PIXELS = None

MAX_PIXELS_WITHOUT_DRAFT = 24_000_000
"""Most pixels of a format that cannot be decoded at reduced size. WebP takes 15 bytes a pixel: 370 MB at this limit."""

MIN_SHORT_SIDE = 200
"""Below this many pixels on the short edge vision models get worse, so that a long image is shrunk less."""

JPEG_QUALITY = 85

# What Pillow raises on damaged files of the accepted formats, as fuzzing found. MemoryError: absurd sizes.
_DECODE_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    KeyError,
    IndexError,
    OverflowError,
    MemoryError,
    struct.error,
)


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """Which images are accepted: Pillow's names of the formats, and the most pixels of one image."""

    formats: frozenset[str]
    max_pixels: int


def prepare_jpeg(data: bytes, limits: ImageLimits, max_side: int) -> bytes:
    """Return the first frame as a JPEG: upright, on white, at most `max_side` pixels long, without any metadata.

    Small images are not enlarged, and the short side stays at 200 or more where it was. Format and pixels are checked
    from the header, before anything is decoded. Raises `UnsupportedFormat`, `ImageTooManyPixels` or `InvalidImage`.
    """
    with _open(data, limits) as image:
        try:
            size = _target_size(image.size, max_side)
            # Lets the JPEG decoder work at 1/2, 1/4 or 1/8 scale: a fraction of the time and the memory.
            image.draft("RGB", size)
            image.load()
            upright = ImageOps.exif_transpose(_to_rgb(image))
            upright.thumbnail(_target_size(upright.size, max_side), Image.Resampling.LANCZOS)
            upright.info = {}
            output = BytesIO()
            upright.save(output, "JPEG", quality=JPEG_QUALITY)
        except _DECODE_ERRORS as error:
            raise InvalidImage(detail=type(error).__name__) from error
    return output.getvalue()


def _open(data: bytes, limits: ImageLimits) -> Image.Image:
    """Read the header, and no more, of an image that the limits admit."""
    try:
        image = Image.open(BytesIO(data), formats=sorted(limits.formats))
    except UnidentifiedImageError as error:
        raise UnsupportedFormat(_accepts(limits)) from error
    except _DECODE_ERRORS as error:
        raise InvalidImage(detail=type(error).__name__) from error
    # Phones write MPO, a JPEG with more pictures behind the first; it counts as JPEG.
    draftable = image.format in ("JPEG", "MPO")
    most = limits.max_pixels if draftable else min(limits.max_pixels, MAX_PIXELS_WITHOUT_DRAFT)
    if image.width * image.height > most:
        raise ImageTooManyPixels(f"The image has more than {most} pixels.")
    return image


def _accepts(limits: ImageLimits) -> str:
    return f"The file is not an image of an accepted format ({', '.join(sorted(limits.formats))})."


def _target_size(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    long, short = max(size), min(size)
    scale = min(1.0, max(max_side / long, MIN_SHORT_SIDE / short))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _to_rgb(image: Image.Image) -> Image.Image:
    """Return the picture as a viewer would show it on white paper; EXIF stays for the orientation."""
    if image.mode.startswith("I;16") or image.mode == "I":
        # Pillow would cut 16-bit grey off at 255 instead of scaling it.
        return image.point(lambda value: value / 257).convert("L").convert("RGB")
    if image.has_transparency_data:
        # Dropping alpha would bring out colours that nobody was meant to see.
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        paper.alpha_composite(layer)
        paper.info = image.info
        return paper.convert("RGB")
    return image.convert("RGB")
