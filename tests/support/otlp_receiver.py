"""An OpenTelemetry collector as far as tests need one: OTLP over real HTTP, protobuf parsed by OpenTelemetry's own."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Attributes = dict[str, Any]


def attributes_of(message: Any) -> Attributes:
    """Return the attributes of a resource, span or data point."""
    return {
        pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in message.attributes
    }


@dataclass
class Received:
    """What was sent, and how it is answered."""

    url: str = ""
    status: int = 200
    hangs: threading.Event = field(default_factory=threading.Event)
    """Cleared: requests below `hanging_path` are not answered."""

    hanging_path: str = "/v1"

    bodies: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)

    def _messages(self, path: str, kind: Any) -> Iterator[Any]:
        for at, body, _ in list(self.bodies):
            if at.endswith(path):
                message = kind()
                message.ParseFromString(body)
                yield message

    @property
    def spans(self) -> list[Any]:
        return [
            span
            for message in self._messages("/v1/traces", ExportTraceServiceRequest)
            for resource in message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def resources(self) -> list[Attributes]:
        return [
            attributes_of(resource.resource)
            for message in self._messages("/v1/traces", ExportTraceServiceRequest)
            for resource in message.resource_spans
        ]

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics by their names, as they were sent last."""
        return {
            metric.name: metric
            for message in self._messages("/v1/metrics", ExportMetricsServiceRequest)
            for resource in message.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@contextmanager
def running_receiver() -> Iterator[Received]:
    """Receive until the end of the block."""
    received = Received()
    received.hangs.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path.startswith(received.hanging_path):
                received.hangs.wait(20)
            if received.status == 200:
                received.bodies.append((self.path, body, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(received.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    received.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        received.hangs.set()
        server.shutdown()
        server.server_close()
        thread.join()
