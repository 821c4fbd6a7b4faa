"""A model that knows some pictures by sight: whatever was done to their files, it says what they show."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Self

from PIL import Image, ImageOps

from app.models.domain import Category

_SIDE = 8


@dataclass(frozen=True)
class SeeingModel:
    """Answers with the category of the known picture that looks most like the one asked about, and with that picture's
    name as the description."""

    thumbnails: Mapping[str, bytes]
    categories: Mapping[str, Category]

    @classmethod
    def of(cls, photos: Mapping[str, bytes], categories: Mapping[str, Category]) -> Self:
        """Return a model that knows these photos by their names."""
        return cls({name: _thumbnail(photo) for name, photo in photos.items()}, categories)

    def __call__(self, jpeg: bytes) -> dict[str, Any]:
        seen = _thumbnail(jpeg)
        name = min(self.thumbnails, key=lambda known: _difference(self.thumbnails[known], seen))
        return {"category": str(self.categories[name]), "confidence": 0.9, "description": name}


def _thumbnail(photo: bytes) -> bytes:
    with Image.open(BytesIO(photo)) as image:
        image.draft("RGB", (_SIDE * 8, _SIDE * 8))
        upright = ImageOps.exif_transpose(image).convert("RGB")
        return upright.resize((_SIDE, _SIDE), Image.Resampling.BOX).tobytes()


def _difference(one: bytes, other: bytes) -> int:
    return sum(abs(left - right) for left, right in zip(one, other, strict=True))
