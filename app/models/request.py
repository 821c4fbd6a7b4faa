"""Bodies that we accept."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema

from app.utils.hash_utils import CONTENT_HASH_PATTERN, IMAGE_HASH_PATTERN

USER_ID_PATTERN = "^[A-Za-z0-9._:@-]{1,64}$"

_USER_ID = re.compile(USER_ID_PATTERN)

MAX_WAIT_MS = 10_000

ImageHash = Annotated[str, StringConstraints(pattern=IMAGE_HASH_PATTERN)]
ContentHash = Annotated[str, StringConstraints(pattern=CONTENT_HASH_PATTERN)]
UserId = Annotated[str, StringConstraints(pattern=USER_ID_PATTERN)]


def not_null(schema: dict[str, Any]) -> None:
    """Say of an optional field that it may be missing, and not that it may be null as well."""
    del schema["default"]


class PhotoNames(BaseModel):
    """How a photo is named in a question: by one of the two hashes, or both. Other fields are ignored, as those of an
    upload are."""

    model_config = ConfigDict(frozen=True)

    image_hash: ImageHash | SkipJsonSchema[None] = Field(
        None,
        description="SHA-256 of the image file, hexadecimal, in either case",
        examples=["596aa1964ec75a7ad44cbc1ec5f07ebc08a11b6bec7e71a06cbf7e91d8d7ab08"],
        json_schema_extra=not_null,
    )
    content_hash: ContentHash | SkipJsonSchema[None] = Field(
        None,
        description="Hash of what decodes, without metadata: docs/content-hash.md says how it is made",
        examples=["c1:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"],
        json_schema_extra=not_null,
    )

    @property
    def names(self) -> list[str]:
        """The hashes that are given, in lower case, the surer one first."""
        if self.content_hash is None:
            return [] if self.image_hash is None else [self.image_hash.lower()]
        content = self.content_hash.lower()
        return [content] if self.image_hash is None else [self.image_hash.lower(), content]


class CheckCacheRequest(PhotoNames):
    """The body of `POST /classify/check-cache`: one of the two hashes, or both. Other fields are ignored, as those of
    an upload are."""

    wait_ms: int = Field(
        0,
        ge=0,
        le=MAX_WAIT_MS,
        description="How long to wait for the answer if the photo is being asked about right now",
        examples=[0],
        json_schema_extra=not_null,
    )
    user_id: UserId | SkipJsonSchema[None] = Field(
        None,
        description="User or device; the header X-User-ID wins over it",
        examples=["device-42"],
        json_schema_extra=not_null,
    )


def is_user_id(text: str) -> bool:
    """Whether `text` has the form of a user id."""
    return _USER_ID.fullmatch(text) is not None
