"""What operators read of single answers and of what was changed about them, and its examples on the OpenAPI page."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from app.models.body import Body, Confidence, RequestId, Timestamp
from app.models.correction import AnswerWithHistory, AuditEntry
from app.models.domain import Category
from app.models.identity import MatchedBy


class AnswerStateData(Body):
    """What an answer said before or after a change."""

    category: str = Field(examples=["pets"])
    confidence: Confidence
    model_used: str = Field(examples=["operator"])


class PurgeStateData(Body):
    """Which answers were deleted together, and how many."""

    model: str | None
    prompt_version: str | None
    category: str | None
    before: str | None
    deleted: int = Field(examples=[412])


class AuditEntryData(Body):
    """One change by an operator."""

    id: int = Field(examples=[7])
    created_at: Timestamp
    key_name: str | None = Field(
        description="Name of the key that was shown, if it has one; of a token `user:` and its user, shortened",
        examples=["alice"],
    )
    ip_address: str | None = Field(description="Where the request came from", examples=["192.0.2.7"])
    action: str = Field(description="`correct`, `delete` or `purge`", examples=["correct"])
    image_hash: str | None = Field(description="Whose answer; null: many")
    reason: str
    before: AnswerStateData | None
    after: AnswerStateData | None
    purged: PurgeStateData | None
    request_id: RequestId


class AuditResponse(Body):
    """The answer of `GET /audit`."""

    success: Literal[True] = True
    data: list[AuditEntryData]


class AnswerNameData(Body):
    """One more name of an answer."""

    name: str
    matched_by: MatchedBy | None
    distance: int | None = Field(description="Of a near name: bits in which the pictures differ")
    created_at: Timestamp


class CachedAnswerData(Body):
    """An answer as it is in the cache."""

    image_hash: str = Field(description="SHA-256 of the photo that was paid for: the key of the answer")
    category: str = Field(examples=["pets"])
    confidence: Confidence
    description: str | None
    model_used: str = Field(description="`operator` where it was corrected", examples=["gpt-6-luna"])
    prompt_version: str = Field(examples=["1"])
    image_size: int | None
    hit_count: int = Field(examples=[23])
    created_at: Timestamp
    last_hit_at: Timestamp
    corrected: bool


class CachedAnswerHistoryData(CachedAnswerData):
    """An answer, how else it is called, and what was changed about it."""

    names: list[AnswerNameData] = Field(description="The first 100 other names")
    names_total: int = Field(examples=[2])
    history: list[AuditEntryData] = Field(description="The latest 100 changes, newest first")


class CachedAnswerResponse(Body):
    """The answer of `GET` and `PUT /cache/{image_hash}`."""

    success: Literal[True] = True
    data: CachedAnswerHistoryData


class DeletedAnswerResponse(Body):
    """The answer of `DELETE /cache/{image_hash}`: what it was."""

    success: Literal[True] = True
    data: CachedAnswerData


class PurgeData(Body):
    """What came of a purge."""

    matched: int = Field(description="Answers that it was meant for when it began", examples=[412])
    deleted: int = Field(examples=[0])
    complete: bool = Field(description="Whether there are none left: if not, call again")


class PurgeResponse(Body):
    """The answer of `POST /cache/purge`."""

    success: Literal[True] = True
    data: PurgeData


def describe_answer(found: AnswerWithHistory) -> CachedAnswerResponse:
    """Return the body for an answer."""
    answer = CachedAnswerData.model_validate(found.answer)
    return CachedAnswerResponse(
        data=CachedAnswerHistoryData(
            **answer.model_dump(),
            names=[AnswerNameData.model_validate(name) for name in found.names],
            names_total=found.names_total,
            history=describe_audit(found.history),
        )
    )


def describe_audit(entries: list[AuditEntry]) -> list[AuditEntryData]:
    """Return the changes as they are shown."""
    return [AuditEntryData.model_validate(entry) for entry in entries]


_HASH = "596aa1964ec75a7ad44cbc1ec5f07ebc08a11b6bec7e71a06cbf7e91d8d7ab08"
_BEFORE = datetime(2025, 10, 1, 8, 30, tzinfo=UTC)
_NOW = datetime(2025, 10, 10, 12, 0, tzinfo=UTC)
_ENTRY = AuditEntryData(
    id=7,
    created_at=_NOW,
    key_name="alice",
    ip_address="192.0.2.7",
    action="correct",
    image_hash=_HASH,
    reason="a dog, not a plate of food",
    before=AnswerStateData(category=Category.FOODS, confidence=0.92, model_used="gpt-6-luna"),
    after=AnswerStateData(category=Category.PETS, confidence=1, model_used="operator"),
    purged=None,
    request_id="req_1696934400_a3f5d8c2b1e9",
)
_ANSWER = CachedAnswerData(
    image_hash=_HASH,
    category=Category.PETS,
    confidence=1,
    description=None,
    model_used="operator",
    prompt_version="1",
    image_size=412_678,
    hit_count=23,
    created_at=_BEFORE,
    last_hit_at=_NOW,
    corrected=True,
)
AUDIT = AuditResponse(data=[_ENTRY])
CORRECTED = CachedAnswerResponse(
    data=CachedAnswerHistoryData(
        **_ANSWER.model_dump(),
        names=[
            AnswerNameData(
                name="c1:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
                matched_by=MatchedBy.CONTENT,
                distance=None,
                created_at=_BEFORE,
            )
        ],
        names_total=1,
        history=[_ENTRY],
    )
)
DELETED = DeletedAnswerResponse(data=_ANSWER)
COUNTED = PurgeResponse(data=PurgeData(matched=412, deleted=0, complete=False))
PURGED = PurgeResponse(data=PurgeData(matched=412, deleted=412, complete=True))
