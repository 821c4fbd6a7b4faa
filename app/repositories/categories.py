"""Categories and kinds of names as rows have them: a row may have one that this version does not know."""

import json

from app.models.domain import Category
from app.models.identity import MatchedBy

CATEGORY_NAMES = tuple(str(category) for category in Category)
"""All categories, for statements that pass over rows with another: edited by hand, or of another version."""

CATEGORIES_JSON = json.dumps(CATEGORY_NAMES)


def category_of(text: str) -> Category | None:
    """Return the category of a row, or None if it is none of ours."""
    try:
        return Category(text)
    except ValueError:
        return None


def matched_by_of(text: str | None) -> MatchedBy | None:
    """Return the kind of name of a row, or None if it has none, or none of ours."""
    try:
        return None if text is None else MatchedBy(text)
    except ValueError:
        return None
