"""The two calls of an app for many photos at once. Each photo is answered as in a call of its own."""

from app.api.http.batch_body import read_check_cache_batch
from app.api.http.body import no_name
from app.api.http.exception_handlers import batch_error, invalid_fields
from app.api.http.hot import Call, HotRouter
from app.api.http.openapi import document_answer, document_body, document_errors
from app.errors import (
    DatabaseUnavailable,
    InvalidRequest,
    InvalidUserId,
    Overloaded,
    RequestTimeout,
    RequestTooLarge,
    ServiceError,
)
from app.models import batch_examples as examples
from app.models.batch_request import CheckCacheBatchRequest, CheckCacheItem, MalformedItem
from app.models.batch_response import (
    BatchHit,
    BatchItem,
    BatchMiss,
    CheckCacheBatchAnswer,
    CheckCacheBatchResponse,
    OwnBatchHit,
)
from app.models.domain import KnownAnswer, OwnAnswer, RequestContext
from app.models.response import ClassificationData
from app.services.classifier import NamedPhoto
from app.utils.clock import utc_now
from app.utils.id_generator import generate_request_id

hot = HotRouter("/classify", "classify")

_SCHEMA = CheckCacheBatchRequest.model_json_schema(ref_template="#/components/schemas/{model}")
REQUEST_BODIES = {**_SCHEMA.pop("$defs"), "CheckCacheBatchRequest": _SCHEMA}
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
async def check_cache_batch(call: Call) -> CheckCacheBatchAnswer:
    """Send the hashes of up to 200 photos, each as for `check-cache`. Those that are known are answered, each hit as a
    record of its own; an item that is malformed fails alone.

    The user may be named in the header `X-User-ID` or in the body; the header wins.
    """
    async with read_check_cache_batch(call.headers, call.receive, call.container) as body:
        context = call.context.with_default_user(body.user_id)
        photos = [_photo_of(item, context) for item in body.items]
        found = await call.container.batches.check_cache(photos)
        results = [
            _checked(index, item.id, photo, one)
            for index, (item, photo, one) in enumerate(zip(body.items, photos, found, strict=True))
        ]
    return CheckCacheBatchAnswer(results=results, request_id=context.request_id, timestamp=utc_now())


def _photo_of(item: CheckCacheItem | MalformedItem, context: RequestContext) -> NamedPhoto | ServiceError:
    if isinstance(item, MalformedItem):
        return invalid_fields(item.errors)
    if not item.names:
        return no_name(item)
    return NamedPhoto(item.names, context.for_photo_of_batch(generate_request_id()))


def _checked(
    index: int, item_id: str | None, photo: NamedPhoto | ServiceError, found: KnownAnswer | ServiceError | None
) -> BatchItem:
    if found is None:
        return BatchMiss(index=index, id=item_id)
    if isinstance(found, ServiceError):
        return batch_error(index, item_id, found)
    assert isinstance(photo, NamedPhoto)
    hit = OwnBatchHit if isinstance(found, OwnAnswer) else BatchHit
    return hit(
        index=index,
        id=item_id,
        data=ClassificationData.model_validate(found.classification),
        request_id=photo.context.request_id,
        timestamp=utc_now(),
        matched_by=found.matched_by,
    )
