"""What routes may ask for, as annotated names. The only module that knows where the container is kept."""

from typing import Annotated, NoReturn, cast

from fastapi import Depends, Header, Request
from pydantic.json_schema import SkipJsonSchema
from starlette.types import Scope

from app.api.http.body import Upload
from app.api.http.client_address import client_address
from app.container import Container
from app.models.domain import RequestContext
from app.models.request import USER_ID_PATTERN, CheckCacheRequest
from app.services.classifier import ClassifierService
from app.services.health_service import HealthService
from app.services.stats_service import StatsService


def get_container(request: Request) -> Container:
    return cast(Container, request.app.state.container)


ContainerDep = Annotated[Container, Depends(get_container)]


def get_context(
    request: Request,
    x_user_id: Annotated[
        str | SkipJsonSchema[None],
        Header(
            alias="X-User-ID",
            pattern=USER_ID_PATTERN,
            description="User or device, for statistics and for reading one's own records",
            examples=["device-42"],
        ),
    ] = None,
) -> RequestContext:
    return context_of(request.scope, x_user_id)


def context_of(scope: Scope, user_id: str | None) -> RequestContext:
    """Return who asks, the user id already checked."""
    return RequestContext(scope["state"]["request_id"], user_id, client_address(scope))


def get_classifier(container: ContainerDep) -> ClassifierService:
    return container.classifier


def get_stats(container: ContainerDep) -> StatsService:
    return container.stats


def get_health(container: ContainerDep) -> HealthService:
    return container.health


def _had_directly() -> NoReturn:
    """Bodies are read by `hot_routes.py`, which serves these routes: the framework's own are documentation."""
    raise NotImplementedError


CheckCacheBody = Annotated[CheckCacheRequest, Depends(_had_directly)]
UploadBody = Annotated[Upload, Depends(_had_directly)]
ContextDep = Annotated[RequestContext, Depends(get_context)]
ClassifierDep = Annotated[ClassifierService, Depends(get_classifier)]
StatsDep = Annotated[StatsService, Depends(get_stats)]
HealthDep = Annotated[HealthService, Depends(get_health)]
