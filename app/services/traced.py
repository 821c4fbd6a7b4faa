"""Parts of a request as spans: what is looked up, prepared and written. Imported only where somebody traces.

No span holds a name, a user, an address or a byte of a photo.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.trace import Span, StatusCode, Tracer

from app.errors import ServiceError
from app.models.domain import Failure, KnownAnswer, Outcome
from app.observe.telemetry import Telemetry
from app.services.cache.lookups import Lookups
from app.services.photo_in_question import Preparer
from app.services.records.recorder import Commits
from app.services.tracing import Tracing
from app.utils.deadline import Deadline
from app.utils.image_utils import Prepared


@contextmanager
def span_of(tracer: Tracer, name: str) -> Iterator[Span]:
    """Tell of what is done in the block. Of an error the span has the code, and never the text."""
    with tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as span:
        try:
            yield span
        except ServiceError as error:
            span.set_attribute("error.type", error.code)
            if error.status >= 500:
                span.set_status(StatusCode.ERROR)
            raise


@dataclass(frozen=True, slots=True)
class SpanTracing(Tracing):
    """Wraps each part in what tells of it."""

    def lookups(self, lookups: Lookups) -> Lookups:
        return TracedLookups(lookups, self._telemetry.tracer)

    def preparer(self, preparer: Preparer) -> Preparer:
        return TracedPreparer(preparer, self._telemetry.tracer)

    def commits(self, commits: Commits) -> Commits:
        return TracedCommits(commits, self._telemetry.tracer)

    @property
    def _telemetry(self) -> Telemetry:
        assert self.telemetry is not None
        return self.telemetry


@dataclass(frozen=True, slots=True)
class TracedLookups:
    """Lookups in the database, the wait for their statement included."""

    inner: Lookups
    tracer: Tracer

    async def find(self, name: str) -> KnownAnswer | None:
        with span_of(self.tracer, "look up") as span:
            found = await self.inner.find(name)
            span.set_attribute("image_classifier.found", found is not None)
            return found

    async def find_all(self, names: Sequence[str]) -> list[KnownAnswer | Exception | None]:
        with span_of(self.tracer, "look up") as span:
            found = await self.inner.find_all(names)
            span.set_attribute("image_classifier.names", len(names))
            return found


@dataclass(frozen=True, slots=True)
class TracedPreparer:
    """Decoding and shrinking a photo, the wait for a place included."""

    inner: Preparer
    tracer: Tracer

    @property
    def is_busy(self) -> bool:
        return self.inner.is_busy

    async def prepare(self, data: bytes, deadline: Deadline) -> Prepared:
        with span_of(self.tracer, "prepare") as span:
            span.set_attribute("image_classifier.upload.size", len(data))
            return await self.inner.prepare(data, deadline)


@dataclass(frozen=True, slots=True)
class TracedCommits:
    """Writing records, the wait for their transaction included."""

    inner: Commits
    tracer: Tracer

    async def record(self, outcome: Outcome | Failure) -> None:
        with span_of(self.tracer, "commit"):
            await self.inner.record(outcome)

    async def record_all(self, outcomes: Sequence[Outcome]) -> list[Exception | None]:
        if not outcomes:
            return await self.inner.record_all(outcomes)
        with span_of(self.tracer, "commit") as span:
            span.set_attribute("image_classifier.records", len(outcomes))
            return await self.inner.record_all(outcomes)
