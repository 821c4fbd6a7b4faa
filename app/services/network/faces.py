"""Finds faces with BlazeFace: the input, the anchors, and what of 896 boxes is a face."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.services.network.layers import Array
from app.services.network.plan import Network

SIDE = 256
OUTPUTS = ("Identity", "Identity_1", "Identity_2", "Identity_3")
"""Scores of the fine and of the coarse grid, then their boxes, of which 16 numbers are one box."""

_GRIDS = ((16, 2), (8, 6))
"""Places along a side, and anchors at each of them."""

_MOST_BOXES = 60
_LOWEST_SCORE = 0.3
_FACE_SCORE = 0.5
_CLOSE = 0.5
"""Two boxes whose centres are nearer than this share of the wider one are one face."""


@dataclass(frozen=True, slots=True)
class Face:
    """A box that may be a face. Centre and width are shares (0 to 1) of the square that the picture lies in."""

    score: float
    x: float
    y: float
    width: float

    @property
    def is_sure(self) -> bool:
        """Whether it counts as a face."""
        return self.score > _FACE_SCORE

    def is_close_to(self, other: "Face") -> bool:
        """Return whether both are one face."""
        return max(abs(self.x - other.x), abs(self.y - other.y)) <= _CLOSE * max(self.width, other.width)


def find_faces(network: Network, picture: Image.Image) -> list[Face]:
    """Return what may be faces in an RGB picture, the surest first."""
    outputs = network.run(face_input(picture))
    raw = np.concatenate([outputs[name].ravel() for name in OUTPUTS[:2]])
    boxes = np.concatenate([outputs[name].reshape(-1, 16) for name in OUTPUTS[2:]])
    scores = 1 / (1 + np.exp(-np.clip(raw.astype(np.float64), -60, 60)))
    best = np.argsort(-scores, kind="stable")[:_MOST_BOXES]
    centres = ANCHORS[best] + boxes[best, :2] / SIDE
    widths = boxes[best, 2] / SIDE
    found: list[Face] = []
    for score, (x, y), width in zip(scores[best], centres, widths, strict=True):
        face = Face(float(score), float(x), float(y), float(width))
        if face.score < _LOWEST_SCORE:
            break
        if not any(face.is_close_to(other) for other in found):
            found.append(face)
    return found


def face_input(picture: Image.Image) -> Array:
    """Return the picture in the middle of a black square, from -1 to 1."""
    scale = SIDE / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    square = Image.new("RGB", (SIDE, SIDE))
    square.paste(
        picture.resize((width, height), Image.Resampling.BILINEAR), ((SIDE - width) // 2, (SIDE - height) // 2)
    )
    return np.asarray(square, np.float32) / np.float32(127.5) - np.float32(1)


def _anchors() -> NDArray[np.float64]:
    """Return the centres of the anchors, x and y, grid by grid and row by row."""
    centres = [
        ((column + 0.5) / side, (row + 0.5) / side)
        for side, anchors in _GRIDS
        for row in range(side)
        for column in range(side)
        for _ in range(anchors)
    ]
    return np.array(centres)


ANCHORS = _anchors()
