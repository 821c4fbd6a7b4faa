"""What is said of one photo, whether it came alone or among others."""

from json import JSONEncoder
from typing import Any

from app.models.domain import Answer, KnownAnswer, OwnAnswer
from app.models.response import CheckCacheMiss, ClassificationData
from app.utils.clock import isoformat_now, utc_now

MISS_BODY = CheckCacheMiss().model_dump_json().encode()
"""A `CheckCacheMiss` as it is sent."""

_quoted = JSONEncoder(ensure_ascii=False).encode


def hit_body(known: KnownAnswer, request_id: str) -> bytes:
    """Return a `CheckCacheHit`, or an `OwnCheckCacheHit`, as it is sent.

    Written down here, since to build the model and to serialize it takes a tenth of the time of such a request.
    """
    said = known.classification
    description = "null" if said.description is None else _quoted(said.description)
    own = ',"corrected_by":"you"' if isinstance(known, OwnAnswer) else ""
    return (
        f'{{"success":true,"cached":true,"data":{{"category":"{said.category}","confidence":{float(said.confidence)},'
        f'"description":{description}}},"from_cache":true,"request_id":"{request_id}",'
        f'"timestamp":"{isoformat_now()}","matched_by":"{known.matched_by}"{own}}}'
    ).encode()


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
