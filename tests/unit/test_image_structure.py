"""The look at a file before its decoder: it counts what costs time, quickly, and fails on nothing."""

import random
import time
import zlib
from contextlib import suppress
from io import BytesIO

import pytest
from PIL import Image

from app.errors import ImageTooManyPixels, InvalidImage
from app.utils.image_cost import DecodingCost
from app.utils.image_structure import MAX_JPEG_SCANS, MAX_JPEG_SEGMENTS, examine
from app.utils.image_utils import ImageLimits, prepare_image
from tests.factories import make_image, save_image
from tests.support.crafted_images import flat_webp, jpeg_of_scans, jpeg_of_segments

LIMITS = ImageLimits(frozenset({"JPEG", "PNG", "WEBP", "GIF"}), 50_000_000)
MIB = 1024 * 1024


def gif_of_blocks(blocks: int) -> bytes:
    data = make_image("GIF")
    palette = 13 + (3 << ((data[10] & 7) + 1))
    return data[:palette] + b"!\xfe" + b"\x01x" * blocks + b"\0" + data[palette:]


def png_of_chunks(chunks: int) -> bytes:
    data = make_image("PNG")
    return data[:33] + (bytes(4) + b"juNk" + zlib.crc32(b"juNk").to_bytes(4, "big")) * chunks + data[33:]


@pytest.mark.parametrize(
    ("data", "scans"),
    [
        (save_image(Image.new("RGB", (64, 64)), "JPEG"), 1),
        (save_image(Image.new("RGB", (64, 64)), "JPEG", progressive=True), 10),
        (jpeg_of_scans(MAX_JPEG_SCANS), MAX_JPEG_SCANS),
        (make_image("JPEG") + b"\xff\xda" * 1000, 1),  # what is behind the picture is not of it
        (save_image(Image.new("RGB", (9, 9)), "JPEG", exif=b"Exif\0\0" + b"\xff\xda" * 1000), 1),
        (make_image("PNG"), 0),
    ],
)
def test_the_scans_of_a_jpeg_are_counted(data: bytes, scans: int) -> None:
    assert examine(data).scans == scans


@pytest.mark.parametrize(
    "data",
    [
        jpeg_of_scans(MAX_JPEG_SCANS + 1),
        jpeg_of_scans(43_000),
        jpeg_of_segments(MAX_JPEG_SEGMENTS + 1),
        jpeg_of_segments(950_000),
        png_of_chunks(60_000),
        gif_of_blocks(60_000),
    ],
    ids=["101 scans", "43,000 scans", "1,001 segments", "10 MB of segments", "chunks", "blocks"],
)
def test_a_file_of_too_many_parts_is_refused_in_no_time(data: bytes) -> None:
    started = time.process_time()

    with pytest.raises(InvalidImage, match="too many"):
        prepare_image(data, LIMITS, 512)

    assert time.process_time() - started < 3  # quadratic would be minutes


@pytest.mark.parametrize("data", [jpeg_of_segments(200), png_of_chunks(1000), gif_of_blocks(1000)])
def test_a_file_of_many_parts_is_an_image(data: bytes) -> None:
    assert prepare_image(data, LIMITS, 512).jpeg


def test_a_large_picture_may_have_fewer_scans_than_a_small_one() -> None:
    with pytest.raises(InvalidImage, match="too many scans"):
        prepare_image(jpeg_of_scans(60, size=(5000, 4000)), LIMITS, 512)


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0MM"}])
def test_the_pixels_of_every_kind_of_webp_are_known_before_it_is_opened(options: dict[str, object]) -> None:
    data = save_image(Image.new("RGB", (120, 75)), "WEBP", **options)

    assert examine(data).pixels == 120 * 75
    with pytest.raises(ImageTooManyPixels):
        prepare_image(data[:40], ImageLimits(LIMITS.formats, 8000), 512)


@pytest.mark.parametrize(
    "start", [b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF....WEBPVP8X", b"RIFF....WEBPVP8 "]
)
def test_no_bytes_whatever_make_the_look_fail_or_take_long(start: bytes) -> None:
    chance = random.Random(start)
    fillings = [b"\xff" * 10_000_000, b"\xff\x00" * 5_000_000, b"\0" * 10_000_000, chance.randbytes(1_000_000), b""]
    for filling in fillings + [chance.randbytes(length) for length in range(40)]:
        began = time.process_time()
        with suppress(InvalidImage):
            examine(start + filling)
        assert time.process_time() - began < 3  # quadratic would be minutes


def cost_of(data: bytes) -> DecodingCost:
    costs: list[DecodingCost] = []
    prepare_image(data, LIMITS, 512, costs.append)
    return costs[0]


@pytest.mark.parametrize(
    ("data", "least", "most"),
    [
        (save_image(Image.new("RGB", (4000, 3000)), "JPEG"), 12, 20),  # decoded at an eighth
        (save_image(Image.new("RGB", (4000, 3000)), "JPEG", progressive=True), 12 + 34, 20 + 34),
        (save_image(Image.new("RGB", (4000, 3000)), "JPEG", progressive=True, subsampling=0), 12 + 68, 20 + 68),
        (save_image(Image.new("RGB", (4000, 3000)), "PNG"), 12 + 45, 20 + 45),
        (save_image(Image.new("P", (4000, 3000)), "GIF"), 12 + 57, 20 + 57),
        (flat_webp((4000, 3000)), 12 + 183, 20 + 183),
    ],
)
def test_what_decoding_takes_is_told_by_the_header(data: bytes, least: int, most: int) -> None:
    assert cost_of(data).pixels == 12_000_000
    assert least * MIB <= cost_of(data).memory_bytes <= most * MIB


def test_a_refused_cost_ends_the_preparation_before_anything_is_decoded() -> None:
    class TooMuchError(Exception):
        pass

    def refuse(_: DecodingCost) -> None:
        raise TooMuchError

    with pytest.raises(TooMuchError):
        prepare_image(make_image("PNG")[:200], LIMITS, 512, refuse)


def test_the_original_size_is_told_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    output = BytesIO()
    Image.new("RGB", (300, 200)).save(output, "JPEG", exif=exif)

    prepared = prepare_image(output.getvalue(), LIMITS, 100).fingerprint

    assert (prepared.width, prepared.height) == (200, 300)
