"""What operators read of the models: what each was asked, what came of it and what it cost, and how far the embedded
network can be trusted on their own photos."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol
from zoneinfo import ZoneInfo

from app.models.domain import LOCAL_PROVIDER, Usage
from app.models.model_statistics import CallTotals, ModelsStatistics, ModelStatistics, NetworkStatistics, OutcomeCount
from app.models.prices import Prices
from app.utils.clock import Clock
from app.utils.days import DaySpan, last_days
from app.utils.wilson import wilson_interval


class Calls(Protocol):
    """The questions to models. Raises `DatabaseUnavailable`."""

    async def sum_calls(self, span: DaySpan) -> list[CallTotals]:
        """Sum up the questions of a span by model, lane and outcome."""
        ...


@dataclass(frozen=True, slots=True)
class ModelStatsService:
    """Statistics of the models. Days begin at midnight in `timezone`."""

    calls: Calls
    prices: Prices
    timezone: ZoneInfo
    clock: Clock

    async def summarize(self, days: int) -> ModelsStatistics:
        """Return what happened in the last `days` days, today included. Raises `DatabaseUnavailable`."""
        now = self.clock()
        span = last_days(now, self.timezone, days)
        totals = await self.calls.sum_calls(span)
        models = [self._summarize_model(list(rows)) for _, rows in groupby(sorted(totals, key=_model), key=_model)]
        return ModelsStatistics(
            days=days,
            start=span.start,
            as_of=now,
            timezone=self.timezone.key,
            basis="model_call",
            models=sorted(models, key=lambda model: -model.calls),
            network=summarize_network(totals),
        )

    def _summarize_model(self, rows: Sequence[CallTotals]) -> ModelStatistics:
        usage = sum((row.usage for row in rows), Usage())
        unpriced = sum((row.unpriced for row in rows), Usage())
        timed = sum(row.timed_calls for row in rows)
        return ModelStatistics(
            provider=rows[0].provider,
            model=rows[0].model,
            lane=rows[0].lane,
            calls=sum(row.calls for row in rows),
            outcomes=[OutcomeCount(row.outcome, row.calls) for row in sorted(rows, key=lambda row: -row.calls)],
            input_tokens=usage.input_tokens,
            cached_tokens=usage.cached_tokens,
            output_tokens=usage.output_tokens,
            unpriced_tokens=unpriced.input_tokens + unpriced.output_tokens,
            cost=float(sum(row.cost for row in rows) + (self.prices.cost_of_tokens(unpriced) or 0)),
            avg_duration_ms=round(sum(row.total_ms for row in rows) / timed) if timed else None,
        )


def summarize_network(totals: Iterable[CallTotals]) -> NetworkStatistics:
    """Return what came of the looks of the embedded network."""
    looks: Counter[str] = Counter()
    for row in totals:
        if row.provider == LOCAL_PROVIDER:
            looks[row.outcome] += row.calls
    compared = looks["agreed"] + looks["disagreed"]
    photos = looks["sure"] + looks["unsure"] + compared
    interval = wilson_interval(looks["agreed"], compared)
    return NetworkStatistics(
        photos=photos,
        answered=looks["sure"],
        share_answered=round(looks["sure"] / photos, 4) if photos else 0.0,
        compared=compared,
        agreed=looks["agreed"],
        agreement=round(looks["agreed"] / compared, 4) if compared else None,
        agreement_low=round(interval.low, 4),
        agreement_high=round(interval.high, 4),
        degraded=looks["degraded"],
    )


def _model(row: CallTotals) -> tuple[str, str, str]:
    return row.provider or "", row.model or "", row.lane
