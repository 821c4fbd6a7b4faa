"""What routes may ask for, as annotated names. The only module that knows where the container is kept."""

from collections.abc import AsyncIterator
from typing import Annotated, cast

from fastapi import Depends, Header, Request
from starlette.types import Scope

from app.api.access import AdmittedBody
from app.api.body import Upload, read_check_cache, read_upload
from app.api.client_address import client_address
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
        str | None,
        Header(
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


async def _check_cache_body(request: Request, receive: AdmittedBody) -> CheckCacheRequest:
    return await read_check_cache(dict(request.headers.raw), receive)


async def _upload_body(request: Request, receive: AdmittedBody, container: ContainerDep) -> AsyncIterator[Upload]:
    async with read_upload(dict(request.headers.raw), receive, container) as upload:
        yield upload


CheckCacheBody = Annotated[CheckCacheRequest, Depends(_check_cache_body)]
UploadBody = Annotated[Upload, Depends(_upload_body)]
ContextDep = Annotated[RequestContext, Depends(get_context)]
ClassifierDep = Annotated[ClassifierService, Depends(get_classifier)]
StatsDep = Annotated[StatsService, Depends(get_stats)]
HealthDep = Annotated[HealthService, Depends(get_health)]
