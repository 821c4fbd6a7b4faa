"""The pictures of `tests/vectors/photo_net.json` that are drawn, not read."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_Y, _X = np.mgrid[0:384, 0:512]


def draw(name: str) -> Image.Image:
    """Return the picture of this name. Raises `KeyError` where there is none."""
    return Image.fromarray(_DRAWINGS[name]())


def _grey() -> NDArray[np.uint8]:
    return np.full((384, 512, 3), 128, np.uint8)


def _gradient() -> NDArray[np.uint8]:
    return np.stack([_X // 2, _Y * 2 // 3, 255 - _X // 2], axis=2).astype(np.uint8)


def _chequers() -> NDArray[np.uint8]:
    even = (_X // 32 + _Y // 32) % 2 == 0
    return np.where(even[:, :, None], (240, 240, 240), (30, 60, 120)).astype(np.uint8)


def _rings() -> NDArray[np.uint8]:
    distance = (_X - 256) ** 2 + (_Y - 192) ** 2
    return np.stack([distance // 300 % 256, distance // 500 % 256, np.full_like(distance, 90)], axis=2).astype(np.uint8)


def _phone() -> NDArray[np.uint8]:
    pixels = np.full((512, 248, 3), 245, np.uint8)
    pixels[:44] = (25, 118, 210)
    for k in range(8):
        top = 60 + 54 * k
        pixels[top : top + 36, 12:48] = (30 * k, 200 - 20 * k, 120)
        pixels[top + 4 : top + 14, 60 : 200 - 6 * k] = 30
        pixels[top + 22 : top + 30, 60 : 230 - 9 * k] = 150
    return pixels


def _card() -> NDArray[np.uint8]:
    pixels = np.full((324, 512, 3), (215, 228, 240), np.uint8)
    pixels[:44] = (40, 80, 140)
    pixels[80:250, 24:150] = (200, 180, 160)
    pixels[110:170, 62:112] = (120, 80, 60)
    for k in range(5):
        top = 76 + 36 * k
        pixels[top : top + 8, 180:260] = 120
        pixels[top + 14 : top + 26, 180 : 440 - 30 * k] = 25
    for k in range(2):
        for first in (20, 26):
            pixels[274 + 24 * k : 288 + 24 * k, first:492:12] = 20
    return pixels


_DRAWINGS = {
    "grey": _grey,
    "gradient": _gradient,
    "chequers": _chequers,
    "rings": _rings,
    "phone": _phone,
    "card": _card,
}
