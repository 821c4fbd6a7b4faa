"""What the service accepts and who answers, for the page to try it and for apps that ask before they send."""

from fastapi import APIRouter

from app.api.deps import ContainerDep
from app.api.http.openapi import document_answer, document_errors
from app.models.about_response import ABOUT, AboutResponse

router = APIRouter(tags=["health"])


@router.get(
    "/about",
    summary="What the service accepts, who answers, and in which currency it counts",
    responses={**document_answer("What is set", about=ABOUT), **document_errors()},
)
async def get_about(container: ContainerDep) -> AboutResponse:
    """Needs no key, and tells no secret."""
    return AboutResponse(data=container.about)
