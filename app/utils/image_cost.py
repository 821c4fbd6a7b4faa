"""Judges from an image's header what decoding it will take. The factors are measured: docs/benchmarks.md."""

from dataclasses import dataclass
from typing import Any

from PIL import Image

_PIXEL_BYTES = {"1": 1, "L": 1, "P": 1}
"""What Pillow takes for a pixel of a mode; 4 for all others. Those are shown in RGB, at 4 more."""

_CODEC_PIXEL_BYTES = {"WEBP": 8, "AVIF": 12, "HEIF": 12}
"""What a codec takes beside Pillow's own picture, for a pixel, at its worst."""

_FIXED_BYTES = 12 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class DecodingCost:
    """What decoding an image will take: at its peak so many bytes, and time in proportion to its pixels."""

    pixels: int
    memory_bytes: int


def target_mode(image: Image.Image) -> str:
    """Return the mode in which an image is shrunk."""
    return "RGBA" if image.has_transparency_data else "RGB"


def estimate(image: Image.Image, full_size: tuple[int, int], scans: int, file_bytes: int) -> DecodingCost:
    """Return what it will take to decode an image, which was opened and told its draft size.

    `full_size` is its size in pixels before that, `scans` are those of a JPEG.
    """
    pixels = full_size[0] * full_size[1]
    pixel_bytes = _PIXEL_BYTES.get(image.mode, 4)
    if target_mode(image) != image.mode:
        pixel_bytes += 4
    if target_mode(image) == "RGBA":
        pixel_bytes += 4  # shrunk with its colours multiplied by its alpha, in a copy
    decoded = image.width * image.height * pixel_bytes
    codec = pixels * _CODEC_PIXEL_BYTES.get(image.format or "", 0)
    if image.format in ("JPEG", "MPO") and (scans > 1 or image.info.get("progressive")):
        codec = int(pixels * _coefficient_bytes(image))
    return DecodingCost(pixels, 2 * file_bytes + decoded + codec + _FIXED_BYTES)


def _coefficient_bytes(image: Image.Image) -> float:
    """Return how many bytes a pixel takes while the scans of a JPEG are put together: two for each component.

    Chroma is usually stored at a half or a quarter of the pixels.
    """
    layers: list[tuple[Any, int, int, Any]] = getattr(image, "layer", [])
    widest, highest = (max((layer[place] for layer in layers), default=1) or 1 for place in (1, 2))
    return 2 * sum(layer[1] * layer[2] for layer in layers) / (widest * highest)
