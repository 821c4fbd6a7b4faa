"""Sends traces and metrics to an OpenTelemetry collector. Imported only where one is named: the SDK takes memory.

Nothing waits for the collector: spans are kept up to a bound and sent by a thread of the SDK, metrics are read now and
then. One that is away costs a line in the log, and what it missed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from loguru import logger
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricExportResult
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NoOpTracer, Tracer

from app.observe.gen_ai import GenAI
from app.observe.metrics import Metrics
from app.observe.otlp_metrics import MetricsReport
from app.observe.settings import TelemetrySettings
from app.utils.keep_doing import keep_doing
from app.utils.threads import in_own_thread
from app.version import VERSION

_NAME = "image-classifier"
_END_SECONDS = 3.0
"""For what is still to be sent of each signal when the process ends."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What tells of requests and of calls of models."""

    tracer: Tracer
    gen_ai: GenAI


class _Reachable:
    """Says in the log when the collector goes away, and when it is back: once each, where the SDK says it each time."""

    def __init__(self, signal: str) -> None:
        self._signal = signal
        self._failed = False

    def note(self, *, failed: bool) -> None:
        if failed and not self._failed:
            logger.warning("telemetry cannot be sent: the collector does not take it", signal=self._signal)
        elif self._failed and not failed:
            logger.info("telemetry is sent again", signal=self._signal)
        self._failed = failed


class _NotedSpanExporter(SpanExporter):
    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self._reachable = _Reachable("traces")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._inner.export(spans)
        self._reachable.note(failed=result is not SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()


class _SentSpans:
    """Spans, sent by a thread of the SDK."""

    def __init__(self, address: str, resource: Resource) -> None:
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(_NotedSpanExporter(OTLPSpanExporter(address))))
        self.tracer = self._provider.get_tracer(_NAME, VERSION)

    async def close(self) -> None:
        """Send what is left."""
        await _end("traces", self._provider.shutdown)


class _SentMetrics:
    """Metrics, sent now and then."""

    def __init__(self, address: str, report: MetricsReport, interval_seconds: float) -> None:
        self._exporter = OTLPMetricExporter(address)
        self._report = report
        self._reachable = _Reachable("metrics")
        self._sending = asyncio.create_task(keep_doing(self._send, lambda: interval_seconds, "sending metrics"))

    async def close(self) -> None:
        """Send them for the last time."""
        self._sending.cancel()
        await asyncio.wait([self._sending])
        last = self._report.read()

        def send_last() -> None:
            self._exporter.export(last)
            self._exporter.shutdown()

        await _end("metrics", send_last)

    async def _send(self) -> None:
        result = await asyncio.wrap_future(
            in_own_thread(partial(self._exporter.export, self._report.read()), "telemetry")
        )
        self._reachable.note(failed=result is not MetricExportResult.SUCCESS)


@asynccontextmanager
async def open_telemetry(settings: TelemetrySettings, metrics: Metrics) -> AsyncIterator[Telemetry]:
    """Send traces, metrics or both until the end of the block, of the process that opens it: no thread outlives a fork.

    At the end each has a time of its own: one that hangs loses nothing of the other.
    """
    resource = _resource()
    sent: list[_SentSpans | _SentMetrics] = []
    tracer: Tracer = NoOpTracer()
    if settings.traces_address is not None:
        spans = _SentSpans(settings.traces_address, resource)
        tracer = spans.tracer
        sent.append(spans)
    gen_ai = GenAI(tracer)
    if settings.metrics_address is not None:
        told = [*metrics.all(), gen_ai.token_usage, gen_ai.duration]
        report = MetricsReport(told, resource, InstrumentationScope(_NAME, VERSION))
        sent.append(_SentMetrics(settings.metrics_address, report, settings.otel_metric_export_interval / 1000))
    try:
        yield Telemetry(tracer, gen_ai)
    finally:
        await asyncio.gather(*(signal.close() for signal in sent))


async def _end(signal: str, send_rest: Callable[[], None]) -> None:
    """Send what is left of a signal, in time or not at all. No error of it ends the process in another way."""
    try:
        async with asyncio.timeout(_END_SECONDS):
            await asyncio.wrap_future(in_own_thread(send_rest, "telemetry"))
    except TimeoutError:
        logger.warning("telemetry that was left could not be sent in time", signal=signal)
    except Exception:
        logger.exception("telemetry that was left could not be sent", signal=signal)


def _resource() -> Resource:
    """Return what this process is called: as `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say, else by ours.

    Each process is an instance of its own: its sums are its own.
    """
    ours = {"service.name": _NAME, "service.version": VERSION, "service.instance.id": str(uuid4())}
    return Resource.create().merge(Resource(ours)).merge(OTELResourceDetector().detect())
