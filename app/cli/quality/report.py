"""What the answers to labelled photos say: how many were right, of which kind, and what it cost."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.cli.quality.measure import Measured
from app.models.domain import Category
from app.utils.wilson import wilson_interval

_SIZES = ((1, "below 1 megapixel"), (8, "1 to 8 megapixels"))
_LARGE = "8 megapixels and more"


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How many of some photos were right. The true share lies between `low` and `high` with 95 % confidence.

    `others` are what the wrong ones were called, most frequent first. Photos without an answer count as neither.
    """

    of: str
    photos: int
    right: int
    low: float
    high: float
    others: dict[str, int]


@dataclass(frozen=True, slots=True)
class Report:
    """All that is told of one measurement."""

    overall: Accuracy
    by_category: list[Accuracy]
    by_size: list[Accuracy]
    by_model: list[Accuracy]
    failures: list[tuple[str, str]]
    """Files without an answer, and why."""

    cost: Decimal


def make_report(measured: Sequence[Measured]) -> Report:
    """Sum up a measurement."""
    answered = [one for one in measured if one.said is not None]
    failures = sorted((str(one.photo.path), one.failure) for one in measured if one.said is None)
    return Report(
        overall=_accuracy("all", answered),
        by_category=_by(answered, lambda one: one.photo.category, list(Category)),
        by_size=_by(answered, _size, [name for _, name in _SIZES] + [_LARGE]),
        by_model=_by(answered, lambda one: one.model_used, sorted({one.model_used for one in answered})),
        failures=failures,
        cost=sum((one.cost for one in measured), Decimal(0)),
    )


def _by(measured: Sequence[Measured], kind: Callable[[Measured], Hashable], kinds: Sequence[Any]) -> list[Accuracy]:
    groups = [(name, [one for one in measured if kind(one) == name]) for name in kinds]
    return [_accuracy(str(name), group) for name, group in groups if group]


def _accuracy(of: str, measured: Sequence[Measured]) -> Accuracy:
    right = sum(one.is_right for one in measured)
    interval = wilson_interval(right, len(measured))
    others = Counter(str(one.said) for one in measured if not one.is_right)
    return Accuracy(
        of, len(measured), right, round(interval.low, 4), round(interval.high, 4), dict(others.most_common())
    )


def _size(one: Measured) -> str:
    return next((name for most, name in _SIZES if one.megapixels < most), _LARGE)
