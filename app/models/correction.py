"""Answers as operators see and change them, and the record of who changed what."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.models.domain import Category
from app.models.identity import MatchedBy

AuditAction = Literal["correct", "delete", "purge"]

MANY = "*"
"""Stands for the image hash where more answers have changed than are named one by one."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Who makes a change, as far as that is known: the name of their key or token, their address, and their request."""

    request_id: str
    key_name: str | None
    ip_address: str | None


@dataclass(frozen=True, slots=True)
class NameRecord:
    """One more name of an answer."""

    name: str
    matched_by: MatchedBy | None
    """None where it is of a kind that this version does not know."""

    distance: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """The row of an answer."""

    image_hash: str
    category: str
    """One of the eight, but for rows that were edited by hand or are of another version."""

    confidence: float
    description: str | None
    model_used: str
    prompt_version: str
    image_size: int | None
    hit_count: int
    created_at: datetime
    last_hit_at: datetime
    corrected: bool


@dataclass(frozen=True, slots=True)
class AnswerState:
    """What an answer said before or after a change."""

    category: str
    confidence: float
    model_used: str


@dataclass(frozen=True, slots=True)
class Purge:
    """Which answers are to be deleted together: those that all of the given values fit."""

    model: str | None = None
    prompt_version: str | None = None
    category: Category | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class PurgeState:
    """Which answers were deleted together, and how many."""

    model: str | None
    prompt_version: str | None
    category: str | None
    before: str | None
    deleted: int


@dataclass(frozen=True, slots=True)
class PurgeResult:
    """What came of a purge, or would come of it."""

    matched: int
    """So many answers there were when it began."""

    deleted: int
    complete: bool
    """Whether all of them have been looked at: if not, there may be more."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change by an operator."""

    id: int
    created_at: datetime
    key_name: str | None
    ip_address: str | None
    action: str
    image_hash: str | None
    """None where many answers were changed together."""

    reason: str
    before: AnswerState | None
    after: AnswerState | None
    purged: PurgeState | None
    request_id: str


@dataclass(frozen=True, slots=True)
class AnswerWithHistory:
    """An answer, how it is called, and what was changed about it."""

    answer: AnswerRecord
    names: list[NameRecord]
    """The first of them; `names_total` says how many there are."""

    names_total: int
    history: list[AuditEntry]
    """The latest changes, newest first."""


@dataclass(frozen=True, slots=True)
class CacheChange:
    """An answer that an operator has changed, or `MANY`."""

    number: int
    image_hash: str
    deleted: bool
    mark: int = 0
    """What tells it from another change that got the same number, in a database from which it is lost."""
