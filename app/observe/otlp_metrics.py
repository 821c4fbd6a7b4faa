"""Tallies as OpenTelemetry's metrics: the same names and values that Prometheus is shown, of this process alone.

Imported only where they are sent.
"""

from collections.abc import Iterable, Sequence
from time import time_ns

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Gauge as OTLPGauge
from opentelemetry.sdk.metrics.export import Histogram as OTLPHistogram
from opentelemetry.sdk.metrics.export import Metric as OTLPMetric
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from app.observe.kinds import Counter, Gauge, Histogram, Labels, Metric

_CUMULATIVE = AggregationTemporality.CUMULATIVE


class MetricsReport:
    """Says how tallies are now, since this was made."""

    def __init__(self, metrics: Sequence[Metric], resource: Resource, scope: InstrumentationScope) -> None:
        self._metrics = metrics
        self._resource = resource
        self._scope = scope
        self._started = time_ns()

    def read(self) -> MetricsData:
        """Return all of them that have a value."""
        now = time_ns()
        told = [one for metric in self._metrics if (one := self._tell(metric, now)) is not None]
        scope = ScopeMetrics(scope=self._scope, metrics=told, schema_url="")
        return MetricsData([ResourceMetrics(resource=self._resource, scope_metrics=[scope], schema_url="")])

    def _tell(self, metric: Metric, now: int) -> OTLPMetric | None:
        match metric:
            case Counter():
                points = self._numbers(metric, metric.tallies.items(), now)
                data: Sum | OTLPGauge | OTLPHistogram = Sum(points, _CUMULATIVE, is_monotonic=True)
            case Gauge():
                data = OTLPGauge(self._numbers(metric, metric.read().items(), now))
            case Histogram():
                data = OTLPHistogram(self._distributions(metric, now), _CUMULATIVE)
            case _:
                raise TypeError(type(metric))
        if not data.data_points:
            return None
        return OTLPMetric(name=metric.name, description=metric.meaning, unit=getattr(metric, "unit", ""), data=data)

    def _numbers(self, metric: Metric, values: Iterable[tuple[Labels, float]], now: int) -> list[NumberDataPoint]:
        return [
            NumberDataPoint(
                attributes=_attributes(metric, labels),
                start_time_unix_nano=self._started,
                time_unix_nano=now,
                value=value,
            )
            for labels, value in values
        ]

    def _distributions(self, metric: Histogram, now: int) -> list[HistogramDataPoint]:
        return [
            HistogramDataPoint(
                attributes=_attributes(metric, labels),
                start_time_unix_nano=self._started,
                time_unix_nano=now,
                count=sum(tally.counts),
                sum=tally.total,
                bucket_counts=tally.counts.copy(),
                explicit_bounds=metric.bounds,
                min=None,  # type: ignore[arg-type]  # not kept, and optional in the protocol
                max=None,  # type: ignore[arg-type]
            )
            for labels, tally in metric.tallies.items()
        ]


def _attributes(metric: Metric, labels: Labels) -> dict[str, str | int]:
    """Return labels by their names; one that is empty is not there."""
    named = zip(metric.labels, labels, strict=True)
    return {name: value if isinstance(value, int) else str(value) for name, value in named if value != ""}
