"""Where traces and metrics are sent, by the names that OpenTelemetry has for it."""

from pydantic import BaseModel, Field

from app.setting_types import CommaSeparated, HttpAddress

_OTLP = frozenset({"otlp", "otlp_proto_http"})
"""The protocol as the specification calls it, and as Python's SDK does."""


class TelemetrySettings(BaseModel):
    """OpenTelemetry."""

    otel_exporter_otlp_endpoint: HttpAddress | None = Field(
        None,
        description="Address of an OpenTelemetry collector: traces and metrics are sent there by OTLP over HTTP; the "
        "other `OTEL_` variables hold, too",
    )
    otel_exporter_otlp_traces_endpoint: HttpAddress | None = Field(
        None, description="Where traces are sent instead, with its path; without the one above nothing else is sent"
    )
    otel_exporter_otlp_metrics_endpoint: HttpAddress | None = Field(
        None, description="Where metrics are sent instead, with its path; in the same way"
    )
    otel_traces_exporter: CommaSeparated = Field(
        ("otlp",), description="Traces are sent where `otlp` is among these; `none`: they are not"
    )
    otel_metrics_exporter: CommaSeparated = Field(
        ("otlp",), description="Metrics are sent where `otlp` is among these; `none`: they are not"
    )
    otel_sdk_disabled: bool = Field(False, description="Sends neither, whatever else is set")
    otel_metric_export_interval: int = Field(
        60_000, ge=1000, le=3_600_000, description="How often metrics are sent, in milliseconds"
    )

    @property
    def traces_address(self) -> str | None:
        """Where traces are sent; None: they are not."""
        if self.otel_sdk_disabled or _OTLP.isdisjoint(self.otel_traces_exporter):
            return None
        return self.otel_exporter_otlp_traces_endpoint or self._below("v1/traces")

    @property
    def metrics_address(self) -> str | None:
        """Where metrics are sent; None: they are not."""
        if self.otel_sdk_disabled or _OTLP.isdisjoint(self.otel_metrics_exporter):
            return None
        return self.otel_exporter_otlp_metrics_endpoint or self._below("v1/metrics")

    @property
    def sends_telemetry(self) -> bool:
        """Whether anything is sent."""
        return self.traces_address is not None or self.metrics_address is not None

    def _below(self, path: str) -> str | None:
        base = self.otel_exporter_otlp_endpoint
        return None if base is None else f"{base.rstrip('/')}/{path}"
