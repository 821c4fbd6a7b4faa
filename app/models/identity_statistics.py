"""What the statistics say of how photos were recognised: plain values, which the API wraps by their fields' names."""

from dataclasses import dataclass
from datetime import datetime

from app.models.identity import MatchedBy
from app.models.near import CategoryTrials, NearDuplicates, NearState
from app.models.trend_statistics import Basis


@dataclass(frozen=True, slots=True)
class MatchSavings:
    """The requests whose photo was recognised by one kind of name, and what that saved.

    `uploads_saved` of them came without the file; `bytes_saved` is what their files weigh together.
    """

    matched_by: MatchedBy
    requests: int
    calls_saved: int
    cost_saved: float
    uploads_saved: int
    bytes_saved: int


@dataclass(frozen=True, slots=True)
class PaidRequests:
    """The requests that a model was asked for, the questions it was asked, and their cost."""

    requests: int
    calls: int
    cost: float


@dataclass(frozen=True, slots=True)
class TrialStatistics:
    """The trials of a span. The true share of errors lies between `error_low` and `error_high` with 95 % confidence."""

    comparisons: int
    disagreed: int
    error_low: float
    error_high: float
    by_category: list[CategoryTrials]


@dataclass(frozen=True, slots=True)
class NearDecision:
    """Whether near matches are served at the moment, why, and on what evidence: the latest trials of all."""

    mode: NearDuplicates
    state: NearState
    reason: str
    comparisons: int
    disagreed: int
    error_low: float
    error_high: float


@dataclass(frozen=True, slots=True)
class IdentityStatistics:
    """How photos were recognised from `start` until `as_of`."""

    days: int
    start: datetime
    as_of: datetime
    timezone: str
    basis: Basis
    matches: list[MatchSavings]
    """Of each kind of name, the surest first."""

    paid: PaidRequests
    trials: TrialStatistics
    near: NearDecision
