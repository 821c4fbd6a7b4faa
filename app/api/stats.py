"""Statistics for operators."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query

from app.api.deps import BudgetStatsDep, IdentityStatsDep, ModelStatsDep, StatsDep, YesterdayStatsDep
from app.api.http.caching import NOT_STORED
from app.api.http.doors import ADMIN_ERRORS, ADMIN_ONLY
from app.api.http.openapi import document_answer, document_errors
from app.errors import DatabaseUnavailable, InvalidRequest, InvalidUserId, NotFound, StatisticsNotBuilt
from app.models import budget_response, examples, identity_response, model_response, trend_response, yesterday_response
from app.models.budget_response import BudgetStatsResponse
from app.models.identity_response import IdentityStatsResponse
from app.models.model_response import ModelsStatsResponse
from app.models.request import UserId
from app.models.response import (
    TokenStatsResponse,
    TopImagesResponse,
    TopUsersResponse,
)
from app.models.stats_response import CacheEfficiencyResponse, CategoryDistributionResponse, TodayStatsResponse
from app.models.trend_response import LatencyResponse, OneUserResponse, TrendResponse
from app.models.yesterday_response import YesterdayResponse

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
    about = asdict(stats.describe_basis("request_log"))
    return TodayStatsResponse.model_validate({"data": await stats.summarize_today(), **about})


@router.get(
    "/yesterday",
    summary="Yesterday until the time of day that it is now",
    responses=document_answer("What today is compared with", until=yesterday_response.YESTERDAY),
)
async def get_yesterday_stats(stats: YesterdayStatsDep) -> YesterdayResponse:
    """From midnight in `STATS_TIMEZONE` until its clocks showed the present minute: the first time where they showed it
    twice, and when they skipped it where they did. After an upgrade from a version without this call the minutes are
    counted from then on; `python -m app.cli rebuild` counts those from before."""
    return YesterdayResponse.model_validate({"data": await stats.summarize()})


@router.get(
    "/cache-efficiency",
    summary="What the cache has saved",
    responses=document_answer("Totals of the cache", totals=examples.EFFICIENCY),
)
async def get_cache_efficiency(stats: StatsDep) -> CacheEfficiencyResponse:
    """Totals over all cached images since the beginning."""
    about = asdict(stats.describe_basis("image_classification_cache"))
    return CacheEfficiencyResponse.model_validate({"data": await stats.summarize_cache(), **about})


@router.get(
    "/tokens",
    summary="The tokens that models were paid for, and their real cost",
    responses=document_answer("Tokens and cost", priced=examples.TOKENS),
)
async def get_token_stats(stats: StatsDep) -> TokenStatsResponse:
    """Today and since the beginning. Beside it, `/stats/today` counts a flat `COST_PER_API_CALL` a call."""
    about = asdict(stats.describe_basis("model_call"))
    return TokenStatsResponse.model_validate({"data": {**asdict(await stats.summarize_tokens()), **about}})


@router.get(
    "/category-distribution",
    summary="Requests by category",
    responses={
        **document_answer("The categories, most frequent first", two=examples.DISTRIBUTION),
        **_BAD_NUMBER,
    },
)
async def get_category_distribution(stats: StatsDep, days: Days = 1) -> CategoryDistributionResponse:
    """Of the last days in `STATS_TIMEZONE`; `days=1` is today. `category` is the key; `/categories` has the names."""
    span = asdict(stats.describe(days))
    return CategoryDistributionResponse.model_validate({"data": await stats.distribute_categories(days), **span})


@router.get(
    "/trend",
    summary="The requests of each day, their cost, and what was uploaded and saved",
    responses={**document_answer("The days, the oldest first", day=trend_response.TREND), **_BAD_NUMBER},
)
async def get_trend(stats: StatsDep, days: Days = 30) -> TrendResponse:
    """Each of the last days in `STATS_TIMEZONE`, today included, with the figures of `/stats/today`."""
    span = asdict(stats.describe(days))
    trend = [{"day": one.day, **asdict(one.totals)} for one in await stats.summarize_days(days)]
    return TrendResponse.model_validate({"data": {**span, "trend": trend}})


@router.get(
    "/latency",
    summary="How long hits took, and answers that a model was asked for",
    responses={**document_answer("Percentiles, right within 5 %", day=trend_response.LATENCY), **_BAD_NUMBER},
)
async def get_latency(stats: StatsDep, days: Days = 1) -> LatencyResponse:
    """Of the last days in `STATS_TIMEZONE`; `days=1` is today."""
    span = asdict(stats.describe(days))
    return LatencyResponse.model_validate({"data": {**span, **asdict(await stats.summarize_latency(days))}})


@router.get(
    "/users/top",
    summary="The users with the most requests",
    responses={**document_answer("The users, most requests first", one=examples.TOP_USERS), **_BAD_NUMBER},
)
async def get_top_users(stats: StatsDep, limit: Limit = 20) -> TopUsersResponse:
    """Over all requests on record, that is since `LOG_RETENTION_DAYS` ago."""
    about = asdict(stats.describe_basis("request_log"))
    return TopUsersResponse.model_validate({"data": await stats.rank_users(limit), **about})


@router.get(
    "/users/{user_id}",
    summary="The requests of one user",
    responses={
        **document_answer("The user", one=trend_response.USER),
        **document_errors(InvalidUserId, NotFound),
    },
)
async def get_user_stats(stats: StatsDep, user_id: UserId) -> OneUserResponse:
    """Over all requests on record, that is since `LOG_RETENTION_DAYS` ago."""
    about = asdict(stats.describe_basis("request_log"))
    return OneUserResponse.model_validate({"data": {**asdict(await stats.find_user(user_id)), **about}})


@router.get(
    "/images/top",
    summary="The images most often asked for",
    responses={**document_answer("The images, most often asked for first", one=examples.TOP_IMAGES), **_BAD_NUMBER},
)
async def get_top_images(stats: StatsDep, limit: Limit = 10) -> TopImagesResponse:
    """Over all cached images since the beginning."""
    about = asdict(stats.describe_basis("image_classification_cache"))
    return TopImagesResponse.model_validate({"data": await stats.rank_images(limit), **about})


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


@router.get(
    "/budget",
    summary="What models may cost, what they have cost, and when there is money again",
    responses=document_answer("The budgets of this day and this month", day=budget_response.BUDGET),
)
async def get_budget_stats(stats: BudgetStatsDep) -> BudgetStatsResponse:
    """Of all processes. Days and months are those of `STATS_TIMEZONE`; null where there is no limit."""
    return BudgetStatsResponse.model_validate({"data": await stats.summarize()})
