"""Looks at and re-encodes images with Pillow. Pure functions on bytes; slow ones, for a process of their own."""

import importlib
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

from PIL import ExifTags, Image, UnidentifiedImageError

from app.errors import ImageTooManyPixels, InvalidImage, UnsupportedFormat
from app.models.identity import Fingerprint
from app.utils.image_cost import DecodingCost, estimate, target_mode
from app.utils.image_structure import examine, too_complex
from app.utils.pdq import pdq, squared

# Pillow's own limit warns where we need an error and raises where we have our own code; ours is checked in `_open`.
Image.MAX_IMAGE_PIXELS = None

MAX_PIXELS_WITHOUT_DRAFT = 24_000_000
"""Most pixels of a format that cannot be decoded at reduced size. WebP takes 16 bytes a pixel: 384 MB here."""

MAX_SCANNED_PIXELS = 1_000_000_000
"""Most pixels times scans of a JPEG: each scan goes over the whole picture. 50 megapixels in 10 scans are usual."""

MIN_SHORT_SIDE = 200
"""Below this many pixels on the short edge vision models get worse, so that a long image is shrunk less."""

MAX_LONG_SIDE = 2048
"""However narrow an image is, it is sent no longer than this: vendors refuse very long ones."""

JPEG_QUALITY = 85

# What Pillow and its codecs raise on damaged files of the accepted formats, as fuzzing found.
_DECODE_ERRORS = (
    ArithmeticError,
    AssertionError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """Which images are accepted: Pillow's names of the formats, and the most pixels of one image."""

    formats: frozenset[str]
    max_pixels: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture as a model gets it: a JPEG. And what it looks like, to be found by other pictures of the same."""

    jpeg: bytes
    fingerprint: Fingerprint


def prepare_image(
    data: bytes, limits: ImageLimits, max_side: int, admit: Callable[[DecodingCost], None] = lambda _: None
) -> Prepared:
    """Return the first frame as a JPEG: upright, on white, at most `max_side` pixels long, without any metadata.

    Small images are not enlarged, and the short side stays at 200 or more where it was. Structure, format and pixels
    are checked from the header, then `admit` is called, and only then anything is decoded. Raises `UnsupportedFormat`,
    `ImageTooManyPixels`, `InvalidImage`, or what `admit` raises.
    """
    image, scans = _open(data, limits)
    with image:
        original = image.size
        size = _target_size(original, max_side)
        with _damage_is_invalid():
            # Lets the JPEG decoder work at 1/2, 1/4 or 1/8 scale: a fraction of the time and the memory.
            image.draft("RGB", size)
            cost = estimate(image, original, scans, len(data))
        admit(cost)
        with _damage_is_invalid():
            image.load()
            orientation = _orientation(image)
            # Shrunk first: what follows is done to a small picture.
            picture = _shrinkable(image)
            small = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
            jpeg = _as_jpeg(_on_white(small), orientation)
            hashed, quality = pdq(_upright(_on_white(squared(picture)), orientation))
    width, height = original[::-1] if orientation in _SIDEWAYS else original
    return Prepared(jpeg, Fingerprint(hashed, quality, width, height))


@contextmanager
def _damage_is_invalid() -> Iterator[None]:
    try:
        yield
    except _DECODE_ERRORS as error:
        raise InvalidImage(detail=type(error).__name__) from error


def _as_jpeg(picture: Image.Image, orientation: Image.Transpose | None) -> bytes:
    upright = _upright(picture, orientation)
    upright.info = {}  # what is left of the original's metadata: a comment, a colour profile
    output = BytesIO()
    upright.save(output, "JPEG", quality=JPEG_QUALITY)
    return output.getvalue()


def _upright(picture: Image.Image, orientation: Image.Transpose | None) -> Image.Image:
    return picture if orientation is None else picture.transpose(orientation)


def enable_heif() -> None:
    """Let Pillow read HEIC, the format of iPhones. Raises ImportError where the package pillow-heif is missing."""
    pillow_heif = importlib.import_module("pillow_heif")
    pillow_heif.register_heif_opener(thumbnails=False)


def _open(data: bytes, limits: ImageLimits) -> tuple[Image.Image, int]:
    """Read the header, and no more, of an image that the limits admit. Return the image and its number of scans."""
    structure = examine(data)
    _check_pixels(structure.pixels, limits, draftable=False)
    with _damage_is_invalid():
        try:
            image = Image.open(BytesIO(data), formats=sorted(limits.formats))
        except UnidentifiedImageError as error:
            raise UnsupportedFormat(_accepts(limits)) from error
    # Phones write MPO, a JPEG with more pictures behind the first; it counts as JPEG.
    draftable = image.format in ("JPEG", "MPO")
    pixels = image.width * image.height
    _check_pixels(pixels, limits, draftable=draftable)
    if draftable and structure.scans * pixels > MAX_SCANNED_PIXELS:
        raise too_complex("scans")
    return image, structure.scans


def _check_pixels(pixels: int, limits: ImageLimits, *, draftable: bool) -> None:
    most = limits.max_pixels if draftable else min(limits.max_pixels, MAX_PIXELS_WITHOUT_DRAFT)
    if pixels > most:
        raise ImageTooManyPixels(f"The image has more than {most} pixels.")


def _accepts(limits: ImageLimits) -> str:
    return f"The file is not an image of an accepted format ({', '.join(sorted(limits.formats))})."


def _target_size(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    long, short = max(size), min(size)
    scale = min(1.0, max(max_side / long, MIN_SHORT_SIDE / short), max(MAX_LONG_SIDE, max_side) / long)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _orientation(image: Image.Image) -> Image.Transpose | None:
    """Return how to turn the picture upright. A photo whose EXIF is damaged is still a photo."""
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _DECODE_ERRORS:
        return None


# EXIF orientation 2 to 8: how the camera was held, so what has to be done to see the scene upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


_SIDEWAYS = (
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
)


def _shrinkable(image: Image.Image) -> Image.Image:
    """Return the picture in RGB, or where there is transparency in RGBa: with its colours multiplied by its alpha."""
    if image.mode.startswith("I;16") or image.mode == "I":
        # Pillow would cut 16-bit grey off at 255 instead of scaling it.
        return image.point(lambda value: value / 257).convert("L").convert("RGB")
    wanted = target_mode(image)
    picture = image if image.mode == wanted else image.convert(wanted)  # convert() would copy it
    # Multiplied here, and not by resize() for each size anew, which could not reduce it first either.
    return picture.convert("RGBa") if wanted == "RGBA" else picture


def _on_white(image: Image.Image) -> Image.Image:
    """Return the picture as it looks on paper. Dropping alpha would show colours that nobody was meant to see."""
    if image.mode == "RGB":
        return image
    paper = Image.new("RGBA", image.size, "white")
    paper.alpha_composite(image.convert("RGBA"))
    return paper.convert("RGB")
