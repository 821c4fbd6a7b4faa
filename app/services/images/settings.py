"""Which images are accepted."""

from importlib.util import find_spec
from pathlib import Path

from pydantic import BaseModel, Field, field_validator

from app.setting_types import CommaSeparated

IMAGE_FORMATS = {
    "jpg": "JPEG",
    "jpeg": "JPEG",
    "png": "PNG",
    "webp": "WEBP",
    "gif": "GIF",
    "avif": "AVIF",
    "heic": "HEIF",
    "heif": "HEIF",
}
"""The names ALLOWED_IMAGE_FORMATS takes, and what Pillow calls them."""


class ImageSettings(BaseModel):
    """Limits of images and uploads."""

    max_image_size_mb: float = Field(10, gt=0, le=50, description="Largest accepted image file in MiB")
    max_uploads_in_flight_mb: int = Field(
        256, ge=1, le=1_048_576, description="Most MiB of uploads in memory per process; beyond it they are refused"
    )
    image_max_pixels: int = Field(
        50_000_000, ge=10_000, le=200_000_000, description="Most pixels of an image; other formats than JPEG: 24000000"
    )
    image_decode_seconds: float = Field(
        5, gt=0, le=60, description="Most seconds of processor time that decoding an image of 40 megapixels may take"
    )
    image_decode_memory_mb: int = Field(
        0,
        ge=0,
        le=1_048_576,
        description="Most MiB for decoding large images at a time, over all processes; 0: by the memory there is",
    )
    image_decode_lock_file: Path | None = Field(
        None, description="File in memory by which processes share that; gunicorn's workers have one of their own"
    )
    allowed_image_formats: CommaSeparated = Field(
        ("jpg", "jpeg", "png", "webp", "gif"),
        description="Accepted formats, judged by content: also avif, and heic of iPhones",
    )

    @field_validator("allowed_image_formats")
    @classmethod
    def _known_formats(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(name.lower() for name in names)
        if not names or any(name not in IMAGE_FORMATS for name in names):
            raise ValueError(f"takes one or more of {', '.join(IMAGE_FORMATS)}")
        if {"heic", "heif"} & set(names) and find_spec("pillow_heif") is None:
            raise ValueError("heic needs the package pillow-heif, which is not installed")
        return names

    @property
    def max_image_bytes(self) -> int:
        return int(self.max_image_size_mb * 1024 * 1024)

    @property
    def pillow_formats(self) -> frozenset[str]:
        return frozenset(IMAGE_FORMATS[name] for name in self.allowed_image_formats)
