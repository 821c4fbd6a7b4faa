"""The two calls of an app: ask with the hash; upload if that is not enough."""

from fastapi import APIRouter

from app.api.deps import CheckCacheBody, ClassifierDep, ContextDep, UploadBody
from app.api.http.doors import CLIENT_ERRORS, DOCUMENTED_KEYS
from app.api.http.openapi import document_body, document_errors
from app.errors import (
    DatabaseUnavailable,
    HashMismatch,
    ImageTooLarge,
    ImageTooManyPixels,
    InvalidImage,
    InvalidImageHash,
    InvalidRequest,
    InvalidUserId,
    MissingImage,
    Overloaded,
    RequestTimeout,
    RequestTooLarge,
    UnsupportedFormat,
)
from app.models.request import CheckCacheRequest
from app.models.response import CheckCacheHit, CheckCacheMiss, ClassificationData, ClassifyResponse
from app.services.model.errors import ModelBadAnswer, ModelRefused, ModelTimeout, ModelUnavailable
from app.utils.clock import utc_now

router = APIRouter(prefix="/classify", tags=["classify"], dependencies=[DOCUMENTED_KEYS], responses=CLIENT_ERRORS)

_UPLOAD_SCHEMA = {
    "type": "object",
    "required": ["image"],
    "properties": {
        "image": {"type": "string", "format": "binary", "description": "The image file"},
        "image_hash": {
            "type": "string",
            "description": "SHA-256 of the file in hex; a checksum: it is compared with the bytes",
        },
    },
}


@router.post(
    "/check-cache",
    summary="Ask whether a photo is known",
    responses=document_errors(
        InvalidRequest,
        InvalidImageHash,
        InvalidUserId,
        RequestTimeout,
        RequestTooLarge,
        DatabaseUnavailable,
        Overloaded,
    ),
    openapi_extra=document_body("application/json", CheckCacheRequest.model_json_schema()),
)
async def check_cache(
    body: CheckCacheBody, context: ContextDep, classifier: ClassifierDep
) -> CheckCacheHit | CheckCacheMiss:
    """Send the SHA-256 of the photo. If it is known, here is the answer; if not, upload it to `/classify`.

    The user may be named in the header `X-User-ID` or in the body; the header wins.
    """
    context = context.with_default_user(body.user_id)
    found = await classifier.check_cache(body.image_hash.lower(), context)
    if found is None:
        return CheckCacheMiss()
    return CheckCacheHit(
        data=ClassificationData.model_validate(found), request_id=context.request_id, timestamp=utc_now()
    )


@router.post(
    "",
    summary="Classify a photo",
    responses=document_errors(
        InvalidRequest,
        InvalidImageHash,
        InvalidUserId,
        HashMismatch,
        MissingImage,
        InvalidImage,
        UnsupportedFormat,
        RequestTimeout,
        ImageTooLarge,
        ImageTooManyPixels,
        ModelRefused,
        ModelBadAnswer,
        ModelUnavailable,
        DatabaseUnavailable,
        Overloaded,
        ModelTimeout,
    ),
    openapi_extra=document_body("multipart/form-data", _UPLOAD_SCHEMA),
)
async def classify(upload: UploadBody, context: ContextDep, classifier: ClassifierDep) -> ClassifyResponse:
    """Upload the photo. It is answered from the cache if its bytes are known, else by the model, and never stored."""
    answer = await classifier.classify(upload.image, upload.claimed_hash, context)
    return ClassifyResponse(
        data=ClassificationData.model_validate(answer.classification),
        from_cache=answer.from_cache,
        processing_time_ms=answer.processing_time_ms,
        request_id=context.request_id,
        timestamp=utc_now(),
    )
