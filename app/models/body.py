"""What all bodies that we return have in common, and the types of their fields."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from app.utils.clock import isoformat_utc

Timestamp = Annotated[
    datetime,
    PlainSerializer(isoformat_utc, return_type=str),
    Field(
        description="UTC, whole seconds", examples=["2025-10-10T12:00:00Z"], json_schema_extra={"format": "date-time"}
    ),
]
RequestId = Annotated[str, Field(examples=["req_1696934400_a3f5d8c2b1e9"])]
Confidence = Annotated[float, Field(ge=0, le=1, examples=[0.95])]
Timezone = Annotated[str, Field(description="Where days begin at midnight", examples=["UTC"])]
Share = Annotated[float, Field(ge=0, le=1)]
Percentage = Annotated[float, Field(ge=0, le=100, examples=[29.94])]


def describe_body(schema: dict[str, Any]) -> None:
    """Say of a boolean no more than that it is one.

    Client generators make an enum of strings out of a boolean `const`, which then refuses the answer, and an optional
    field out of one with a `default`.
    """
    for field in schema["properties"].values():
        if field.get("type") == "boolean":
            field.pop("const", None)
        field.pop("default", None)


class Body(BaseModel):
    """What all bodies have in common: they are built from values by attribute, and frozen."""

    model_config = ConfigDict(
        from_attributes=True,
        frozen=True,
        json_schema_serialization_defaults_required=True,
        json_schema_extra=describe_body,
    )
