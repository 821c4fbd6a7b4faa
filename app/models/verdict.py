"""What the embedded network says of a picture."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.models.domain import Category


@dataclass(frozen=True, slots=True)
class Verdict:
    """The network's answer to one picture. Probabilities are from 0 to 1, and those of all categories sum to 1."""

    category: Category
    """The most probable one."""

    probability: float
    probabilities: Mapping[Category, float]
    faces: int
    """How many faces were found, an animal's included where it looks like one."""

    looks_like: str | None
    """The ImageNet class that has half of the probability or more, in English as ImageNet names it."""

    group: str | None
    """The group of ImageNet classes that has half of it or more, if it is one that means something."""
