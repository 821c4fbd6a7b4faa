"""Parts of a whole, rounded as MySQL rounds them, so that our figures are those of the specification's SQL."""

from decimal import ROUND_HALF_UP, Decimal


def ratio(part: int | Decimal, whole: int, *, places: int) -> Decimal:
    """Return part / whole, rounded half up as MySQL's ROUND does; 0 where there is nothing to divide by."""
    if whole == 0:
        return Decimal(0)
    return (Decimal(part) / whole).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def percentage(part: int, whole: int) -> float:
    """Return part / whole in per cent, as MySQL has `ROUND(part * 100.0 / whole, 2)`: its quotient has five places."""
    return float(ratio(ratio(part * 100, whole, places=5), 1, places=2))
