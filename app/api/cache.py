"""Single answers, for operators: what they are, and how wrong ones are mended."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from app.api.deps import CorrectionsDep, PurgesDep
from app.api.http.body import MAX_CORRECTION_BYTES, read_json
from app.api.http.caching import NOT_STORED
from app.api.http.doors import ADMIN_ERRORS, ADMIN_ONLY, OperatorDep
from app.api.http.openapi import document_answer, document_body, document_errors, schema_of
from app.errors import DatabaseUnavailable, InvalidImageHash, InvalidRequest, NotFound, RequestTimeout, RequestTooLarge
from app.models import correction_response as examples
from app.models.correction_request import CorrectionRequest, PurgeRequest, Reason
from app.models.correction_response import (
    AuditResponse,
    CachedAnswerData,
    CachedAnswerResponse,
    DeletedAnswerResponse,
    PurgeData,
    PurgeResponse,
    describe_answer,
    describe_audit,
)
from app.utils.hash_utils import NAME_PATTERN

router = APIRouter(
    tags=["corrections"],
    dependencies=[*ADMIN_ONLY, NOT_STORED],
    responses={**ADMIN_ERRORS, **document_errors(DatabaseUnavailable)},
)

REQUEST_BODIES = {"CorrectionRequest": schema_of(CorrectionRequest), "PurgeRequest": schema_of(PurgeRequest)}
"""The components of the OpenAPI page that the framework does not know of, since it does not read these bodies."""

ImageName = Annotated[
    str,
    Path(
        alias="image_hash",
        pattern=NAME_PATTERN,
        description="Any name of the photo: the SHA-256 of its file, or a content hash",
        examples=["596aa1964ec75a7ad44cbc1ec5f07ebc08a11b6bec7e71a06cbf7e91d8d7ab08"],
    ),
]
_ERRORS = document_errors(InvalidImageHash, NotFound)
_BODY_ERRORS = document_errors(InvalidRequest, InvalidImageHash, NotFound, RequestTimeout, RequestTooLarge)


@router.get(
    "/cache/{image_hash}",
    summary="Read an answer, its names and its history",
    responses={**document_answer("The answer", corrected=examples.CORRECTED), **_ERRORS},
)
async def get_cached_answer(image_hash: ImageName, corrections: CorrectionsDep) -> CachedAnswerResponse:
    """The answer that a photo of this name is given, whichever of its names it is."""
    return describe_answer(await corrections.find(image_hash.lower()))


@router.put(
    "/cache/{image_hash}",
    summary="Correct an answer",
    responses={**document_answer("The answer as it is now", corrected=examples.CORRECTED), **_BODY_ERRORS},
    openapi_extra=document_body("application/json", "CorrectionRequest"),
)
async def correct_cached_answer(
    image_hash: ImageName, request: Request, operator: OperatorDep, corrections: CorrectionsDep
) -> CachedAnswerResponse:
    """From now on this is the answer to the photo, by all of its names, in all processes within two seconds. No model
    is asked about it again, and none replaces it. To say what the model said confirms it, and keeps its description."""
    headers = dict(request.headers.raw)
    body = await read_json(CorrectionRequest, headers, request.receive, max_bytes=MAX_CORRECTION_BYTES)
    return describe_answer(await corrections.correct(image_hash.lower(), body.category, body.reason, operator))


@router.delete(
    "/cache/{image_hash}",
    summary="Delete an answer",
    responses={
        **document_answer("The answer as it was", deleted=examples.DELETED),
        **document_errors(InvalidRequest, InvalidImageHash, NotFound),
    },
)
async def delete_cached_answer(
    image_hash: ImageName, reason: Annotated[Reason, Query()], operator: OperatorDep, corrections: CorrectionsDep
) -> DeletedAnswerResponse:
    """It goes with all of its names and with what its photo looks like: the next upload asks a model."""
    answer = await corrections.delete(image_hash.lower(), reason, operator)
    return DeletedAnswerResponse(data=CachedAnswerData.model_validate(answer))


@router.post(
    "/cache/purge",
    summary="Delete many answers",
    responses={
        **document_answer("How many", counted=examples.COUNTED, purged=examples.PURGED),
        **document_errors(InvalidRequest, RequestTimeout, RequestTooLarge),
    },
    openapi_extra=document_body("application/json", "PurgeRequest"),
)
async def purge_cached_answers(request: Request, operator: OperatorDep, purges: PurgesDep) -> PurgeResponse:
    """All that were given by a model, with a version of the prompt, of a category, before a moment, or several of
    these together. With `dry_run` they are counted. At most 20 seconds: `complete` says whether to call again."""
    body = await read_json(PurgeRequest, dict(request.headers.raw), request.receive, max_bytes=MAX_CORRECTION_BYTES)
    result = await (purges.count(body.purge) if body.dry_run else purges.delete(body.purge, body.reason, operator))
    return PurgeResponse(data=PurgeData.model_validate(result))


@router.get(
    "/audit",
    summary="Read who changed what",
    responses={**document_answer("The changes, newest first", one=examples.AUDIT), **document_errors(InvalidRequest)},
)
async def get_audit(
    corrections: CorrectionsDep,
    limit: Annotated[int, Query(ge=1, le=100, description="How many changes")] = 50,
    before: Annotated[
        int | None, Query(ge=1, le=2**63 - 1, description="The `id` of the last change of the page before")
    ] = None,
) -> AuditResponse:
    """Every change by an operator: who, when, what, and why."""
    return AuditResponse(data=describe_audit(await corrections.read_audit(limit, before)))
