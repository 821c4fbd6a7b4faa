"""Wraps parts of the service in spans where traces are sent, and leaves them as they are where they are not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.observe.metrics import Metrics
from app.observe.settings import TelemetrySettings
from app.services.cache.lookups import Lookups
from app.services.photo_in_question import Preparer
from app.services.records.recorder import Commits

if TYPE_CHECKING:
    from app.observe.gen_ai import GenAI
    from app.observe.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Tracing:
    """Wraps nothing: no spans are sent. Metrics may be."""

    telemetry: "Telemetry | None" = None

    @property
    def gen_ai(self) -> "GenAI | None":
        """What tells of calls of models, where anything is sent."""
        return None if self.telemetry is None else self.telemetry.gen_ai

    def lookups(self, lookups: Lookups) -> Lookups:
        """Return what looks photos up."""
        return lookups

    def preparer(self, preparer: Preparer) -> Preparer:
        """Return what prepares images."""
        return preparer

    def commits(self, commits: Commits) -> Commits:
        """Return what makes records durable."""
        return commits


@asynccontextmanager
async def open_tracing(settings: TelemetrySettings, metrics: Metrics) -> AsyncIterator[Tracing]:
    """Send traces and metrics until the end of the block, where the settings name a collector."""
    if not settings.sends_telemetry:
        yield Tracing()
        return
    from app.observe.telemetry import open_telemetry
    from app.services.traced import SpanTracing

    async with open_telemetry(settings, metrics) as telemetry:
        yield Tracing(telemetry) if settings.traces_address is None else SpanTracing(telemetry)
