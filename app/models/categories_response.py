"""The body of `GET /categories`."""

from typing import Literal

from pydantic import Field

from app.models.body import Body
from app.models.domain import Category


class CategoryNameData(Body):
    """What an app shows its user for a category."""

    chinese: str = Field(examples=["旅行风景"])
    english: str = Field(examples=["Travel Scenery"])


class CategoriesResponse(Body):
    """The answer of `GET /categories`: the names by key, as the specification's appendix B has them."""

    success: Literal[True] = True
    data: dict[Category, CategoryNameData]
