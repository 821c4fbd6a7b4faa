"""Health, for load balancers, orchestrators and people."""

from typing import Any

from fastapi import APIRouter, Response

from app.api.deps import HealthDep
from app.api.http.caching import NOT_STORED
from app.api.http.doors import SeesOperationsDep
from app.api.http.openapi import document_answer, document_errors
from app.models import examples
from app.models.response import DatabaseNodeData, HealthResponse, LiveResponse
from app.utils.clock import utc_now

router = APIRouter(prefix="/health", tags=["health"], dependencies=[NOT_STORED])

_UNHEALTHY = examples.UNHEALTHY.model_dump(mode="json", exclude_none=True)

_STATES: dict[int | str, dict[str, Any]] = {
    **document_answer("It can serve", healthy=examples.HEALTHY),
    **document_errors(),
    503: {
        "model": HealthResponse,
        "description": "It cannot serve; the body says why",
        "content": {"application/json": {"examples": {"unhealthy": {"value": _UNHEALTHY}}}},
    },
}


@router.get(
    "",
    summary="The state of the service and of what it needs",
    responses=_STATES,
    response_model_exclude_none=True,
)
async def get_health(service: HealthDep, response: Response, sees_operations: SeesOperationsDep) -> HealthResponse:
    """`model_api` comes from what recent calls did; no model is asked. `database_nodes` is for those who may read the
    statistics."""
    return await _report(service, response, sees_operations=sees_operations)


@router.get("/ready", summary="Whether to send requests here", responses=_STATES, response_model_exclude_none=True)
async def get_readiness(service: HealthDep, response: Response, sees_operations: SeesOperationsDep) -> HealthResponse:
    """The same as `/health`, under the name that orchestrators use."""
    return await _report(service, response, sees_operations=sees_operations)


@router.get(
    "/live",
    summary="Whether the process runs",
    responses={**document_answer("It runs", alive=examples.ALIVE), **document_errors()},
)
async def get_liveness() -> LiveResponse:
    """Asks nothing of others: a database that is away is no reason to restart this process."""
    return LiveResponse(timestamp=utc_now())


async def _report(service: HealthDep, response: Response, *, sees_operations: bool) -> HealthResponse:
    state = await service.check()
    response.status_code = 200 if state.can_serve else 503
    return HealthResponse(
        status=state.status,
        timestamp=utc_now(),
        database=state.database,
        model_api=state.model_api,
        redis=state.redis,
        spooled_records=state.spooled_answers or None,
        database_nodes=[DatabaseNodeData(address=node.address, role=node.role) for node in state.nodes] or None
        if sees_operations
        else None,
    )
