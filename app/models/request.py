"""Bodies that we accept."""

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.utils.hash_utils import IMAGE_HASH_PATTERN

USER_ID_PATTERN = "^[A-Za-z0-9._:@-]{1,64}$"

_USER_ID = re.compile(USER_ID_PATTERN)

ImageHash = Annotated[str, StringConstraints(pattern=IMAGE_HASH_PATTERN)]
UserId = Annotated[str, StringConstraints(pattern=USER_ID_PATTERN)]


class CheckCacheRequest(BaseModel):
    """The body of `POST /classify/check-cache`. What else it holds is ignored, as the fields of a form are."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    image_hash: ImageHash = Field(
        description="SHA-256 of the image file, hexadecimal, in either case",
        examples=["596aa1964ec75a7ad44cbc1ec5f07ebc08a11b6bec7e71a06cbf7e91d8d7ab08"],
    )
    user_id: UserId | None = Field(
        None, description="User or device; the header X-User-ID wins over it", examples=["device-42"]
    )


def is_user_id(text: str) -> bool:
    """Whether `text` has the form of a user id."""
    return _USER_ID.fullmatch(text) is not None
