"""By which names answers were found, and what was not uploaded for it, as sums over the requests. SQL only."""

from dataclasses import dataclass

from app.database import Reader
from app.models.identity import MatchTotals
from app.repositories.categories import matched_by_of
from app.repositories.rollup_reader import REQUESTS, RollupReader
from app.utils.days import DaySpan


@dataclass(frozen=True, slots=True)
class IdentityRepository:
    """Sums up what each kind of name was worth."""

    database: Reader

    async def sum_matches(self, span: DaySpan) -> list[MatchTotals]:
        """Sum up the requests of these days. Raises `DatabaseUnavailable`, `StatisticsNotBuilt`."""
        (rows,) = await RollupReader(self.database).sum_days(span, REQUESTS)
        sums: dict[str, list[int]] = {}
        for (_, kind), (requests, _, _, _, not_uploaded, saved_bytes) in rows.items():
            known = sums.setdefault(str(kind), [0, 0, 0])
            for place, amount in enumerate((requests, not_uploaded, saved_bytes)):
                known[place] += amount
        # The empty kind, a model's answers, comes first.
        return [
            MatchTotals(matched_by_of(kind or None), bool(kind), *values)
            for kind, values in sorted(sums.items())
            if values[0]
        ]
