"""What the statistics say of the models: plain values, which the API wraps by the names of their fields."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.models.domain import Usage
from app.models.trend_statistics import Basis


@dataclass(frozen=True, slots=True)
class CallTotals:
    """Sums over the questions of a span that went to one model, in one lane, with one outcome."""

    provider: str | None
    """None, as the model, where it is not on record: from before there was one row a question."""

    model: str | None
    lane: str
    outcome: str
    calls: int
    usage: Usage
    cost: Decimal
    unpriced: Usage
    """The tokens of those whose cost is not on record."""

    timed_calls: int
    total_ms: int


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """How many questions had one outcome."""

    outcome: str
    calls: int


@dataclass(frozen=True, slots=True)
class ModelStatistics:
    """The questions to one model, in one lane."""

    provider: str | None
    model: str | None
    lane: str
    calls: int
    outcomes: list[OutcomeCount]
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    unpriced_tokens: int
    """Those of input and output whose cost is not on record."""

    cost: float
    avg_duration_ms: int | None


@dataclass(frozen=True, slots=True)
class NetworkStatistics:
    """What the embedded network was good for beside a model.

    `photos` are those that it looked at first; of these it answered `answered` alone, and about `compared` of them a
    model was asked all the same. The true share of those that agree lies between `agreement_low` and `agreement_high`
    with 95 % confidence. `degraded` are
    looks in place of models that were away: callers who share one count once.
    """

    photos: int
    answered: int
    share_answered: float
    compared: int
    agreed: int
    agreement: float | None
    agreement_low: float
    agreement_high: float
    degraded: int


@dataclass(frozen=True, slots=True)
class ModelsStatistics:
    """What models were asked, and what came of it, from `start` until `as_of`."""

    days: int
    start: datetime
    as_of: datetime
    timezone: str
    basis: Basis
    models: list[ModelStatistics]
    """Most asked first."""

    network: NetworkStatistics
