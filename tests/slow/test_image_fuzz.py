"""Damaged images by the ten thousand: a picture or a 4xx, no other exception, no more memory than is allowed."""

import random
import resource
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from app.errors import InvalidRequest, RequestTooLarge
from app.utils.image_utils import ImageLimits, enable_heif, prepare_image
from tests.factories import make_image

enable_heif()
FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF"]
LIMITS = ImageLimits(frozenset(FORMATS), 1_000_000)
INPUTS_PER_FORMAT = 4000
ROOT = Path(__file__).parents[2]


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return an image file with a few bytes changed, cut out, doubled, or cut off."""
    broken = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        place = chance.randrange(len(broken))
        kind = chance.randrange(5)
        if kind == 0:
            broken[place] = chance.randrange(256)
        elif kind == 1:
            broken[place] ^= 1 << chance.randrange(8)
        elif kind == 2:
            del broken[place : place + chance.randrange(1, 9)]
        elif kind == 3:
            broken[place:place] = broken[place : place + chance.randrange(1, 65)]
        else:
            broken[place : place + 4] = chance.choice([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"])
        if not broken:
            break
    return bytes(broken[: chance.randrange(len(broken))]) if broken and chance.random() < 0.1 else bytes(broken)


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_damaged_image_is_a_picture_or_a_4xx(image_format: str) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    exif = Image.Exif()
    exif[0x0112] = 6
    originals = [make_image(image_format, size=size, exif=exif) for size in [(16, 12), (64, 48), (33, 65)]]

    for number in range(INPUTS_PER_FORMAT):
        data = damaged(chance.choice(originals), chance)
        try:
            jpeg = prepare_image(data, LIMITS, 64).jpeg
        except (InvalidRequest, RequestTooLarge):
            continue
        except BaseException as error:
            pytest.fail(f"{type(error).__name__} on input {number} of seed {seed}: {data.hex()[:400]}")
        with Image.open(BytesIO(jpeg)) as image:
            assert max(image.size) <= 1_000_000

    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert grown < 1000, f"{grown:.0f} MiB"


# The largest image of each format that the default limits admit, and the MiB that its preparation may take.
LARGEST = {
    ("JPEG", "RGB"): ((8600, 5800), 200),
    ("PNG", "RGB"): ((6000, 4000), 300),
    ("PNG", "RGBA"): ((6000, 4000), 400),
    ("PNG", "P"): ((6000, 4000), 300),
    ("GIF", "P"): ((6000, 4000), 300),
    ("WEBP", "RGB"): ((6000, 4000), 600),
    ("WEBP", "RGBA"): ((6000, 4000), 600),
    ("WEBP", "flat"): ((6000, 4000), 600),
}

# VmHWM and not ru_maxrss: the latter starts at what the parent had.
CHILD = """
import re, sys
from app.utils.image_utils import ImageLimits, prepare_image
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
data = open(sys.argv[1], "rb").read()
before = peak()
prepare_image(data, ImageLimits(frozenset({"JPEG", "PNG", "WEBP", "GIF"}), 50_000_000), 512)
print((peak() - before) // 1024)
"""


@pytest.mark.parametrize(("image_format", "mode"), LARGEST)
def test_the_largest_admitted_image_takes_no_more_memory_than_it_may(
    image_format: str, mode: str, tmp_path: Path
) -> None:
    size, most = LARGEST[image_format, mode]
    if mode == "flat":  # some forty bytes that decode to a hundred megabytes
        image, options = Image.new("RGBA", size, (10, 20, 30, 40)), {"lossless": True, "quality": 0, "method": 0}
    else:
        noise = Image.effect_noise((size[0] // 8, size[1] // 8), 80).resize(size)
        image, options = noise.convert("RGB").convert(mode), {}
    image.save(tmp_path / "image", image_format, **options)

    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path / "image")], cwd=ROOT, capture_output=True, text=True, check=True
    )

    print(f"{image_format} {mode}: {child.stdout.strip()} MiB")  # noqa: T201
    assert int(child.stdout) < most
