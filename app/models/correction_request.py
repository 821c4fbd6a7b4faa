"""Bodies by which operators and users mend answers."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.models.domain import Category

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
