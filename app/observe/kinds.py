"""The kinds of metrics: plain tallies, read elsewhere. A tally costs a tenth of what Prometheus' own objects cost when
they are shared between processes."""

from bisect import bisect_left
from collections.abc import Callable

Labels = tuple[object, ...]
"""One value for each name, in the names' order."""

PREFIX = "image_classifier_"


class Metric:
    """What all kinds of metrics have."""

    kind = ""

    def __init__(self, name: str, meaning: str, labels: tuple[str, ...] = ()) -> None:
        self.name = PREFIX + name
        self.meaning = meaning
        self.labels = labels


class Counter(Metric):
    """Something that only grows."""

    kind = "counter"

    def __init__(self, name: str, meaning: str, labels: tuple[str, ...] = ()) -> None:
        super().__init__(name, meaning, labels)
        self.tallies: dict[Labels, float] = {}

    def add(self, *labels: object, amount: float = 1) -> None:
        """Count one, or `amount`, for these labels."""
        self.tallies[labels] = self.tallies.get(labels, 0) + amount


class Distribution:
    """How many values fell below each bound and above the one before it, and their sum."""

    __slots__ = ("counts", "total")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * buckets
        self.total = 0.0


class Histogram(Metric):
    """How some quantity is distributed."""

    kind = "histogram"

    def __init__(self, name: str, meaning: str, labels: tuple[str, ...], bounds: tuple[float, ...]) -> None:
        super().__init__(name, meaning, labels)
        self.bounds = bounds
        self.tallies: dict[Labels, Distribution] = {}

    def observe(self, value: float, *labels: object) -> None:
        """Count a value for these labels."""
        tally = self.tallies.get(labels)
        if tally is None:
            tally = self.tallies[labels] = Distribution(len(self.bounds) + 1)
        tally.counts[bisect_left(self.bounds, value)] += 1
        tally.total += value


class Gauge(Metric):
    """Something that is there at the moment: it is read when it is asked for.

    Processes are added up; what is shared by all of them, such as a sum in the database, is the highest that one saw.
    """

    kind = "gauge"

    def __init__(self, name: str, meaning: str, labels: tuple[str, ...] = (), *, is_shared: bool = False) -> None:
        super().__init__(name, meaning, labels)
        self.is_shared = is_shared
        self._readers: list[tuple[Labels, Callable[[], float]]] = []

    def watch(self, read: Callable[[], float], *labels: object) -> None:
        """Let `read` say the value for these labels; several for the same labels are added up."""
        self._readers.append((labels, read))

    def read(self) -> dict[Labels, float]:
        """Return the present values."""
        values: dict[Labels, float] = {}
        for labels, read in self._readers:
            values[labels] = values.get(labels, 0) + read()
        return values
