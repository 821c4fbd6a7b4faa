"""The smaller copy of a photo shows what the photo shows, or is not made."""

from io import BytesIO

import pytest
from PIL import Image

from photo_classifier.shrink import smaller_copy
from tests.factories import make_image
from tests.support.content_hash_cases import cases
from tests.support.picture_files import exif, picture, saved

LARGE = (2000, 1500)


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_a_large_photo_becomes_a_small_jpeg_without_metadata(image_format: str) -> None:
    photo = make_image(image_format, LARGE, quality=100, exif=b"Exif\0\0" + exif(note=b"where it was taken"))

    copy = smaller_copy(photo)

    assert len(copy) < len(photo)
    assert opened(copy).format == "JPEG"
    assert opened(copy).size == (1600, 1200)
    assert b"where it was taken" in photo
    assert b"where it was taken" not in copy


def test_a_turned_photo_becomes_upright() -> None:
    original = picture((60, 45)).resize(LARGE)
    photo = saved(original, "JPEG", quality=95, exif=b"Exif\0\0" + exif(6))

    copy = opened(smaller_copy(photo))

    assert copy.size == (1200, 1600)
    top_left, bottom_left = copy.getpixel((20, 20)), original.getpixel((30, LARGE[1] - 30))
    assert isinstance(top_left, tuple)
    assert isinstance(bottom_left, tuple)
    assert max(abs(one - other) for one, other in zip(top_left[:2], bottom_left[:2], strict=True)) < 30


def test_transparency_becomes_white_as_the_service_makes_it() -> None:
    image = Image.effect_noise(LARGE, 80).convert("RGBA")
    image.putalpha(0)

    assert opened(smaller_copy(saved(image, "PNG"))).getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize(
    "data",
    [
        make_image("JPEG", (64, 48), quality=20),  # a copy would be no smaller
        make_image("GIF", (64, 48)),
        saved(Image.new("I;16", LARGE, 500), "PNG"),
        make_image("JPEG", LARGE)[:5000],
        b"no picture",
        *(case.data for case in cases() if case.name.startswith("heic")),
    ],
)
def test_what_cannot_be_made_smaller_stays_as_it_is(data: bytes) -> None:
    assert smaller_copy(data) == data


def test_an_animation_stays_as_it_is() -> None:
    frames = [Image.effect_noise(LARGE, 80), Image.effect_noise(LARGE, 80)]
    data = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:])

    assert smaller_copy(data) == data
