"""A photo and its names. A smaller copy is a photo of its own, with names of its own."""

import hashlib
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Self

from photo_classifier.content_hash.content_hash import content_hash
from photo_classifier.errors import PhotoUnreadable

MAX_PHOTO_BYTES = 100 * 1024 * 1024
"""The largest file that is read. What the service takes is its `MAX_IMAGE_SIZE_MB`; a larger photo may be shrunk."""

PhotoSource = bytes | str | PathLike[str]
"""The bytes of an image file, or its path."""


@dataclass(frozen=True, slots=True)
class Names:
    """What a photo is asked for by, before it is uploaded."""

    image_hash: str
    """SHA-256 of the file, 64 lower-case hexadecimal digits."""
    content_hash: str | None = None
    """The hash of what decodes (`c1:...`); None where the file has no such name."""

    @classmethod
    def of(cls, data: bytes) -> Self:
        return cls(hashlib.sha256(data).hexdigest(), content_hash(data))


@dataclass(frozen=True, slots=True)
class Photo:
    """An image file in memory."""

    data: bytes
    names: Names

    @classmethod
    def of(cls, source: PhotoSource) -> Self:
        """Read and hash a photo. Raises `PhotoUnreadable`."""
        data = source if isinstance(source, bytes) else read_file(Path(source))
        if not data:
            raise PhotoUnreadable("The file is empty.")
        if len(data) > MAX_PHOTO_BYTES:
            raise PhotoUnreadable(f"The file is larger than {MAX_PHOTO_BYTES} bytes.")
        return cls(data, Names.of(data))


def read_file(path: Path) -> bytes:
    """Return the bytes of a file, at most one more than are allowed. Raises `PhotoUnreadable`."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_PHOTO_BYTES + 1)
    except OSError as error:
        raise PhotoUnreadable(error.strerror or type(error).__name__) from error
