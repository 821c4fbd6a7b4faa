"""Requests as spans. Imported only where somebody traces."""

from opentelemetry.trace import SpanKind, StatusCode, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Receive, Scope, Send

from app.api.http.context import container_of
from app.api.http.middleware import METHODS, NO_ROUTE, RequestMiddleware

_PARENT = b"traceparent"
_propagator = TraceContextTextMapPropagator()


class TracedMiddleware(RequestMiddleware):
    """Tells of each request by a span, below the caller's own where it names one (W3C Trace Context).

    The span has the route, never the path: that may name a user or a photo.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and tell of it."""
        telemetry = container_of(scope).tracing.telemetry if scope["type"] == "http" else None
        if telemetry is None:
            await super().__call__(scope, receive, send)
            return
        sent = dict(scope["headers"]).get(_PARENT, b"")  # without `tracestate`, which may hold anything
        parent = _propagator.extract({_PARENT.decode(): sent.decode("latin-1")})
        method = _method_of(scope)
        with telemetry.tracer.start_as_current_span(
            method,
            context=parent,
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method},
            record_exception=False,
            set_status_on_exception=False,
        ):
            await super().__call__(scope, receive, send)

    def _measure(self, scope: Scope, endpoint: object, status: int, seconds: float) -> str:
        route = super()._measure(scope, endpoint, status, seconds)
        span = get_current_span()
        if route != NO_ROUTE:
            span.update_name(f"{_method_of(scope)} {route}")
            span.set_attribute("http.route", route)
        if status:
            span.set_attribute("http.response.status_code", status)
        span.set_attribute("image_classifier.request_id", scope["state"]["request_id"])
        if "error_code" in scope["state"]:
            span.set_attribute("error.type", scope["state"]["error_code"])
        if status >= 500:
            span.set_status(StatusCode.ERROR)
        return route


def _method_of(scope: Scope) -> str:
    """Return the method; of one that is none `_OTHER`: it may be any word of the caller's."""
    return scope["method"] if scope["method"] in METHODS else "_OTHER"
