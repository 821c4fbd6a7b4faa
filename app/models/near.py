"""Pictures that look alike: what is found near a photo, and the evidence for giving it."""

from dataclasses import dataclass
from typing import Literal

from app.models.domain import Category
from app.utils.wilson import Interval

MIN_QUALITY = 50
"""PDQ's own measure of how much there is to see. Meta's documentation advises against comparing pictures below it."""

MAX_NEIGHBOURS = 200
"""How many near answers are looked at. Where there are so many, they are pictures of one template."""

NearDuplicates = Literal["off", "observe", "auto", "serve"]
"""What is done about a photo that looks like one with an answer: the values of `NEAR_DUPLICATES`."""

NearState = Literal["off", "observing", "serving"]
"""What that comes to at the moment."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A paid answer whose photo looks like another, with what is needed to judge whether it may stand for that one."""

    image_hash: str
    """The neighbour's: the key of the answer's row."""

    distance: int
    """Bits of PDQ that differ, 0 to 256."""

    width: int
    height: int
    category: Category | None
    """None where the database holds a category that is none of ours."""

    confidence: float
    image_size: int | None


@dataclass(frozen=True, slots=True)
class TrialTotals:
    """How many near matches were compared with a model's answer, and how many of these disagreed."""

    comparisons: int
    disagreed: int


@dataclass(frozen=True, slots=True)
class CategoryTrials:
    """The trials whose neighbour had one category."""

    category: Category
    comparisons: int
    disagreed: int


@dataclass(frozen=True, slots=True)
class NearStatus:
    """Whether near matches are served at the moment, and why."""

    mode: NearDuplicates
    state: NearState
    reason: str
    evidence: TrialTotals
    interval: Interval
    """Of the share of the evidence that disagreed."""
