"""What the head looks at: 1,315 numbers about a picture, in the order in which it was trained on them."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.services.network.faces import Face
from app.services.network.layers import Array

SEE_SIDE = 224

_GROUP_FLOOR, _GROUP_OFFSET = 0.001, 7.0
_SURE_SCORE, _SURER_SCORE = 0.5, 0.7
_COLOURS = 32**3


def see_input(picture: Image.Image) -> Array:
    """Return the whole picture as the backbone sees it: 224 x 224, about -1 to 1."""
    small = picture.resize((SEE_SIDE, SEE_SIDE), Image.Resampling.BILINEAR)
    return (np.asarray(small, np.float32) - np.float32(127)) / np.float32(128)


def group_features(probabilities: NDArray[np.float64], groups: Sequence[Sequence[int]]) -> list[float]:
    """Return how much of the probability each group of ImageNet classes has, as logarithms."""
    return [math.log(float(probabilities[group].sum()) + _GROUP_FLOOR) + _GROUP_OFFSET for group in map(list, groups)]


def face_features(faces: Sequence[Face]) -> list[float]:
    """Return how many faces there are and how large the largest are."""
    sure, surer = (
        sorted((face.width for face in faces if face.score > score), reverse=True)
        for score in (_SURE_SCORE, _SURER_SCORE)
    )
    sure_3, surer_2 = (*sure, 0.0, 0.0, 0.0)[:3], (*surer, 0.0, 0.0)[:2]
    return [
        min(4, len(sure)),
        min(4, len(surer)),
        min(3, sum(face.score for face in faces)),
        *sure_3,
        *surer_2,
        surer_2[1] / surer_2[0] if surer_2[0] else 0.0,
        float(surer_2[0] > 0.08),
        float(surer_2[1] > 0.05),
    ]


def shape_features(width: int, height: int) -> list[float]:
    """Return the proportions of the picture, and whether they are those of a phone, a photo or a square."""
    ratio = width / height
    return [
        math.log(ratio),
        abs(math.log(ratio)),
        float(0.42 < ratio < 0.6),
        float(1.25 < ratio < 1.75),
        float(abs(ratio - 1) < 0.02),
    ]


def flatness_features(picture: Image.Image) -> list[float]:
    """Return how much the picture looks drawn: few colours, flat places and hard edges."""
    pixels = np.asarray(picture).reshape(-1, 3) >> 3
    codes = (pixels[:, 0].astype(np.int32) << 10) | (pixels[:, 1].astype(np.int32) << 5) | pixels[:, 2]
    counts = np.bincount(codes, minlength=_COLOURS)
    common = np.sort(np.partition(counts, -8)[-8:])
    grey = np.asarray(picture.convert("L"), np.int16)
    across, down = (np.abs(np.diff(grey, axis=axis)) for axis in (1, 0))
    grey_float = grey.astype(np.float32)
    hsv = np.asarray(picture.convert("HSV"))
    return [
        float(common[-1]) / len(codes),
        float(common.sum()) / len(codes),
        _share(across < 2),
        _share(down < 2),
        _share(across > 40),
        _share(down > 40),
        float((grey_float.std(axis=1) < 3).mean()),
        float((grey_float.std(axis=0) < 3).mean()),
        float(hsv[:, :, 1].mean()) / 255,
        float(hsv[:, :, 2].mean()) / 255,
        int(np.count_nonzero(counts)) / len(codes),
    ]


def _share(matches: NDArray[np.bool_]) -> float:
    return float(matches.mean()) if matches.size else 1.0
