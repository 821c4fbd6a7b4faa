"""Statistics for operators."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.api.deps import StatsDep
from app.api.http.doors import ADMIN_ERRORS, ADMIN_ONLY
from app.api.http.openapi import document_errors
from app.errors import DatabaseUnavailable, InvalidRequest
from app.models.response import (
    CacheEfficiencyResponse,
    CategoryDistributionResponse,
    TodayStatsResponse,
    TokenStatsResponse,
    TopImagesResponse,
    TopUsersResponse,
)

router = APIRouter(
    prefix="/stats",
    tags=["stats"],
    dependencies=[*ADMIN_ONLY],
    responses={**ADMIN_ERRORS, **document_errors(DatabaseUnavailable)},
)

Limit = Annotated[int, Query(ge=1, le=100, description="How many rows")]
_BAD_LIMIT = document_errors(InvalidRequest)


@router.get("/today", summary="Today's requests and their cost")
async def today(stats: StatsDep) -> TodayStatsResponse:
    """Totals of the requests since midnight in `STATS_TIMEZONE`."""
    return TodayStatsResponse.model_validate({"data": await stats.summarize_today()})


@router.get("/cache-efficiency", summary="What the cache has saved")
async def cache_efficiency(stats: StatsDep) -> CacheEfficiencyResponse:
    """Totals over all cached images since the beginning."""
    return CacheEfficiencyResponse.model_validate({"data": await stats.summarize_cache()})


@router.get("/tokens", summary="The tokens that models were paid for, and their real cost")
async def tokens(stats: StatsDep) -> TokenStatsResponse:
    """Today and since the beginning. Beside it, `/stats/today` counts a flat `COST_PER_API_CALL` a call."""
    return TokenStatsResponse.model_validate({"data": await stats.summarize_tokens()})


@router.get("/category-distribution", summary="Today's requests by category")
async def category_distribution(stats: StatsDep) -> CategoryDistributionResponse:
    """Most frequent first. `category` is the key; `/categories` has the names."""
    return CategoryDistributionResponse.model_validate({"data": await stats.distribute_categories()})


@router.get("/users/top", summary="The users with the most requests", responses=_BAD_LIMIT)
async def top_users(stats: StatsDep, limit: Limit = 20) -> TopUsersResponse:
    """Over all requests on record, that is since `LOG_RETENTION_DAYS` ago."""
    return TopUsersResponse.model_validate({"data": await stats.rank_users(limit)})


@router.get("/images/top", summary="The images most often asked for", responses=_BAD_LIMIT)
async def top_images(stats: StatsDep, limit: Limit = 10) -> TopImagesResponse:
    """Over all cached images since the beginning."""
    return TopImagesResponse.model_validate({"data": await stats.rank_images(limit)})
