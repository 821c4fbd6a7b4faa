"""One photo as 22 clients send it, with nothing but Pillow and what can be done to the bytes of a file."""

from collections.abc import Callable
from functools import partial
from io import BytesIO

from PIL import Image, ImageOps

from tests.support.jpeg_surgery import METADATA_VERSIONS, with_comment, with_tables_late, with_tables_merged

Version = Callable[[bytes], bytes]


def shrunk(
    photo: bytes,
    long_side: int = 1024,
    quality: int = 80,
    resample: Image.Resampling = Image.Resampling.LANCZOS,
    image_format: str = "JPEG",
    **save: object,
) -> bytes:
    """Return the photo as the specification's client sends it: upright, shrunk, encoded anew, without metadata."""
    with Image.open(BytesIO(photo)) as image:
        upright = ImageOps.exif_transpose(image)
        scale = min(1.0, long_side / max(upright.size))
        small = upright.resize((round(upright.width * scale), round(upright.height * scale)), resample)
    output = BytesIO()
    Image.frombytes("RGB", small.size, small.convert("RGB").tobytes()).save(
        output, image_format, quality=quality, **save
    )
    return output.getvalue()


def unchanged(photo: bytes) -> bytes:
    return photo


SAME_PICTURE: dict[str, Version] = {
    "the original": unchanged,
    **METADATA_VERSIONS,
    "a caption": with_comment,
    "tables merged": with_tables_merged,
    "tables late": with_tables_late,
}
"""Files that decode to equal pixels: the question to a model is the same one."""

ENCODED_ANEW: dict[str, Version] = {
    "1024 px, Lanczos": shrunk,
    "1024 px, bicubic": partial(shrunk, resample=Image.Resampling.BICUBIC),
    "1024 px, bilinear": partial(shrunk, resample=Image.Resampling.BILINEAR),
    "1024 px, box": partial(shrunk, resample=Image.Resampling.BOX),
    "1024 px, q85": partial(shrunk, quality=85),
    "1024 px, progressive": partial(shrunk, progressive=True, quality=75),
    "1024 px, all chroma": partial(shrunk, subsampling="4:4:4"),
    "1024 px, optimised": partial(shrunk, optimize=True, quality=78),
    "1280 px": partial(shrunk, long_side=1280),
    "800 px, q70": partial(shrunk, long_side=800, quality=70),
    "640 px, q60": partial(shrunk, long_side=640, quality=60),
    "1024 px, WebP": partial(shrunk, image_format="WEBP"),
    "800 px, WebP": partial(shrunk, long_side=800, quality=70, image_format="WEBP"),
    "640 px, PNG": partial(shrunk, long_side=640, image_format="PNG"),
}
"""Files of other pixels, that look the same."""

CLIENT_VERSIONS = {**SAME_PICTURE, **ENCODED_ANEW}
