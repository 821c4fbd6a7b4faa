"""Whether an answer may stand for another photo that looks alike."""

from pydantic import BaseModel, Field

from app.models.near import NearDuplicates


class IdentitySettings(BaseModel):
    """Near matches."""

    near_duplicates: NearDuplicates = Field(
        "auto",
        description="Photos that look like a known one: `off`; `observe` asks and compares; `auto` serves while the "
        "comparisons allow it; `serve`",
    )
    near_max_distance: int = Field(
        10, ge=0, le=15, description="Most bits of 256 by which two photos differ that look alike (PDQ)"
    )
    near_max_error: float = Field(
        0.02,
        gt=0,
        le=0.5,
        description="Largest share of wrong near matches that `auto` serves with, with 95 % confidence",
    )
