"""The body of a question about many photos: what is wrong with one of them is that one's alone."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import ErrorDetails, PydanticCustomError

from app.models.request import PhotoNames, UserId, not_null

MAX_QUESTIONS = 200
MAX_ID_LENGTH = 64


def printable(text: str) -> str:
    """Return a text that can be printed as it is. Raises PydanticCustomError for another."""
    if not text.isprintable():
        raise PydanticCustomError("not_printable", "has characters that cannot be printed")
    return text


ItemId = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID_LENGTH), AfterValidator(printable)]


class CheckCacheItem(PhotoNames):
    """One photo of a batch: one of the two hashes, or both."""

    id: ItemId | SkipJsonSchema[None] = Field(
        None,
        description="What the client calls it; comes back with the answer",
        examples=["IMG_0042.HEIC"],
        json_schema_extra=not_null,
    )


@dataclass(frozen=True, slots=True)
class MalformedItem:
    """An item that is not of the documented form, and why; with its id where that can be told."""

    id: str | None
    errors: list[ErrorDetails]


def _keep_apart(value: Any, check: ValidatorFunctionWrapHandler) -> CheckCacheItem | MalformedItem:
    """Return a malformed item as one, so that the others are answered."""
    try:
        item: CheckCacheItem = check(value)
    except ValidationError as error:
        return MalformedItem(_id_of(value), error.errors(include_input=False, include_url=False))
    return item


def _id_of(value: Any) -> str | None:
    given = value.get("id") if isinstance(value, dict) else None
    return given if isinstance(given, str) and is_item_id(given) else None


def is_item_id(text: str) -> bool:
    """Whether `text` may be the id of an item."""
    return 0 < len(text) <= MAX_ID_LENGTH and text.isprintable()


class CheckCacheBatchRequest(BaseModel):
    """The body of `POST /classify/check-cache/batch`. Other fields are ignored."""

    model_config = ConfigDict(frozen=True)

    items: list[Annotated[CheckCacheItem, WrapValidator(_keep_apart)]] = Field(min_length=1, max_length=MAX_QUESTIONS)
    user_id: UserId | SkipJsonSchema[None] = Field(
        None,
        description="User or device; the header X-User-ID wins over it",
        examples=["device-42"],
        json_schema_extra=not_null,
    )
