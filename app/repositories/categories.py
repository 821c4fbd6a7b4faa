"""Categories as statements and rows have them: a row may have one that this version does not know."""

import json

from app.models.domain import Category

CATEGORIES_JSON = json.dumps([str(category) for category in Category])
"""All categories, for statements that pass over rows with another: edited by hand, or of another version."""


def category_of(text: str) -> Category | None:
    """Return the category of a row, or None if it is none of ours."""
    try:
        return Category(text)
    except ValueError:
        return None
