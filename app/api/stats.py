"""Statistics for operators."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.api.deps import IdentityStatsDep, ModelStatsDep, StatsDep
from app.api.http.caching import NOT_STORED
from app.api.http.doors import ADMIN_ERRORS, ADMIN_ONLY
from app.api.http.openapi import document_answer, document_errors
from app.errors import DatabaseUnavailable, InvalidRequest, StatisticsNotBuilt
from app.models import examples, identity_response, model_response
from app.models.identity_response import IdentityStatsResponse
from app.models.model_response import ModelsStatsResponse
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
    dependencies=[*ADMIN_ONLY, NOT_STORED],
    responses={**ADMIN_ERRORS, **document_errors(DatabaseUnavailable, StatisticsNotBuilt)},
)

Limit = Annotated[int, Query(ge=1, le=100, description="How many rows")]
Days = Annotated[int, Query(ge=1, le=3650, description="How many days, today included")]
_BAD_NUMBER = document_errors(InvalidRequest)


@router.get(
    "/today",
    summary="Today's requests and their cost",
    responses=document_answer("Today's totals", totals=examples.TODAY),
)
async def get_today_stats(stats: StatsDep) -> TodayStatsResponse:
    """Totals of the requests since midnight in `STATS_TIMEZONE`."""
    return TodayStatsResponse.model_validate({"data": await stats.summarize_today()})


@router.get(
    "/cache-efficiency",
    summary="What the cache has saved",
    responses=document_answer("Totals of the cache", totals=examples.EFFICIENCY),
)
async def get_cache_efficiency(stats: StatsDep) -> CacheEfficiencyResponse:
    """Totals over all cached images since the beginning."""
    return CacheEfficiencyResponse.model_validate({"data": await stats.summarize_cache()})


@router.get(
    "/tokens",
    summary="The tokens that models were paid for, and their real cost",
    responses=document_answer("Tokens and cost", priced=examples.TOKENS),
)
async def get_token_stats(stats: StatsDep) -> TokenStatsResponse:
    """Today and since the beginning. Beside it, `/stats/today` counts a flat `COST_PER_API_CALL` a call."""
    return TokenStatsResponse.model_validate({"data": await stats.summarize_tokens()})


@router.get(
    "/category-distribution",
    summary="Today's requests by category",
    responses=document_answer("The categories, most frequent first", two=examples.DISTRIBUTION),
)
async def get_category_distribution(stats: StatsDep) -> CategoryDistributionResponse:
    """Most frequent first. `category` is the key; `/categories` has the names."""
    return CategoryDistributionResponse.model_validate({"data": await stats.distribute_categories()})


@router.get(
    "/users/top",
    summary="The users with the most requests",
    responses={**document_answer("The users, most requests first", one=examples.TOP_USERS), **_BAD_NUMBER},
)
async def get_top_users(stats: StatsDep, limit: Limit = 20) -> TopUsersResponse:
    """Over all requests on record, that is since `LOG_RETENTION_DAYS` ago."""
    return TopUsersResponse.model_validate({"data": await stats.rank_users(limit)})


@router.get(
    "/images/top",
    summary="The images most often asked for",
    responses={**document_answer("The images, most often asked for first", one=examples.TOP_IMAGES), **_BAD_NUMBER},
)
async def get_top_images(stats: StatsDep, limit: Limit = 10) -> TopImagesResponse:
    """Over all cached images since the beginning."""
    return TopImagesResponse.model_validate({"data": await stats.rank_images(limit)})


@router.get(
    "/identity",
    summary="How photos were recognised, what that saved, and whether near matches are served",
    responses={**document_answer("What each kind of name saved", month=identity_response.IDENTITY), **_BAD_NUMBER},
)
async def get_identity_stats(stats: IdentityStatsDep, days: Days = 30) -> IdentityStatsResponse:
    """Over the days in `STATS_TIMEZONE`; `days=1` is today.

    Only logged requests are counted: those of `check-cache` that name no user are not in the log, and nothing is while
    `ENABLE_REQUEST_LOG` is false, nor from before `LOG_RETENTION_DAYS` ago. `near` is the decision of the process that
    answers; it heeds the latest 1,000 comparisons of all processes, whatever `days` is.
    """
    return IdentityStatsResponse.model_validate({"data": await stats.summarize(days)})


@router.get(
    "/models",
    summary="What each model was asked, what came of it, and how far the embedded network agrees with a model",
    responses={**document_answer("The models, and the embedded network", month=model_response.MODELS), **_BAD_NUMBER},
)
async def get_model_stats(stats: ModelStatsDep, days: Days = 30) -> ModelsStatsResponse:
    """Over the days in `STATS_TIMEZONE`; `days=1` is today. All questions are counted, those that failed too."""
    return ModelsStatsResponse.model_validate({"data": await stats.summarize(days)})
