"""The body of `GET /about`."""

from typing import Literal

from pydantic import Field

from app.models.body import Body


class AboutData(Body):
    """What a client can expect of this service: nothing that changes while it runs."""

    version: str = Field(examples=["0.1.0"])
    answered_by: Literal["model", "embedded_network"] = Field(
        description="Who answers what is not known: a vision model, or the small network inside this service"
    )
    formats: list[str] = Field(description="Accepted formats of photos", examples=[["GIF", "JPEG", "PNG", "WEBP"]])
    max_image_bytes: int = Field(description="Largest accepted file", examples=[10_485_760])
    currency: str = Field(description="ISO 4217 code of all money that the service tells", examples=["USD"])
    cost_per_call: float | None = Field(
        description="What asking a model costs: COST_PER_API_CALL; null where that is not for everybody (SHOW_COSTS)",
        examples=[0.01],
    )


class AboutResponse(Body):
    """The answer of `GET /about`."""

    success: Literal[True] = True
    data: AboutData


ABOUT = AboutResponse(
    data=AboutData(
        version="0.1.0",
        answered_by="model",
        formats=["GIF", "JPEG", "PNG", "WEBP"],
        max_image_bytes=10_485_760,
        currency="USD",
        cost_per_call=0.01,
    )
)
