"""The examples of the calls for many photos on the OpenAPI page. A test replays them."""

from datetime import UTC, datetime

from app.models.batch_response import BatchAnswer, BatchError, BatchHit, BatchMiss, BatchResults
from app.models.domain import Category
from app.models.identity import MatchedBy
from app.models.response import ClassificationData, ErrorData

_ID = "req_1696934400_a3f5d8c2b1e9"
_ITEM_ID = "req_1696934400_0c4b7d21f6aa"
_NOW = datetime(2025, 10, 10, 12, 0, tzinfo=UTC)
_SUNSET = ClassificationData(category=Category.TRAVEL_SCENERY, confidence=0.95, description="一张美丽的山景日落照片")
_MALFORMED = ErrorData(
    code="invalid_image_hash",
    message="image_hash must be the SHA-256 of the image file as 64 hexadecimal characters.",
)

CHECKED = BatchResults(
    results=[
        BatchHit(
            index=0,
            id="IMG_0042.HEIC",
            data=_SUNSET,
            request_id=_ITEM_ID,
            timestamp=_NOW,
            matched_by=MatchedBy.BYTES,
        ),
        BatchMiss(index=1, id="IMG_0043.HEIC"),
        BatchError(index=2, id=None, error=_MALFORMED),
    ],
    request_id=_ID,
    timestamp=_NOW,
)
_DAMAGED = ErrorData(code="invalid_image", message="The image is damaged or incomplete.")

CLASSIFIED = BatchResults(
    results=[
        BatchAnswer(
            index=0,
            id="IMG_0042.HEIC",
            data=_SUNSET,
            from_cache=False,
            processing_time_ms=1523,
            request_id=_ITEM_ID,
            timestamp=_NOW,
            matched_by=None,
            degraded=False,
            model_used="gpt-6-luna",
        ),
        BatchError(index=1, id="IMG_0043.HEIC", error=_DAMAGED),
    ],
    request_id=_ID,
    timestamp=_NOW,
)
