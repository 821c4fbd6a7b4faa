"""What users say of the answers that they were given, and the queue of it for operators."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from app.api.deps import ContextDep, FeedbackDep
from app.api.http.body import read_json
from app.api.http.caching import NOT_STORED
from app.api.http.doors import ADMIN_ERRORS, ADMIN_ONLY, CLIENT_ERRORS, DOCUMENTED_KEYS, ClientBodyDep
from app.api.http.openapi import document_answer, document_body, document_errors, schema_of
from app.errors import DatabaseUnavailable, InvalidRequest, InvalidUserId, NotFound, RequestTimeout, RequestTooLarge
from app.models import feedback_response as examples
from app.models.correction_request import FeedbackRequest
from app.models.feedback_response import DisputedAnswerData, DisputedAnswersResponse, VoteData, VoteResponse

router = APIRouter(prefix="/feedback", tags=["feedback"], dependencies=[NOT_STORED])

REQUEST_BODIES = {"FeedbackRequest": schema_of(FeedbackRequest)}


@router.post(
    "",
    summary="Say that an answer is wrong",
    dependencies=[DOCUMENTED_KEYS],
    responses={
        **CLIENT_ERRORS,
        **document_answer("The vote", vote=examples.VOTE),
        **document_errors(
            InvalidRequest, InvalidUserId, NotFound, RequestTimeout, RequestTooLarge, DatabaseUnavailable
        ),
    },
    openapi_extra=document_body("application/json", "FeedbackRequest"),
)
async def give_feedback(
    request: Request, receive: ClientBodyDep, context: ContextDep, feedback: FeedbackDep
) -> VoteResponse:
    """By the user who was answered (the same `X-User-ID`), one vote a photo; the newest counts. With a `category` that
    is from now on what this user is answered about the photo, with `corrected_by`. Nothing changes for others:
    operators see the votes, and decide."""
    body = await read_json(FeedbackRequest, dict(request.headers.raw), receive)
    vote = await feedback.vote(context.user_id, body.request_id, body.category)
    return VoteResponse(data=VoteData.model_validate(vote))


@router.get(
    "",
    summary="Read which answers users disagree with",
    dependencies=[*ADMIN_ONLY],
    responses={
        **ADMIN_ERRORS,
        **document_answer("The answers, most votes first", one=examples.DISPUTED),
        **document_errors(InvalidRequest, DatabaseUnavailable),
    },
)
async def get_feedback(
    feedback: FeedbackDep, limit: Annotated[int, Query(ge=1, le=100, description="How many answers")] = 20
) -> DisputedAnswersResponse:
    """Answers that users say are wrong, those with the most votes first. What an operator has corrected, or
    confirmed by correcting it to what it says, is not among them."""
    disputed = await feedback.list_disputed(limit)
    return DisputedAnswersResponse(data=[DisputedAnswerData.model_validate(one) for one in disputed])
