"""A record: a user's own, or any for an operator."""

from typing import Annotated

from fastapi import APIRouter, Path

from app.api.deps import ContextDep, StatsDep
from app.api.http.caching import NOT_STORED
from app.api.http.doors import CLIENT_ERRORS, DOCUMENTED_KEYS, MayReadAnyDep
from app.api.http.openapi import document_answer, document_errors
from app.errors import DatabaseUnavailable, InvalidUserId, NotFound
from app.models import examples
from app.models.response import RequestRecordData, RequestRecordResponse
from app.utils.id_generator import is_request_id

router = APIRouter(
    prefix="/requests", tags=["classify"], dependencies=[DOCUMENTED_KEYS, NOT_STORED], responses=CLIENT_ERRORS
)

RequestIdPath = Annotated[str, Path(description="`request_id` of an answer", examples=["req_1696934400_a3f5d8c2b1e9"])]


@router.get(
    "/{request_id}",
    summary="Read the record of one's own request",
    responses={
        **document_answer("The record", upload=examples.RECORD),
        **document_errors(InvalidUserId, NotFound, DatabaseUnavailable),
    },
)
async def get_request(
    request_id: RequestIdPath, context: ContextDep, may_read_any: MayReadAnyDep, stats: StatsDep
) -> RequestRecordResponse:
    """The record of an answered request, for the user it belongs to and for operators. For everybody else there is
    nothing here."""
    if not is_request_id(request_id):
        raise NotFound
    record = await stats.find_request(request_id, context.user_id, of_any_user=may_read_any)
    return RequestRecordResponse(data=RequestRecordData.model_validate(record))
