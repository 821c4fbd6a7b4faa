"""Calls of models as OpenTelemetry's conventions for generative AI name them: the only place that knows these names.

Figures and names alone: never what was asked or answered. https://opentelemetry.io/docs/specs/semconv/gen-ai/
"""

from asyncio import CancelledError
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer

from app.models.domain import Usage
from app.observe.kinds import Histogram

_OPERATION = "chat"
_PROVIDERS = {"claude": "anthropic"}
"""Where the conventions have a name of their own."""

_TOKEN_BOUNDS = tuple(4.0**power for power in range(14))
_SECOND_BOUNDS = tuple(0.01 * 2**power for power in range(14))


class _Named(Histogram):
    """A histogram whose name is not ours to choose."""

    def __init__(self, name: str, unit: str, meaning: str, labels: tuple[str, ...], bounds: tuple[float, ...]) -> None:
        super().__init__(name, meaning, labels, bounds)
        self.name = name
        self.unit = unit


@dataclass(slots=True)
class GenAICall:
    """A question to a model, as it comes to its end."""

    span: Span
    usage: Usage = field(default_factory=Usage)
    error: str | None = None
    """What it failed with, where the block knows: a code of ours."""


class GenAI:
    """Tells of calls of models, by a span each and two histograms."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        labels = ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model")
        self.token_usage = _Named(
            "gen_ai.client.token.usage",
            "{token}",
            "Tokens of a question and its answer",
            (*labels, "gen_ai.token.type"),
            _TOKEN_BOUNDS,
        )
        self.duration = _Named(
            "gen_ai.client.operation.duration",
            "s",
            "Time of a question to a model",
            (*labels, "error.type"),
            _SECOND_BOUNDS,
        )

    @contextmanager
    def call(self, provider: str, model: str) -> Iterator[GenAICall]:
        """Tell of a call of a model that takes as long as the block.

        An error that the block has no code for is told by its type, and a cancellation as `cancelled`.
        """
        names = (_OPERATION, _PROVIDERS.get(provider, provider), model)
        attributes = dict(zip(self.token_usage.labels, names, strict=False))
        started = perf_counter()
        with self._tracer.start_as_current_span(
            f"{_OPERATION} {model}",
            kind=SpanKind.CLIENT,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            call = GenAICall(span)
            try:
                yield call
            except BaseException as error:
                call.error = call.error or _type_of(error)
                raise
            finally:
                self._conclude(call, names, perf_counter() - started)

    def _conclude(self, call: GenAICall, names: tuple[str, str, str], seconds: float) -> None:
        told: dict[str, Any] = {}
        tokens = {"input": call.usage.input_tokens, "output": call.usage.output_tokens}
        if any(tokens.values()):
            for kind, count in tokens.items():
                told[f"gen_ai.usage.{kind}_tokens"] = count
                self.token_usage.observe(count, *names, kind)
        if call.usage.cached_tokens:
            told["gen_ai.usage.cache_read.input_tokens"] = call.usage.cached_tokens
        if call.error is not None:
            told["error.type"] = call.error
            call.span.set_status(StatusCode.ERROR)
        call.span.set_attributes(told)
        self.duration.observe(seconds, *names, call.error or "")


def _type_of(error: BaseException) -> str:
    """Return what an error is called that has no code; never its text."""
    return "cancelled" if isinstance(error, CancelledError) else type(error).__qualname__
