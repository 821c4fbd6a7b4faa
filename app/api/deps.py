"""What routes may ask for, as annotated names."""

from typing import Annotated

from fastapi import Depends, Request

from app.api.http.context import ContextDep, container_of
from app.api.http.doors import seconds_admitted
from app.container import Container
from app.services.budget_statistics import BudgetStatsService
from app.services.correction_service import CorrectionService
from app.services.feedback_service import FeedbackService
from app.services.health_service import HealthService
from app.services.history_service import HistoryService
from app.services.identity_statistics import IdentityStatsService
from app.services.live.feed import LiveFeed
from app.services.model_statistics import ModelStatsService
from app.services.purge_service import PurgeService
from app.services.stats_service import StatsService
from app.services.yesterday_statistics import YesterdayStatsService

__all__ = [
    "BudgetStatsDep",
    "ContainerDep",
    "ContextDep",
    "CorrectionsDep",
    "FeedbackDep",
    "HealthDep",
    "IdentityStatsDep",
    "LiveDep",
    "ModelStatsDep",
    "PurgesDep",
    "SecondsAdmittedDep",
    "StatsDep",
    "YesterdayStatsDep",
]


def get_container(request: Request) -> Container:
    return container_of(request.scope)


ContainerDep = Annotated[Container, Depends(get_container)]


def get_stats(container: ContainerDep) -> StatsService:
    return container.stats


def get_live(container: ContainerDep) -> LiveFeed:
    return container.live


def get_identity_stats(container: ContainerDep) -> IdentityStatsService:
    return container.identity_stats


def get_model_stats(container: ContainerDep) -> ModelStatsService:
    return container.model_stats


def get_budget_stats(container: ContainerDep) -> BudgetStatsService:
    return container.budget_stats


def get_yesterday_stats(container: ContainerDep) -> YesterdayStatsService:
    return container.yesterday_stats


def get_corrections(container: ContainerDep) -> CorrectionService:
    return container.corrections.answers


def get_feedback(container: ContainerDep) -> FeedbackService:
    return container.corrections.feedback


def get_history(container: ContainerDep) -> HistoryService:
    return container.corrections.history


def get_purges(container: ContainerDep) -> PurgeService:
    return container.corrections.purges


def get_health(container: ContainerDep) -> HealthService:
    return container.health


StatsDep = Annotated[StatsService, Depends(get_stats)]
LiveDep = Annotated[LiveFeed, Depends(get_live)]
IdentityStatsDep = Annotated[IdentityStatsService, Depends(get_identity_stats)]
ModelStatsDep = Annotated[ModelStatsService, Depends(get_model_stats)]
BudgetStatsDep = Annotated[BudgetStatsService, Depends(get_budget_stats)]
YesterdayStatsDep = Annotated[YesterdayStatsService, Depends(get_yesterday_stats)]
CorrectionsDep = Annotated[CorrectionService, Depends(get_corrections)]
FeedbackDep = Annotated[FeedbackService, Depends(get_feedback)]
HistoryDep = Annotated[HistoryService, Depends(get_history)]
PurgesDep = Annotated[PurgeService, Depends(get_purges)]
HealthDep = Annotated[HealthService, Depends(get_health)]
SecondsAdmittedDep = Annotated[float | None, Depends(seconds_admitted)]
