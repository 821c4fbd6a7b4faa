"""Shows the tallies of `metrics.py` to Prometheus: in this process alone, or added up over gunicorn's workers.

Which of the two it is, prometheus_client knows: gunicorn_config.py names a folder, in which each worker keeps its
figures, before anything is imported. The only module that knows Prometheus.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import prometheus_client
from prometheus_client import CollectorRegistry, disable_created_metrics, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from app.observe import metrics_folder
from app.observe.kinds import Counter, Distribution, Gauge, Histogram, Labels
from app.observe.metrics import Metrics
from app.utils.keep_doing import keep_doing

CONTENT_TYPE = prometheus_client.CONTENT_TYPE_PLAIN_0_0_4

Present = Mapping[str, Mapping[Labels, float]]

_FLUSH_SECONDS = 1.0
_ATTEMPTS = 3


class Exposition:
    """Hands tallies on once a second; a worker that is asked for figures knows its own to the moment."""

    def __init__(self, metrics: Metrics, folder: Path | None = None) -> None:
        """`folder` is where the processes of this machine keep their figures, if there are several."""
        # They would be twice as many lines, and the mode with several processes does not know them.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._own = CollectorRegistry()
        self._folder = folder
        self._shown = [_show(metric, self._own) for metric in metrics.all()]
        self._gauges = [metric for metric in metrics.all() if isinstance(metric, Gauge)]

    async def render(self) -> bytes:
        """Return all figures as Prometheus reads them."""
        self.flush()
        for _ in range(_ATTEMPTS - 1):
            # A worker that takes over the files of another renames them: then they are read once more.
            with suppress(FileNotFoundError):
                return await asyncio.to_thread(generate_latest, self._registry())
        return await asyncio.to_thread(generate_latest, self._registry())

    async def read_present(self) -> Present:
        """Return what is there now by the gauges' names and labels: in this process if it is all there is, else in all
        of them, as each handed it on at most a second ago."""
        folder = self._folder
        if folder is None:
            return {gauge.name: gauge.read() for gauge in self._gauges}
        found = await asyncio.to_thread(lambda: MultiProcessCollector.merge(metrics_folder.gauges(folder)))  # type: ignore[no-untyped-call]
        labels = {gauge.name: gauge.labels for gauge in self._gauges}
        return {
            name: {tuple(sample.labels[label] for label in labels[name]): sample.value for sample in metric.samples}
            for metric in found
            if (name := metric.name) in labels
        }

    def flush(self) -> None:
        """Hand on what was counted since the last time, and what is there now."""
        for shown in self._shown:
            shown.flush()

    async def run_forever(self) -> None:
        """Hand on every second."""

        async def hand_on() -> None:
            self.flush()

        await keep_doing(hand_on, lambda: _FLUSH_SECONDS, "handing metrics on")

    def _registry(self) -> CollectorRegistry:
        shared = CollectorRegistry()
        try:
            MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
        except ValueError:  # no folder was named: this process is all there is
            return self._own
        return shared


class _ShownCounter:
    def __init__(self, metric: Counter, registry: CollectorRegistry) -> None:
        self._metric = metric
        self._counter = prometheus_client.Counter(metric.name, metric.meaning, metric.labels, registry=registry)
        self._handed_on: dict[Labels, float] = {}

    def flush(self) -> None:
        for labels, count in self._metric.tallies.items():
            new = count - self._handed_on.get(labels, 0)
            if new or labels not in self._handed_on:
                (self._counter.labels(*labels) if labels else self._counter).inc(new)
                self._handed_on[labels] = count


class _PrometheusHistogram(prometheus_client.Histogram):
    """Takes many values at once, which the library has no verb for."""

    def add(self, counts: Sequence[int], total: float) -> None:
        """Add so many values to each bucket, and their sum."""
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)
        self._sum.inc(total)


class _ShownHistogram:
    def __init__(self, metric: Histogram, registry: CollectorRegistry) -> None:
        self._metric = metric
        self._histogram = _PrometheusHistogram(
            metric.name, metric.meaning, metric.labels, buckets=metric.bounds, registry=registry
        )
        self._handed_on: dict[Labels, Distribution] = {}

    def flush(self) -> None:
        for labels, tally in self._metric.tallies.items():
            before = self._handed_on.get(labels)
            if before is None:
                before = self._handed_on[labels] = Distribution(len(tally.counts))
            if tally.counts != before.counts:
                new = [now - then for now, then in zip(tally.counts, before.counts, strict=True)]
                histogram = self._histogram.labels(*labels) if labels else self._histogram
                histogram.add(new, tally.total - before.total)
                before.counts, before.total = tally.counts.copy(), tally.total


class _ShownGauge:
    def __init__(self, metric: Gauge, registry: CollectorRegistry) -> None:
        self._metric = metric
        self._gauge = prometheus_client.Gauge(
            metric.name,
            metric.meaning,
            metric.labels,
            registry=registry,
            multiprocess_mode="livemax" if metric.is_shared else "livesum",
        )

    def flush(self) -> None:
        for labels, value in self._metric.read().items():
            (self._gauge.labels(*labels) if labels else self._gauge).set(value)


def _show(metric: object, registry: CollectorRegistry) -> _ShownCounter | _ShownHistogram | _ShownGauge:
    match metric:
        case Counter():
            return _ShownCounter(metric, registry)
        case Histogram():
            return _ShownHistogram(metric, registry)
        case Gauge():
            return _ShownGauge(metric, registry)
    raise TypeError(type(metric))
