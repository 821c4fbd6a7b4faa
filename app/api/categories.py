"""The eight categories."""

from fastapi import APIRouter

from app.api.http.openapi import document_errors
from app.models.domain import CATEGORY_NAMES
from app.models.response import CategoriesResponse, CategoryNameData

router = APIRouter(tags=["classify"])


@router.get("/categories", summary="The eight categories and their names", responses=document_errors())
async def categories() -> CategoriesResponse:
    """The names by key, as an app shows them."""
    return CategoriesResponse(
        data={category: CategoryNameData.model_validate(name) for category, name in CATEGORY_NAMES.items()}
    )
