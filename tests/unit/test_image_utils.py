"""Preparation: right pixels or a clear error, and nothing of the original but the picture."""

from io import BytesIO

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from app.errors import ImageTooManyPixels, InvalidImage, UnsupportedFormat
from app.utils.image_utils import MAX_PIXELS_WITHOUT_DRAFT, ImageLimits, prepare_image
from tests.factories import make_image, save_image

LIMITS = ImageLimits(frozenset({"JPEG", "PNG", "WEBP", "GIF"}), 50_000_000)
WHITE, RED, BLUE = (255, 255, 255), (255, 0, 0), (0, 0, 255)


def prepared(data: bytes, max_side: int = 512, limits: ImageLimits = LIMITS) -> Image.Image:
    image = Image.open(BytesIO(prepare_image(data, limits, max_side).jpeg))
    assert (image.format, image.mode) == ("JPEG", "RGB")
    image.load()
    return image


def close_to(pixel: object, colour: tuple[int, int, int]) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(a - b) <= 8 for a, b in zip(pixel, colour, strict=True))


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF"])
def test_every_accepted_format_becomes_a_jpeg(image_format: str) -> None:
    assert prepared(make_image(image_format)).size == (320, 240)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((4000, 3000), (512, 384)),
        ((3000, 4000), (384, 512)),
        ((500, 400), (500, 400)),  # never enlarged
        ((100, 50), (100, 50)),
        ((2000, 400), (1000, 200)),  # the short side stays at 200
        ((2000, 100), (2000, 100)),
        ((20000, 300), (2048, 31)),  # but nothing is sent longer than 2048
        ((65000, 200), (2048, 6)),
    ],
)
def test_an_image_is_shrunk_to_its_limit_and_no_further(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert prepared(save_image(Image.new("RGB", size), "PNG")).size == expected


def test_a_photo_is_turned_the_way_its_camera_was_held() -> None:
    image = Image.new("RGB", (300, 200), RED)
    image.paste(BLUE, (0, 0, 300, 100))  # the upper half
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise: up becomes right
    turned = prepared(save_image(image, "JPEG", exif=exif, quality=95))

    assert turned.size == (200, 300)
    assert close_to(turned.getpixel((150, 150)), BLUE)
    assert close_to(turned.getpixel((50, 150)), RED)


def test_metadata_comments_and_profiles_are_gone() -> None:
    exif = Image.Exif()
    exif[0x010E] = "MARKER-EXIF"
    exif.get_ifd(0x8825)[1] = "MARKER-GPS"
    notes = PngInfo()
    notes.add_text("Comment", "MARKER-TEXT")
    photo = save_image(Image.new("RGB", (64, 64)), "JPEG", exif=exif, comment=b"MARKER-COM", icc_profile=b"MARKER-ICC")
    drawing = save_image(Image.new("RGB", (64, 64)), "PNG", pnginfo=notes, exif=exif)
    assert photo.count(b"MARKER") >= 3
    assert drawing.count(b"MARKER") >= 2

    for data in (photo, drawing):
        assert b"MARKER" not in prepare_image(data, LIMITS, 512).jpeg


def test_what_is_transparent_is_white_and_hidden_colours_stay_hidden() -> None:
    assert close_to(prepared(save_image(Image.new("RGBA", (64, 64), (*RED, 0)), "PNG")).getpixel((9, 9)), WHITE)


def test_a_palette_with_a_transparent_colour_is_white_there() -> None:
    image = Image.new("P", (64, 64), 0)
    image.putpalette([*RED, *BLUE])

    assert close_to(prepared(save_image(image, "PNG", transparency=0)).getpixel((9, 9)), WHITE)
    assert close_to(prepared(save_image(image, "PNG", transparency=1)).getpixel((9, 9)), RED)


def test_sixteen_bit_grey_is_scaled_and_not_cut_off() -> None:
    image = Image.new("I;16", (64, 64), 32768)

    assert close_to(prepared(save_image(image, "PNG")).getpixel((9, 9)), (127, 127, 127))


def test_cmyk_becomes_the_colour_it_prints() -> None:
    image = Image.new("CMYK", (64, 64), (0, 255, 255, 0))

    assert close_to(prepared(save_image(image, "JPEG", quality=95)).getpixel((9, 9)), RED)


def test_an_animation_is_its_first_frame() -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in (RED, BLUE)]
    data = save_image(frames[0], "GIF", save_all=True, append_images=frames[1:])

    assert close_to(prepared(data).getpixel((9, 9)), RED)


def test_a_phone_photo_with_more_pictures_behind_it_is_a_jpeg() -> None:
    first, second = Image.new("RGB", (64, 64), RED), Image.new("RGB", (64, 64), BLUE)
    data = save_image(first, "MPO", save_all=True, append_images=[second])

    assert close_to(prepared(data).getpixel((9, 9)), RED)


@pytest.mark.parametrize("data", [b"", b"x", b"%PDF-1.7", b"<html>", b"\xff\xd8\xff", b"GIF89a"])
def test_bytes_that_are_no_image_are_refused(data: bytes) -> None:
    with pytest.raises((UnsupportedFormat, InvalidImage)):
        prepare_image(data, LIMITS, 512)


@pytest.mark.parametrize("image_format", ["BMP", "TIFF", "ICO", "PPM"])
def test_a_format_that_is_not_accepted_is_refused_whatever_its_name(image_format: str) -> None:
    with pytest.raises(UnsupportedFormat):
        prepare_image(make_image(image_format, size=(64, 64)), LIMITS, 512)


def test_a_format_that_the_operator_does_not_accept_is_refused() -> None:
    with pytest.raises(UnsupportedFormat):
        prepare_image(make_image("GIF"), ImageLimits(frozenset({"JPEG"}), 50_000_000), 512)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_a_truncated_image_is_invalid(image_format: str, kept: float) -> None:
    data = make_image(image_format)

    with pytest.raises((InvalidImage, UnsupportedFormat)):
        prepare_image(data[: int(len(data) * kept)], LIMITS, 512)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
def test_an_image_with_too_many_pixels_is_refused_before_it_is_decoded(image_format: str) -> None:
    data = make_image(image_format, size=(200, 200))
    cut = data[: len(data) // 2]  # the header is there, the pixels are not: decoding would fail otherwise

    with pytest.raises(ImageTooManyPixels):
        prepare_image(cut, ImageLimits(LIMITS.formats, 39_999), 512)
    with pytest.raises(InvalidImage):
        prepare_image(cut, ImageLimits(LIMITS.formats, 40_000), 512)


def test_formats_that_must_be_decoded_whole_have_a_lower_limit() -> None:
    side = int(MAX_PIXELS_WITHOUT_DRAFT**0.5) + 1
    image = Image.new("L", (side, side))

    with pytest.raises(ImageTooManyPixels):
        prepare_image(save_image(image, "PNG"), LIMITS, 512)
    assert prepared(save_image(image, "JPEG")).size == (512, 512)
