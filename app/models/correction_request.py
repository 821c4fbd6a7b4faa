"""Bodies by which operators and users mend answers."""

from datetime import UTC
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.json_schema import SkipJsonSchema

from app.models.correction import Purge
from app.models.domain import Category
from app.models.request import not_null
from app.utils.id_generator import REQUEST_ID_PATTERN

MAX_REASON_LENGTH = 500

Reason = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=MAX_REASON_LENGTH, pattern=r"^[^\x00-\x1f\x7f]+$"
    ),
    Field(description="Why, for the audit: one line", examples=["a dog, not a plate of food"]),
]


class CorrectionRequest(BaseModel):
    """The body of `PUT /cache/{image_hash}`."""

    model_config = ConfigDict(frozen=True)

    category: Category = Field(description="What the photo shows", examples=["pets"])
    reason: Reason


class FeedbackRequest(BaseModel):
    """The body of `POST /feedback`."""

    model_config = ConfigDict(frozen=True)

    request_id: Annotated[str, StringConstraints(pattern=REQUEST_ID_PATTERN)] = Field(
        description="Of the answer that is wrong", examples=["req_1696934400_a3f5d8c2b1e9"]
    )
    category: Category | SkipJsonSchema[None] = Field(
        None, description="What the photo shows, if the user says so", examples=["pets"], json_schema_extra=not_null
    )


class PurgeRequest(BaseModel):
    """The body of `POST /cache/purge`: answers that all of the given values fit; at least one is to be given.

    A value that is no field of these is an error: misspelt, it would be left out, and more be deleted than was meant.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Annotated[str, StringConstraints(min_length=1, max_length=100)] | SkipJsonSchema[None] = Field(
        None,
        description="`model_used` of the answers; corrected ones are `operator`, and stay unless they are named",
        examples=["gpt-6-luna"],
        json_schema_extra=not_null,
    )
    prompt_version: Annotated[str, StringConstraints(min_length=1, max_length=16)] | SkipJsonSchema[None] = Field(
        None, description="Version of the prompt that was asked", examples=["1"], json_schema_extra=not_null
    )
    category: Category | SkipJsonSchema[None] = Field(
        None, description="What they say", examples=["pets"], json_schema_extra=not_null
    )
    before: AwareDatetime | SkipJsonSchema[None] = Field(
        None,
        description="Only those that were given before this moment, with its offset from UTC",
        examples=["2025-10-10T12:00:00Z"],
        json_schema_extra=not_null,
    )
    reason: Reason
    dry_run: bool = Field(False, description="Delete nothing, and count", examples=[True], json_schema_extra=not_null)

    @model_validator(mode="after")
    def _means_some(self) -> Self:
        if not {"model", "prompt_version", "category", "before"} & {name for name, value in self if value is not None}:
            raise ValueError("one of model, prompt_version, category and before is required")
        return self

    @property
    def purge(self) -> Purge:
        """Which answers are meant."""
        before = None if self.before is None else self.before.astimezone(UTC)
        return Purge(self.model, self.prompt_version, self.category, before)
