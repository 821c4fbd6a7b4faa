"""Every format, mode, orientation, bomb and polyglot through preparation: the right pixels, or a clear 4xx."""

import struct
import zlib
from contextlib import suppress
from io import BytesIO

import pytest
from PIL import Image, ImageOps

from app.errors import ImageTooManyPixels, InvalidImage, InvalidRequest, RequestTooLarge
from app.utils.image_utils import ImageLimits, enable_heif, prepare_image
from tests.factories import make_image, save_image

enable_heif()
FORMATS = {"JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF"}
LIMITS = ImageLimits(frozenset(FORMATS), 50_000_000)


def prepared(data: bytes, max_side: int = 512) -> Image.Image:
    image = Image.open(BytesIO(prepare_image(data, LIMITS, max_side).jpeg))
    image.load()
    return image


def halves(size: tuple[int, int] = (60, 40)) -> Image.Image:
    """Return a picture whose four quarters have four colours: turned any way, it can be told which."""
    image = Image.new("RGB", size, (200, 30, 30))
    width, height = size
    image.paste((30, 200, 30), (width // 2, 0, width, height // 2))
    image.paste((30, 30, 200), (0, height // 2, width // 2, height))
    image.paste((220, 220, 40), (width // 2, height // 2, width, height))
    return image


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two pictures' quarters, taken from their middles, 0 to 255."""
    assert one.size == other.size
    width, height = one.size
    places = [(width * x // 4, height * y // 4) for x in (1, 3) for y in (1, 3)]
    pixels = [(rgb(one, place), rgb(other, place)) for place in places]
    return sum(abs(a - b) for p, q in pixels for a, b in zip(p, q, strict=True)) / 12


def rgb(image: Image.Image, place: tuple[int, int]) -> tuple[int, ...]:
    pixel = image.convert("RGB").getpixel(place)
    assert isinstance(pixel, tuple)
    return tuple(int(value) for value in pixel)


MODES = {
    "JPEG": ["RGB", "L", "CMYK", "YCbCr"],
    "PNG": ["RGB", "L", "P", "RGBA", "LA", "1", "I;16"],
    "WEBP": ["RGB", "RGBA", "L"],
    "GIF": ["P", "L", "1"],
    "AVIF": ["RGB", "RGBA", "L"],
    "HEIF": ["RGB", "RGBA", "L"],
}


@pytest.mark.parametrize(("image_format", "mode"), [(name, mode) for name, modes in MODES.items() for mode in modes])
def test_every_mode_of_every_format_shows_what_it_showed(image_format: str, mode: str) -> None:
    original = halves()
    if mode == "I;16":
        grey = original.convert("L")
        values = [value * 257 for value in grey.tobytes()]
        image = Image.frombytes("I;16", grey.size, struct.pack(f"<{len(values)}H", *values))
    else:
        image = original.convert(mode)
    expected = image.convert("RGB") if mode != "I;16" else original.convert("L")

    assert difference(prepared(save_image(image, image_format)), expected) < 30


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_every_orientation_is_turned_as_a_viewer_turns_it(image_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = save_image(halves(), image_format, exif=exif, quality=95)
    expected = ImageOps.exif_transpose(Image.open(BytesIO(data)))

    assert difference(prepared(data), expected) < 30


def test_a_photo_with_damaged_exif_is_still_a_photo() -> None:
    data = save_image(halves(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40)

    assert difference(prepared(data), halves()) < 30


@pytest.mark.parametrize("image_format", sorted(FORMATS))
@pytest.mark.parametrize("tail", [b"PK\x03\x04" + b"zip" * 50, b"<html><script>alert(1)</script>", b"\0" * 5000])
def test_what_is_appended_to_an_image_is_not_passed_on(image_format: str, tail: bytes) -> None:
    jpeg = prepare_image(make_image(image_format) + tail, LIMITS, 512).jpeg

    assert tail not in jpeg
    assert b"script" not in jpeg


def png(width: int, height: int, pixels: bytes = b"", *chunks: tuple[bytes, bytes]) -> bytes:
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), *chunks]
    parts += [(b"IDAT", zlib.compress(pixels)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )


BOMBS = {
    "a PNG of 90 megapixels": lambda: png(9500, 9500),
    "a PNG of 4 gigapixels": lambda: png(65000, 65000),
    "a PNG that says it has 2^31 pixels a side": lambda: png(2**31 - 1, 2**31 - 1),
    "a WebP of 48 megapixels": lambda: save_image(Image.new("RGB", (8000, 6000)), "WEBP", quality=1),
    "an animated WebP of 25 megapixels": lambda: save_image(
        Image.new("RGB", (5000, 5000)),
        "WEBP",
        save_all=True,
        append_images=[Image.new("RGB", (5000, 5000), "red")],
        quality=1,
        method=0,
    ),
    "an AVIF of 36 megapixels": lambda: save_image(Image.new("RGB", (6000, 6000)), "AVIF", speed=10),
    "a GIF that says it is 65535 pixels square": lambda: b"GIF89a" + b"\xff" * 4 + make_image("GIF")[10:],
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_by_its_header(bomb: str) -> None:
    with pytest.raises(ImageTooManyPixels):
        prepare_image(BOMBS[bomb](), LIMITS, 512)


def test_a_palette_image_without_a_palette_is_invalid() -> None:
    data = save_image(halves().convert("P"), "PNG")
    start = data.index(b"PLTE") - 4
    length = struct.unpack(">I", data[start : start + 4])[0]

    with pytest.raises(InvalidImage):
        prepare_image(data[:start] + data[start + 12 + length :], LIMITS, 512)


def test_a_bomb_of_compressed_text_is_refused_or_ignored() -> None:
    text = (b"zTXt", b"Comment\0\0" + zlib.compress(b"\0" * 50_000_000))
    data = png(4, 4, b"\0" * 52, text)

    with pytest.raises(InvalidRequest):
        prepare_image(data, LIMITS, 512)


@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (2000, 1), (3, 2)])
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_the_smallest_and_the_narrowest_images_are_images(size: tuple[int, int], image_format: str) -> None:
    assert prepared(save_image(Image.new("RGB", size), image_format)).size == size


@pytest.mark.parametrize("image_format", sorted(FORMATS))
def test_every_truncation_of_a_small_image_is_a_picture_or_a_4xx(image_format: str) -> None:
    data = make_image(image_format, size=(24, 16))

    for length in range(0, len(data), max(1, len(data) // 200)):
        with suppress(InvalidRequest, RequestTooLarge):
            assert prepare_image(data[:length], LIMITS, 512).jpeg.startswith(b"\xff\xd8")
