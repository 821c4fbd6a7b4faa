"""Figures for Prometheus, at the root."""

from fastapi import APIRouter, Response

from app.api.deps import ContainerDep
from app.api.http.doors import ADMIN_ERRORS, ADMIN_ONLY
from app.api.http.openapi import document_errors
from app.observe.exposition import CONTENT_TYPE

router = APIRouter(tags=["metrics"], dependencies=[*ADMIN_ONLY], responses=ADMIN_ERRORS)

_EXAMPLE = "# TYPE image_classifier_processes gauge\nimage_classifier_processes 4\n"


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus text",
            "content": {"text/plain": {"schema": {"type": "string"}, "examples": {"build": {"value": _EXAMPLE}}}},
        },
        **document_errors(),
    },
)
async def get_metrics(container: ContainerDep) -> Response:
    """All processes of this instance, added up. `docs/metrics.md` says what each figure means."""
    return Response(await container.exposition.render(), headers={"Cache-Control": "no-store"}, media_type=CONTENT_TYPE)
