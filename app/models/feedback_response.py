"""The bodies of `/feedback`, and their examples on the OpenAPI page."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from app.models.body import Body, RequestId, Timestamp
from app.models.domain import Category

_HASH = "596aa1964ec75a7ad44cbc1ec5f07ebc08a11b6bec7e71a06cbf7e91d8d7ab08"


class VoteData(Body):
    """What a user says of an answer."""

    request_id: RequestId
    category: Category | None = Field(description="What the photo shows; null: no more is said than that it is wrong")
    answered: str = Field(description="What everybody else is answered", examples=["foods"])


class VoteResponse(Body):
    """The answer of `POST /feedback`."""

    success: Literal[True] = True
    data: VoteData


class VoteCountData(Body):
    """How many users say the same of one photo."""

    category: Category | None = Field(description="null: these say no more than that the answer is wrong")
    votes: int = Field(examples=[3])


class DisputedAnswerData(Body):
    """An answer that users say is wrong."""

    image_hash: str = Field(description="The name to correct it by", examples=[_HASH])
    answered: str = Field(description="What everybody is answered", examples=["foods"])
    votes: int = Field(description="Of users who say something else", examples=[3])
    last_vote_at: Timestamp
    categories: list[VoteCountData] = Field(description="All votes about it, the most frequent first")


class DisputedAnswersResponse(Body):
    """The answer of `GET /feedback`."""

    success: Literal[True] = True
    data: list[DisputedAnswerData]


VOTE = VoteResponse(
    data=VoteData(request_id="req_1696934400_a3f5d8c2b1e9", category=Category.PETS, answered=Category.FOODS)
)
DISPUTED = DisputedAnswersResponse(
    data=[
        DisputedAnswerData(
            image_hash=_HASH,
            answered=Category.FOODS,
            votes=3,
            last_vote_at=datetime(2025, 10, 10, 12, 0, tzinfo=UTC),
            categories=[VoteCountData(category=Category.PETS, votes=3)],
        )
    ]
)
