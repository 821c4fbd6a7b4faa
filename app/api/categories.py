"""The eight categories."""

from fastapi import APIRouter

from app.api.http.openapi import document_answer, document_errors
from app.models import examples
from app.models.categories_response import CategoriesResponse, CategoryNameData
from app.models.domain import CATEGORY_NAMES

router = APIRouter(tags=["classify"])


@router.get(
    "/categories",
    summary="The eight categories and their names",
    responses={**document_answer("The names by key", all=examples.CATEGORIES), **document_errors()},
)
async def get_categories() -> CategoriesResponse:
    """The names by key, as an app shows them."""
    return CategoriesResponse(
        data={category: CategoryNameData.model_validate(name) for category, name in CATEGORY_NAMES.items()}
    )
