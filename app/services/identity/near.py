"""Finds the answer of another photo that looks alike, and judges whether it may stand for this one."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

from app.models.domain import Category
from app.models.identity import Fingerprint
from app.models.near import MAX_NEIGHBOURS, MIN_QUALITY, Neighbour
from app.observe.metrics import Metrics

MIN_CONFIDENCE = 0.5
"""An answer the model doubted itself is given for its own photo alone."""

_MAX_RATIO_PERCENT = 102
"""How far the ratio of width to height of one may be from the other's. Clients that shrink round to whole pixels."""


class Neighbours(Protocol):
    """The paid answers by what their photos look like."""

    async def find(self, pdq: bytes, max_distance: int) -> list[Neighbour]:
        """Return the first `MAX_NEIGHBOURS` of all that differ by at most `max_distance` bits, nearest first.

        Raises `DatabaseUnavailable`.
        """
        ...


@dataclass(frozen=True, slots=True)
class NearSearch:
    """Looks for a near match."""

    neighbours: Neighbours
    max_distance: int
    metrics: Metrics

    async def find(self, fingerprint: Fingerprint) -> Neighbour | None:
        """Return the nearest answer that may stand for this photo, or None. Raises `DatabaseUnavailable`."""
        if fingerprint.quality < MIN_QUALITY:
            return None
        started = perf_counter()
        try:
            reached = await self.neighbours.find(fingerprint.pdq, self.max_distance)
        finally:
            self.metrics.near_seconds.observe(perf_counter() - started)
        return _choose(fingerprint, reached)


def _choose(fingerprint: Fingerprint, reached: Sequence[Neighbour]) -> Neighbour | None:
    """Return the nearest of those with the photo's shape, unless one of all in reach speaks against it.

    PDQ is of a square, so that pictures of one template in several shapes are near each other. Those of another shape
    never answer. They do speak against a match: that one of them is an identity card, or is of another category, says
    that what looks alike here need not be alike. So does a crowd: of `MAX_NEIGHBOURS` not all have been seen.
    """
    if len(reached) >= MAX_NEIGHBOURS or not all(_may_answer(neighbour) for neighbour in reached):
        return None
    if len({neighbour.category for neighbour in reached}) > 1:
        return None
    return next((neighbour for neighbour in reached if _same_shape(fingerprint, neighbour)), None)


def _may_answer(neighbour: Neighbour) -> bool:
    """Whether an answer may be given for other photos. Identity cards may not: they share a template."""
    return neighbour.category not in (None, Category.IDCARD) and neighbour.confidence >= MIN_CONFIDENCE


def _same_shape(fingerprint: Fingerprint, neighbour: Neighbour) -> bool:
    ours, theirs = fingerprint.width * neighbour.height, neighbour.width * fingerprint.height
    return 0 < max(ours, theirs) * 100 <= min(ours, theirs) * _MAX_RATIO_PERCENT
