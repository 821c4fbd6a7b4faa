"""What a user is answered about a photo whose answer the user has said to be wrong."""

from typing import Literal

from pydantic import Field

from app.models.response import CheckCacheHit, ClassifyResponse


class OwnCheckCacheHit(CheckCacheHit):
    """The image is known, and the user has said that the answer is wrong."""

    corrected_by: Literal["you"] = "you"


class OwnClassifyResponse(ClassifyResponse):
    """The answer to an upload of a user who has said that the answer is wrong."""

    corrected_by: Literal["you"] = Field("you", description="The answer is this user's alone")
