"""The pictures whose hashes by Meta's own PDQ are in `pdq_reference.json`, and the program that writes that file.

    python -m venv /tmp/reference && /tmp/reference/bin/pip install pdqhash==0.2.8 numpy pillow==13.0.0
    /tmp/reference/bin/python -m tests.support.pdq_reference

pdqhash compiles Meta's C++ and is installed for this alone. It is given the square that our own hash is made of.
"""

import importlib
import json
import random
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from app.utils.pdq import squared

_PLACE = Path(__file__).with_suffix(".json")
_SAMPLES = Path(__file__).parents[2] / "samples"


@dataclass(frozen=True, slots=True)
class Reference:
    """A hash and its quality as Meta's implementation gives them."""

    pdq: bytes
    quality: int


def sample(name: str) -> Image.Image:
    return Image.open(_SAMPLES / name).convert("RGB")


def pictures() -> dict[str, Image.Image]:
    """Return the samples, and drawn pictures of little and of much detail, by their names."""
    samples = sorted(path.name for path in _SAMPLES.iterdir() if path.suffix != ".md")
    return {name: sample(name) for name in samples} | {
        "coarse": _noise(1, (8, 6), (800, 600)),
        "fine": _noise(2, (300, 400), (300, 400)),
        "narrow": _noise(3, (2, 40), (20, 900)),
        "tiny": _noise(4, (5, 3), (5, 3)),
        "blurred": _noise(5, (20, 20), (400, 400)).filter(ImageFilter.GaussianBlur(40)),
        "smooth": ImageChops.blend(_slope(Image.Transpose.ROTATE_90), _slope(Image.Transpose.ROTATE_180), 0.3),
        "sparse": _lines(),
    }


def references() -> dict[str, Reference]:
    """Return what the file says, by the names of the pictures."""
    stored = json.loads(_PLACE.read_text())["hashes"]
    return {name: Reference(bytes.fromhex(one["pdq"]), one["quality"]) for name, one in stored.items()}


def _noise(seed: int, coarse: tuple[int, int], size: tuple[int, int]) -> Image.Image:
    pixels = random.Random(seed).randbytes(coarse[0] * coarse[1] * 3)
    return Image.frombytes("RGB", coarse, pixels).resize(size, Image.Resampling.BICUBIC)


def _slope(turn: Image.Transpose) -> Image.Image:
    radial = Image.radial_gradient("L").crop((0, 0, 200, 150)).resize((256, 256))
    return Image.merge("RGB", [radial, Image.linear_gradient("L").transpose(turn), radial])


def _lines() -> Image.Image:
    """Return a white page with three strokes on it: little that a hash could be made of."""
    page = Image.new("RGB", (600, 800), "white")
    draw = ImageDraw.Draw(page)
    for line in ((50, 90, 500, 130), (300, 20, 310, 700), (100, 600, 550, 610)):
        draw.line(line, "black", width=9)
    return page


def main() -> None:
    reference, numpy = importlib.import_module("pdqhash"), importlib.import_module("numpy")
    hashes = {}
    for name, picture in pictures().items():
        bits, quality = reference.compute(numpy.array(squared(picture)))
        hashes[name] = {"pdq": bytes(numpy.packbits(bits)).hex(), "quality": int(quality)}
    made_by = "pdqhash 0.2.8: tests/support/pdq_reference.py"
    _PLACE.write_text(json.dumps({"made_by": made_by, "hashes": hashes}, indent=2) + "\n")


if __name__ == "__main__":
    main()
