"""A user's own records: read by the user, and erased."""

import re
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query

from app.api.deps import HistoryDep
from app.api.http.caching import NOT_STORED
from app.api.http.context import ContextDep
from app.api.http.doors import CLIENT_ERRORS, CLIENTS_ONLY
from app.api.http.openapi import document_answer, document_errors
from app.errors import DatabaseUnavailable, InvalidRequest, InvalidUserId
from app.models import history_response as examples
from app.models.domain import RequestContext
from app.models.history import HistoryPlace
from app.models.history_response import ErasureData, ErasureResponse, HistoryResponse
from app.models.response import RequestRecordData

router = APIRouter(
    prefix="/history", tags=["history"], dependencies=[*CLIENTS_ONLY, NOT_STORED], responses=CLIENT_ERRORS
)

_PLACE_PATTERN = r"^[0-9]{1,11}-[0-9]{1,18}$"


@router.get(
    "",
    summary="Read one's own records",
    responses={
        **document_answer("Some records", page=examples.PAGE),
        **document_errors(InvalidRequest, InvalidUserId, DatabaseUnavailable),
    },
)
async def get_history(
    context: ContextDep,
    history: HistoryDep,
    limit: Annotated[int, Query(ge=1, le=100, description="How many records")] = 20,
    before: Annotated[
        str | None, Query(pattern=_PLACE_PATTERN, description="`next` of the page before; without it the newest")
    ] = None,
) -> HistoryResponse:
    """The records of the user that `X-User-ID` names, newest first, for as long as `LOG_RETENTION_DAYS` keeps them."""
    page = await history.read(_user_of(context), None if before is None else _place(before), limit)
    return HistoryResponse(
        data=[RequestRecordData.model_validate(record) for record in page.records],
        next=None if page.next is None else f"{int(page.next.created_at.timestamp())}-{page.next.id}",
    )


@router.delete(
    "",
    summary="Erase oneself",
    responses={
        **document_answer("What was erased", erased=examples.ERASED),
        **document_errors(InvalidUserId, DatabaseUnavailable),
    },
)
async def erase_history(context: ContextDep, history: HistoryDep) -> ErasureResponse:
    """Whatever is kept of the user that `X-User-ID` names is erased. The records go on counting, without the user and
    the address. At most 20 seconds: `complete` says whether to call again."""
    return ErasureResponse(data=ErasureData.model_validate(await history.erase(_user_of(context))))


def _user_of(context: RequestContext) -> str:
    if context.user_id is None:
        raise InvalidUserId
    return context.user_id


def _place(text: str) -> HistoryPlace:
    seconds, number = re.split("-", text)
    return HistoryPlace(datetime.fromtimestamp(int(seconds), UTC), int(number))
