"""How much a count of few or many says about a share."""

from dataclasses import dataclass
from math import sqrt

_Z = 1.959964
"""The quantile of the normal distribution that leaves 2.5 % above it."""


@dataclass(frozen=True, slots=True)
class Interval:
    """The bounds between which a share lies with 95 % confidence, each from 0 to 1."""

    low: float
    high: float


def wilson_interval(part: int, whole: int) -> Interval:
    """Return where the true share lies of which `part` of `whole` were seen, with 95 % confidence, by Wilson's score
    interval.

    It holds for few and for none or all, where the usual normal interval has no width (E. B. Wilson, Probable
    inference, 1927).
    """
    if whole == 0:
        return Interval(0.0, 1.0)
    share = part / whole
    middle = share + _Z**2 / (2 * whole)
    reach = _Z * sqrt(share * (1 - share) / whole + _Z**2 / (4 * whole**2))
    divisor = 1 + _Z**2 / whole
    return Interval(max(0.0, (middle - reach) / divisor), min(1.0, (middle + reach) / divisor))
