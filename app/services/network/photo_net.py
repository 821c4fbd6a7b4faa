"""The embedded network: a picture in, a category out. It needs NumPy, Pillow and its model file, and no service."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.models.domain import Category
from app.models.verdict import Verdict
from app.services.network.checked_file import MODEL_FILE
from app.services.network.faces import OUTPUTS, Face, find_faces
from app.services.network.features import (
    face_features,
    flatness_features,
    group_features,
    see_input,
    shape_features,
)
from app.services.network.layers import Array, softmax
from app.services.network.model_file import read_model
from app.services.network.plan import Network

MAX_SIDE = 512
"""Pixels along the longer side of the pictures that it was trained on: larger ones are shrunk first."""

_TELLING_PROBABILITY = 0.5
_GROUPS = ("pets", "wild animals", "foods", "places", "screens", "clothes and persons", "stage", None)
"""What the model file's groups of ImageNet classes are, in its order; the last one is all the rest."""


@dataclass(frozen=True, slots=True)
class Head:
    """A multinomial logistic regression on the features, with their means and scales."""

    mean: Array
    scale: Array
    weights: Array
    bias: Array

    def probabilities(self, features: list[float]) -> list[float]:
        """Return the probability of each category, in the model file's order."""
        vector = (np.asarray(features) - self.mean) / self.scale
        return [float(probability) for probability in softmax(vector @ self.weights + self.bias)]


@dataclass(frozen=True, slots=True)
class PhotoNet:
    """Backbone, face detector and head, loaded."""

    backbone: Network
    detector: Network
    head: Head
    categories: tuple[Category, ...]
    imagenet: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]

    @classmethod
    def load(cls, path: Path = MODEL_FILE) -> Self:
        """Read the model file. Raises `DamagedModel`."""
        file = read_model(path)
        nets = file.meta["nets"]
        return cls(
            Network(nets["see"], file.weights, ("feat", "logits")),
            Network(nets["face"], file.weights, OUTPUTS),
            Head(*(file.weights(f"head.{name}") for name in ("mean", "scale", "weights", "bias"))),
            tuple(Category(name) for name in file.meta["categories"]),
            tuple(file.meta["imagenet"]),
            tuple(tuple(group) for group in file.meta["groups"]),
        )

    def see_jpeg(self, jpeg: bytes) -> Verdict:
        """Return what a prepared JPEG shows. Raises what Pillow raises where it is none."""
        with Image.open(BytesIO(jpeg), formats=["JPEG"]) as image:
            return self.see(image.convert("RGB"))

    def see(self, picture: Image.Image) -> Verdict:
        """Return what an RGB picture shows."""
        picture = within(picture, MAX_SIDE)
        features, probabilities, faces = self.look(picture)
        by_category = dict(zip(self.categories, self.head.probabilities(features), strict=True))
        best = max(by_category, key=by_category.__getitem__)
        likely = int(probabilities.argmax())
        groups = [(name, list(group)) for name, group in zip(_GROUPS, self.groups, strict=True)]
        return Verdict(
            best,
            by_category[best],
            by_category,
            faces=sum(face.is_sure for face in faces),
            looks_like=self.imagenet[likely] if probabilities[likely] >= _TELLING_PROBABILITY else None,
            group=next((name for name, group in groups if probabilities[group].sum() >= _TELLING_PROBABILITY), None),
        )

    def look(self, picture: Image.Image) -> tuple[list[float], NDArray[np.float64], list[Face]]:
        """Return the head's features, the probabilities of ImageNet's classes, and what may be faces."""
        seen = self.backbone.run(see_input(picture))
        probabilities = softmax(seen["logits"])
        faces = find_faces(self.detector, picture)
        features = [
            *seen["feat"].tolist(),
            *group_features(probabilities, self.groups),
            *face_features(faces),
            *shape_features(*picture.size),
            *flatness_features(picture),
        ]
        return features, probabilities, faces


def within(picture: Image.Image, side: int) -> Image.Image:
    """Return the picture with no side longer than this; it is not enlarged."""
    longest = max(picture.size)
    if longest <= side:
        return picture
    width, height = (max(1, round(length * side / longest)) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)
