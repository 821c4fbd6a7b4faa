"""The answers to calls for many photos. Each photo's part has the names of the answer to a call for it alone."""

from typing import Literal

from pydantic import ConfigDict, Field, SerializeAsAny
from pydantic.json_schema import SkipJsonSchema

from app.models.body import Body, RequestId, Timestamp
from app.models.own_response import OwnCheckCacheHit
from app.models.response import CheckCacheHit, CheckCacheMiss, CheckCacheResponse, ErrorData


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


class BatchError(BatchItem):
    """What was wrong with this photo, as a call for it alone would have said."""

    success: Literal[False] = False
    error: ErrorData


class BatchErrorForNow(BatchError):
    """The same, where it may go better later."""

    retry_after: int


class CheckCacheBatchAnswer(Body):
    """What the service answers: `CheckCacheBatchResponse`, each result as what it is."""

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
