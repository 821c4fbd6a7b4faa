"""What was asked of which model, and what came of it, as sums over the questions. SQL only."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.database import Reader
from app.models.domain import Usage
from app.models.model_statistics import CallTotals
from app.repositories.rollup_reader import CALLS, RollupReader
from app.repositories.rollup_sums import Key
from app.utils.days import DaySpan


@dataclass(frozen=True, slots=True)
class ModelRepository:
    """Sums up the questions to models."""

    database: Reader

    async def sum_calls(self, span: DaySpan) -> list[CallTotals]:
        """Sum up the questions asked on these days. Raises `DatabaseUnavailable`, `StatisticsNotBuilt`."""
        (rows,) = await RollupReader(self.database).sum_days(span, CALLS)
        sums: dict[Key, list[int]] = {}
        for (_, *key), amounts in rows.items():
            known = sums.setdefault(tuple(key), [0] * len(amounts))
            for place, amount in enumerate(amounts):
                known[place] += amount
        return [_totals(key, amounts) for key, amounts in sums.items()]


def _totals(key: Key, amounts: Sequence[int]) -> CallTotals:
    provider, model, lane, outcome = (str(part) for part in key)
    calls, paid, output, cached, cost, unpriced_input, unpriced_output, timed, total_ms = amounts
    return CallTotals(
        provider=provider or None,
        model=model or None,
        lane=lane,
        outcome=outcome,
        calls=calls,
        usage=Usage(paid, output, cached),
        cost=Decimal(cost).scaleb(-10),
        unpriced=Usage(unpriced_input, unpriced_output),
        timed_calls=timed,
        total_ms=total_ms,
    )
