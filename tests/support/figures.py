"""Reads what /metrics says."""

from dataclasses import dataclass
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

PREFIX = "image_classifier_"


@dataclass(frozen=True)
class Figures:
    """All samples of one answer, by name and labels."""

    samples: dict[tuple[str, frozenset[tuple[str, str]]], float]

    @classmethod
    def of(cls, text: str) -> Self:
        """Parse the text, as Prometheus would."""
        return cls(
            {
                (sample.name, frozenset(sample.labels.items())): sample.value
                for family in text_string_to_metric_families(text)
                for sample in family.samples
            }
        )

    def sum(self, name: str, **labels: str) -> float:
        """Return the sum of all samples that have these labels, whatever others they have."""
        wanted = set(labels.items())
        return sum(
            value
            for (full_name, present), value in self.samples.items()
            if full_name == PREFIX + name and wanted <= present
        )

    def values(self, label: str) -> set[str]:
        """Return every value of a label."""
        return {value for _, labels in self.samples for name, value in labels if name == label}

    def names(self) -> set[str]:
        return {name for name, _ in self.samples}
