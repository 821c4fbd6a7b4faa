"""A user's own record."""

from fastapi import APIRouter

from app.api.deps import ContextDep, StatsDep
from app.api.openapi import document_errors
from app.errors import DatabaseUnavailable, InvalidUserId, NotFound
from app.models.response import RequestRecordData, RequestRecordResponse
from app.utils.id_generator import is_request_id

router = APIRouter(prefix="/requests", tags=["classify"])


@router.get(
    "/{request_id}",
    summary="Read the record of one's own request",
    responses=document_errors(InvalidUserId, NotFound, DatabaseUnavailable),
)
async def read_request(request_id: str, context: ContextDep, stats: StatsDep) -> RequestRecordResponse:
    """The record of an answered request, for the user it belongs to. For everybody else there is nothing here."""
    if not is_request_id(request_id):
        raise NotFound
    record = await stats.find_request(request_id, context.user_id)
    return RequestRecordResponse(data=RequestRecordData.model_validate(record))
