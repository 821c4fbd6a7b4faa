"""PDQ, Meta's perceptual hash of 256 bits, in Pillow and plain Python. Pure functions on a picture.

Pictures that look alike have hashes that differ in few bits, unrelated ones in some 128. The algorithm is described in
"The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm" (Facebook, 2019).
"""

from itertools import chain
from math import cos, pi, sqrt
from operator import add, mul, sub
from statistics import median_low

from PIL import Image

_SIDE = 256
"""Pixels of the square that a picture is resampled to, whatever its shape."""

_SAMPLES = 64
"""Samples of a row and of a column that are transformed."""

_HALF = _SAMPLES // 2

_FREQUENCIES = 16
"""Lowest frequencies of each direction, without the mean, that give a bit each with each of the other direction."""

_COSINES = [
    [sqrt(2 / _SAMPLES) * cos(pi / 2 / _SAMPLES * frequency * (2 * place + 1)) for place in range(_HALF)]
    for frequency in range(1, _FREQUENCIES + 1)
]
"""The left halves: the right ones mirror them, with the opposite sign where the frequency is odd."""


def squared(picture: Image.Image) -> Image.Image:
    """Return the picture as the square that `pdq` takes, its aspect ignored.

    BILINEAR is what keeps the hashes of one photo's versions closest together. BOX moves them apart: Pillow's weighs
    whole pixels only.
    """
    return picture.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR, reducing_gap=3.0)


def pdq(square: Image.Image) -> tuple[bytes, int]:
    """Return the hash, 32 bytes, and its quality, 0 to 100, of what `squared` returned, in RGB.

    The bits are in the order in which Meta writes a hash in hexadecimal: the highest frequencies first. The quality is
    low where a picture has too little detail for its hash to mean much.
    """
    samples = _samples(square)
    rows = [samples[start : start + _SAMPLES] for start in range(0, len(samples), _SAMPLES)]
    transformed = _transformed(_transformed(rows))
    # Rounded, so that where there is nothing to see the noise of the arithmetic is nothing too.
    values = [round(value, 6) for value in reversed(list(chain.from_iterable(transformed)))]
    middle = median_low(values)
    bits = "".join("1" if value > middle else "0" for value in values)
    columns = list(chain.from_iterable(zip(*rows, strict=True)))
    return int(bits, 2).to_bytes(len(bits) // 8, "big"), min(100, (_steps(samples) + _steps(columns)) // 90)


def _samples(square: Image.Image) -> list[float]:
    """Return the brightness, 0 to 255, at 64 x 64 places, by rows.

    The reference smooths with a window of two pixels, twice: a quarter, a half and a quarter of three neighbours. Of
    each four pixels it takes the fourth as the middle one. Where there is no neighbour, the last pixel counts again.
    """
    grey = square.convert("F")
    padded = Image.new("F", (_SIDE + 1, _SIDE + 1))
    padded.paste(grey, (0, 1))
    padded.paste(grey, (0, 0))
    padded.paste(padded.crop((_SIDE - 1, 0, _SIDE, _SIDE + 1)), (_SIDE, 0))
    # A triangle four pixels wide has the weights of that smoothing. There is one at every second pixel.
    side, box = 2 * _SAMPLES - 1, (2.5, 2.5, _SIDE + 0.5, _SIDE + 0.5)
    smooth = padded.resize((side, side), Image.Resampling.BILINEAR, box)
    values: list[float] = [*memoryview(smooth.tobytes()).cast("f")]
    return [value for row in range(0, len(values), 2 * side) for value in values[row : row + side : 2]]


def _transformed(rows: list[list[float]]) -> list[list[float]]:
    """Return for each frequency a row of its share in each of the rows: a cosine transform of rows, transposed."""
    folded = [(row[:_HALF], row[: _HALF - 1 : -1]) for row in rows]
    sums = [list(map(add, left, right)) for left, right in folded]
    differences = [list(map(sub, left, right)) for left, right in folded]
    return [
        [sum(map(mul, cosines, half)) for half in (sums if frequency % 2 == 0 else differences)]
        for frequency, cosines in enumerate(_COSINES, start=1)
    ]


def _steps(samples: list[float]) -> int:
    """Return the sum of the steps from each line to the next, each in whole hundredths of the range."""
    hundredths = [value * 100 / 255 for value in samples]
    return sum(map(abs, map(int, map(sub, hundredths, hundredths[_SAMPLES:]))))
