"""What is said of one photo, whether it came alone or among others."""

from typing import Any

from app.models.domain import Answer, KnownAnswer
from app.models.response import ClassificationData
from app.utils.clock import utc_now


def hit_fields(known: KnownAnswer, request_id: str) -> dict[str, Any]:
    """Return the fields of a `CheckCacheHit`."""
    return {
        "data": ClassificationData.model_validate(known.classification),
        "request_id": request_id,
        "timestamp": utc_now(),
        "matched_by": known.matched_by,
    }


def answer_fields(answer: Answer, request_id: str) -> dict[str, Any]:
    """Return the fields of a `ClassifyResponse`."""
    return {
        "data": ClassificationData.model_validate(answer.known.classification),
        "from_cache": answer.from_cache,
        "processing_time_ms": answer.processing_time_ms,
        "request_id": request_id,
        "timestamp": utc_now(),
        "matched_by": answer.known.matched_by if answer.from_cache else None,
        "degraded": answer.degraded,
        "model_used": answer.model_used,
    }
