"""The answers to calls for many photos. Each photo's part has the names of the answer to a call for it alone."""

from typing import Literal

from pydantic import ConfigDict, Field, SerializeAsAny
from pydantic.json_schema import SkipJsonSchema

from app.models.body import Body, RequestId, Timestamp
from app.models.identity import MatchedBy
from app.models.own_response import OwnCheckCacheHit, OwnClassifyResponse
from app.models.response import (
    CheckCacheHit,
    CheckCacheMiss,
    CheckCacheResponse,
    ClassificationData,
    ClassifyResponse,
    ErrorData,
)


class BatchItem(Body):
    """Which photo of a batch it is."""

    index: int = Field(ge=0, description="Its place in the batch, from 0", examples=[0])
    id: str | None = Field(description="What the client called it", examples=["IMG_0042.HEIC"])


class BatchHit(CheckCacheHit, BatchItem):
    """The photo is known. `request_id` is its own: each hit is a record."""


class OwnBatchHit(OwnCheckCacheHit, BatchItem):
    """The photo is known, and the user has said that the answer is wrong."""


class BatchMiss(CheckCacheMiss, BatchItem):
    """The photo is not known: upload it."""


class BatchAnswer(ClassifyResponse, BatchItem):
    """The answer to an upload. `request_id` is its own: each photo is a record."""


class OwnBatchAnswer(OwnClassifyResponse, BatchItem):
    """The answer to an upload of a user who has said that the answer is wrong."""


class BatchError(BatchItem):
    """What was wrong with this photo, as a call for it alone would have said."""

    success: Literal[False] = False
    error: ErrorData


class BatchErrorForNow(BatchError):
    """The same, where it may go better later."""

    retry_after: int


class BatchResults(Body):
    """What the service answers: `CheckCacheBatchResponse` or `ClassifyBatchResponse`, each result as what it is."""

    success: Literal[True] = True
    results: list[SerializeAsAny[BatchItem]]
    request_id: RequestId
    timestamp: Timestamp


_RETRY_AFTER = Field(None, description="Only of an error that may pass: seconds to wait, as in Retry-After")


class CheckCacheBatchResult(CheckCacheResponse, BatchItem):
    """One photo. A hit has `data` and the rest, a miss has `message`, and what went wrong has `error`."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    cached: bool | SkipJsonSchema[None] = None  # type: ignore[assignment]  # an error has none
    error: ErrorData | SkipJsonSchema[None] = Field(None, description="Only where this photo has no answer")
    retry_after: int | SkipJsonSchema[None] = _RETRY_AFTER


class CheckCacheBatchResponse(Body):
    """The answers to a batch, in its order."""

    success: Literal[True] = True
    results: list[CheckCacheBatchResult]
    request_id: RequestId = Field(description="Of the call; each hit has its own")
    timestamp: Timestamp


class ClassifyBatchResult(BatchItem):
    """One photo: the answer to its upload, or what went wrong. A line, where lines are sent."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    success: bool
    data: ClassificationData | SkipJsonSchema[None] = None
    from_cache: bool | SkipJsonSchema[None] = None
    processing_time_ms: int | SkipJsonSchema[None] = None
    request_id: RequestId | SkipJsonSchema[None] = None
    timestamp: Timestamp | SkipJsonSchema[None] = None
    matched_by: MatchedBy | None = Field(None, description="How it was recognised; null: it was answered just now")
    degraded: bool | SkipJsonSchema[None] = Field(None, description="The embedded network answered for a model")
    model_used: str | None = Field(None, description="Who answered just now; null: the answer was known")
    corrected_by: Literal["you"] | SkipJsonSchema[None] = Field(
        None, description="Only where the user has said what the photo shows: the answer is theirs alone"
    )
    error: ErrorData | SkipJsonSchema[None] = Field(None, description="Only where this photo has no answer")
    retry_after: int | SkipJsonSchema[None] = _RETRY_AFTER


class ClassifyBatchResponse(Body):
    """The answers to the photos, in their order."""

    success: Literal[True] = True
    results: list[ClassifyBatchResult]
    request_id: RequestId = Field(description="Of the call; each answer has its own")
    timestamp: Timestamp
