"""The two calls of an app for many photos at once. Each photo is answered as in a call of its own."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from app.api.http.batch_body import MAX_PHOTOS, read_check_cache_batch, read_photos
from app.api.http.body import Headers, no_name
from app.api.http.doors import key_id_of
from app.api.http.exception_handlers import batch_error, invalid_fields, note_failures
from app.api.http.hot import Call, HotRouter, Lines, as_json
from app.api.http.lane import LANE_PARAMETER, may_be_deferred, room_for
from app.api.http.openapi import (
    IMAGE_TYPES,
    JSON_LINES,
    document_answer,
    document_body,
    document_errors,
    document_lines,
)
from app.api.http.photo_answers import answer_fields, hit_fields
from app.errors import (
    DatabaseUnavailable,
    InvalidRequest,
    InvalidUserId,
    MissingImage,
    Overloaded,
    RequestTimeout,
    RequestTooLarge,
    ServiceError,
)
from app.models import batch_examples as examples
from app.models.batch_request import MAX_ID_LENGTH, CheckCacheBatchRequest, CheckCacheItem, MalformedItem
from app.models.batch_response import (
    BatchAnswer,
    BatchHit,
    BatchItem,
    BatchMiss,
    BatchResults,
    CheckCacheBatchResponse,
    ClassifyBatchResponse,
    OwnBatchAnswer,
    OwnBatchHit,
)
from app.models.domain import Answer, KnownAnswer, OwnAnswer, RequestContext
from app.services.classifier import NamedPhoto
from app.services.photo_batches import UploadedPhoto
from app.utils.clock import utc_now
from app.utils.id_generator import generate_request_id, generate_request_ids

hot = HotRouter("/classify", "classify")

LINES = (JSON_LINES, "application/x-ndjson")
_REFUSED = re.compile(r"(^|;)\s*q\s*=\s*0(\.0*)?\s*(;|$)")
"""Parameters of a media type that the client does not accept (RFC 9110, 12.4.2)."""

_UPLOAD_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "ClassifyBatchRequest",
    "description": "The form of `POST /classify/batch`.",
    "required": ["images"],
    "properties": {
        "images": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_PHOTOS,
            "items": {"type": "string", "format": "binary"},
            "description": "The image files",
        },
        "ids": {
            "type": "array",
            "maxItems": MAX_PHOTOS,
            "items": {"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH},
            "description": "What the client calls them, as many as there are images, or none",
        },
    },
}
_ENCODING = {"images": {"contentType": IMAGE_TYPES}}
_SCHEMA = CheckCacheBatchRequest.model_json_schema(ref_template="#/components/schemas/{model}")
REQUEST_BODIES = {**_SCHEMA.pop("$defs"), "CheckCacheBatchRequest": _SCHEMA, "ClassifyBatchRequest": _UPLOAD_SCHEMA}
"""The components of the OpenAPI page that the framework does not know of."""


@hot.post(
    "/check-cache/batch",
    summary="Ask whether photos are known",
    answer=CheckCacheBatchResponse,
    responses={
        **document_answer("An answer or an error for each photo, in their order", mixed=examples.CHECKED),
        **document_errors(
            InvalidRequest, InvalidUserId, RequestTimeout, RequestTooLarge, DatabaseUnavailable, Overloaded
        ),
    },
    body=document_body("application/json", "CheckCacheBatchRequest"),
)
async def check_cache_batch(call: Call) -> bytes:
    """Send the hashes of up to 200 photos, each as for `check-cache`. Those that are known are answered, each hit as a
    record of its own; an item that is malformed fails alone.

    The user may be named in the header `X-User-ID` or in the body; the header wins.
    """
    async with read_check_cache_batch(call.headers, call.receive, call.container) as body:
        context = call.context.with_default_user(body.user_id)
        ids = generate_request_ids(len(body.items))
        photos = [_photo_of(item, context, request_id) for item, request_id in zip(body.items, ids, strict=True)]
        failed: list[ServiceError] = []

        def tell(found: Sequence[KnownAnswer | ServiceError | None]) -> bytes:
            failed[:] = [one for one in found if isinstance(one, ServiceError)]
            results = [
                _checked(index, item.id, photo, one)
                for index, (item, photo, one) in enumerate(zip(body.items, photos, found, strict=True))
            ]
            return as_json(BatchResults(results=results, request_id=context.request_id, timestamp=utc_now()))

        answer = await call.container.batches.check_cache(photos, tell)
        note_failures(failed, call.container.metrics)
        return answer


def _photo_of(
    item: CheckCacheItem | MalformedItem, context: RequestContext, request_id: str
) -> NamedPhoto | ServiceError:
    if isinstance(item, MalformedItem):
        return invalid_fields(item.errors)
    names = item.names
    return NamedPhoto(names, context.for_photo_of_batch(request_id)) if names else no_name(item)


def _checked(
    index: int, item_id: str | None, photo: NamedPhoto | ServiceError, found: KnownAnswer | ServiceError | None
) -> BatchItem:
    if found is None:
        return BatchMiss(index=index, id=item_id)
    if isinstance(found, ServiceError):
        return batch_error(index, item_id, found)
    assert isinstance(photo, NamedPhoto)
    hit = OwnBatchHit if isinstance(found, OwnAnswer) else BatchHit
    return hit(index=index, id=item_id, **hit_fields(found, photo.context.request_id))


@hot.post(
    "/batch",
    summary="Classify photos",
    answer=ClassifyBatchResponse,
    responses={
        **document_answer(
            "An answer or an error for each photo, in their order; as JSON Lines in the order in which they are found "
            "out, where `Accept` names `application/jsonl` or `application/x-ndjson`",
            document_lines("ClassifyBatchResult"),
            mixed=examples.CLASSIFIED,
        ),
        **document_errors(
            InvalidRequest,
            InvalidUserId,
            MissingImage,
            RequestTimeout,
            RequestTooLarge,
            DatabaseUnavailable,
            Overloaded,
        ),
    },
    body=document_body("multipart/form-data", "ClassifyBatchRequest", encoding=_ENCODING) | LANE_PARAMETER,
)
async def classify_batch(call: Call) -> BatchResults | Lines:
    """Upload up to 20 photos, together no larger than one alone may be. Each is answered, recorded and paid for as in a
    call of its own, and what is wrong with one of them is answered in its place."""
    results = _classify(call)
    if (media_type := _lines_wanted(call.headers)) is not None:
        return Lines(results, media_type)
    async with aclosing(results):
        in_order = sorted([result async for result in results], key=lambda result: result.index)
    return BatchResults(results=in_order, request_id=call.context.request_id, timestamp=utc_now())


async def _classify(call: Call) -> AsyncGenerator[BatchItem, None]:
    """Yield the result of each photo as it comes about. The body's room is held until the last of them."""
    context = replace(call.context, key_id=key_id_of(call.headers, call.receive, call.container))
    deferred, container = may_be_deferred(call.query), call.container
    room = room_for(container, deferred=deferred)
    async with read_photos(call.headers, call.receive, room, container.max_image_bytes) as parts:
        photos = [
            UploadedPhoto(part.image, context.for_photo_of_batch(generate_request_id()), deferred) for part in parts
        ]
        failed: list[ServiceError] = []
        try:
            async with aclosing(call.container.batches.classify(photos)) as answers:
                async for place, answer in answers:
                    if isinstance(answer, ServiceError):
                        failed.append(answer)
                    yield _classified(place, parts[place].id, answer, photos[place].context.request_id)
        finally:
            note_failures(failed, call.container.metrics)  # of who has hung up, too


def _classified(index: int, item_id: str | None, answer: Answer | ServiceError, request_id: str) -> BatchItem:
    if isinstance(answer, ServiceError):
        return batch_error(index, item_id, answer)
    response = OwnBatchAnswer if isinstance(answer.known, OwnAnswer) else BatchAnswer
    return response(index=index, id=item_id, **answer_fields(answer, request_id))


def _lines_wanted(headers: Headers) -> str | None:
    """Return the media type of lines that the client accepts, or None: it wants one JSON object."""
    for accepted in headers.get(b"accept", b"").decode("latin-1").lower().split(","):
        media_type, _, parameters = accepted.partition(";")
        if media_type.strip() in LINES and not _REFUSED.search(parameters):
            return media_type.strip()
    return None
