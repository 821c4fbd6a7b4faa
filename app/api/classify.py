"""The two calls of an app: ask with the hash; upload if that is not enough."""

from dataclasses import replace
from typing import Any

from app.api.http.body import no_name, read_json, read_upload
from app.api.http.doors import key_id_of
from app.api.http.hot import Call, HotRouter
from app.api.http.lane import LANE_PARAMETER, may_be_deferred, room_for
from app.api.http.openapi import IMAGE_TYPES, document_answer, document_body, document_errors
from app.api.http.photo_answers import MISS_BODY, answer_fields, hit_body
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
    QuotaExceeded,
    RequestTimeout,
    RequestTooLarge,
    UnsupportedFormat,
)
from app.models import examples
from app.models.domain import OwnAnswer
from app.models.own_response import OwnClassifyResponse
from app.models.request import CheckCacheRequest
from app.models.response import CheckCacheResponse, ClassifyResponse
from app.services.model.errors import BudgetExhausted, ModelBadAnswer, ModelRefused, ModelTimeout, ModelUnavailable

hot = HotRouter("/classify", "classify")

_UPLOAD_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "ClassifyRequest",
    "description": "The form of `POST /classify`.",
    "required": ["image"],
    "properties": {
        "image": {"type": "string", "format": "binary", "description": "The image file"},
        "image_hash": {
            "type": "string",
            "description": "SHA-256 of the file in hex; a checksum: it is compared with the bytes. Empty: not given",
            # What Swagger fills in: with anything else the first try ends with 400.
            "examples": [""],
        },
    },
}
_IMAGE_ENCODING = {"image": {"contentType": IMAGE_TYPES}}

REQUEST_BODIES = {"CheckCacheRequest": CheckCacheRequest.model_json_schema(), "ClassifyRequest": _UPLOAD_SCHEMA}
"""The components of the OpenAPI page that the framework does not know of, since it does not read these bodies."""


@hot.post(
    "/check-cache",
    summary="Ask whether a photo is known",
    answer=CheckCacheResponse,
    responses={
        **document_answer("Known, with the answer; or not known", hit=examples.HIT, miss=examples.MISS),
        **document_errors(
            InvalidRequest,
            InvalidImageHash,
            InvalidUserId,
            RequestTimeout,
            RequestTooLarge,
            DatabaseUnavailable,
            Overloaded,
        ),
    },
    body=document_body("application/json", "CheckCacheRequest"),
)
async def check_cache(call: Call) -> bytes:
    """Send the SHA-256 of the photo, its content hash, or both. If it is known, here is the answer; if not, upload it
    to `/classify`. With `wait_ms` an answer that is being found out right now is waited for.

    The user may be named in the header `X-User-ID` or in the body; the header wins.
    """
    body = await read_json(CheckCacheRequest, call.headers, call.receive)
    names = body.names
    if not names:
        raise no_name(body)
    context = call.context.with_default_user(body.user_id)
    found = await call.container.classifier.check_cache(names, context, body.wait_ms / 1000)
    return MISS_BODY if found is None else hit_body(found, context.request_id)


@hot.post(
    "",
    summary="Classify a photo",
    answer=ClassifyResponse,
    responses={
        **document_answer(
            "What the photo shows", asked=examples.ASKED, known=examples.KNOWN, degraded=examples.DEGRADED
        ),
        **document_errors(
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
            QuotaExceeded,
            ModelBadAnswer,
            ModelUnavailable,
            BudgetExhausted,
            DatabaseUnavailable,
            Overloaded,
            ModelTimeout,
        ),
    },
    body=document_body("multipart/form-data", "ClassifyRequest", encoding=_IMAGE_ENCODING) | LANE_PARAMETER,
)
async def classify(call: Call) -> ClassifyResponse:
    """Upload the photo. It is answered from the cache if it is known by any of its names, else by the model, and never
    stored."""
    context = replace(call.context, key_id=key_id_of(call.headers, call.receive, call.container))
    deferred, container = may_be_deferred(call.query), call.container
    room = room_for(container, deferred=deferred)
    async with read_upload(call.headers, call.receive, room, container.max_image_bytes) as upload:
        answer = await container.classifier.classify(
            upload.image, upload.claimed_hash, context, may_be_deferred=deferred
        )
    response = OwnClassifyResponse if isinstance(answer.known, OwnAnswer) else ClassifyResponse
    return response(**answer_fields(answer, context.request_id))
