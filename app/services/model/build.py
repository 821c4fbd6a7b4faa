"""Builds the models that the settings ask for, and the behaviour stacked around them."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.models.domain import LOCAL_MODEL, LOCAL_PROVIDER
from app.models.lanes import FLEX, STANDARD
from app.observe.metrics import Metrics
from app.services.model.prompt import PROMPT_VERSION, build_prompt
from app.services.model.providers.connection import Connection
from app.services.model.providers.local_provider import LOCAL_VERSION, LocalProvider, Network
from app.services.model.settings import ModelEndpoint, ModelSettings
from app.services.model.stack.breaker import BREAKER_STATES, BreakerModel
from app.services.model.stack.budgeted import Budget, BudgetedModel, CallEstimate
from app.services.model.stack.counted import CountedModel, CountedSkips
from app.services.model.stack.deferred import DeferredModel
from app.services.model.stack.fair import FairModel
from app.services.model.stack.fallback import PRIMARY_SHARE, FallbackModel
from app.services.model.stack.formats import FormatsModel
from app.services.model.stack.limit import LimitedModel
from app.services.model.stack.local_fallback import LocalFallbackModel
from app.services.model.stack.local_first import LocalFirstModel
from app.services.model.stack.logged import LoggedModel
from app.services.model.stack.retry import RetryingModel
from app.services.model_client import ModelClient

if TYPE_CHECKING:
    from app.observe.gen_ai import GenAI


@dataclass(frozen=True, slots=True)
class Models:
    """The models in effect: what is asked, the breakers, which know how the models are, and what closes them all."""

    client: ModelClient
    breakers: Sequence[BreakerModel]
    close: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Guarded:
    """One model with all that is stacked around it."""

    client: ModelClient
    close: Callable[[], Awaitable[None]]
    breaker: BreakerModel | None = None


@dataclass(frozen=True, slots=True)
class _Site:
    """What all models are built of."""

    settings: ModelSettings
    metrics: Metrics
    network: Network | None
    budget: Budget | None
    gen_ai: "GenAI | None"


def build_model(
    settings: ModelSettings,
    metrics: Metrics,
    network: Network | None = None,
    budget: Budget | None = None,
    gen_ai: "GenAI | None" = None,
) -> Models:
    """Build the stack around the models in effect. `network` is needed where one of them is the embedded network,
    `budget` where there is a limit to what models may cost, `gen_ai` where somebody traces."""
    site = _Site(settings, metrics, network, budget, gen_ai)
    seconds, fallback = settings.llm_timeout, settings.fallback
    closing = AsyncExitStack()
    if fallback is None:
        guarded = [_guard(settings.primary, site, seconds)]
        client = guarded[0].client
    else:
        guarded = [
            _guard(settings.primary, site, seconds * PRIMARY_SHARE),
            _guard(fallback, site, seconds * (1 - PRIMARY_SHARE)),
        ]
        client = FallbackModel(guarded[0].client, guarded[1].client)
    lane = _lane(settings.primary, site)
    client = DeferredModel(
        client, lane.client if lane else None, settings.llm_timeout, falls_back=settings.deferred_fallback == "standard"
    )
    client = _with_network(client, settings, metrics, network)
    for model in guarded if lane is None else [*guarded, lane]:
        closing.push_async_callback(model.close)
    breakers = [model.breaker for model in guarded if model.breaker is not None]
    return Models(LoggedModel(client), breakers, closing.aclose)


def _with_network(
    client: ModelClient, settings: ModelSettings, metrics: Metrics, network: Network | None
) -> ModelClient:
    """Return the models with the embedded network before them, after them, or both, as the settings say."""
    if settings.provider == "local" or network is None:
        return client
    own = CountedModel(
        LocalProvider(network, settings.description_language), LOCAL_PROVIDER, LOCAL_MODEL, LOCAL_VERSION, metrics
    )
    if settings.local_first != "off":
        client = LocalFirstModel(client, own, settings.local_first, metrics)
    if settings.local_fallback == "unavailable":
        client = LocalFallbackModel(client, own, metrics)
    return client


def _guard(model: ModelEndpoint, site: _Site, seconds: float) -> _Guarded:
    """Return a model with all that is stacked around it; it has so many seconds for a question."""
    settings, metrics = site.settings, site.metrics
    names = model.provider, model.model or LOCAL_MODEL
    connection = connect(model, settings, site.network)
    version = LOCAL_VERSION if model.provider == "local" else PROMPT_VERSION
    counted = [CountedModel(provider, *names, version, metrics) for provider in connection.formats]
    told = _traced(counted, names, site)
    if model.provider == "local":
        return _Guarded(in_formats(told), connection.close)
    asked = in_formats(_budgeted(told, site))
    limited = LimitedModel(asked, settings.llm_max_concurrency)
    shared: ModelClient = limited
    if settings.fair_share:
        shared = FairModel(limited, settings.fair_share, settings.llm_max_concurrency, metrics)
    breaker = BreakerModel(shared, " ".join(names), fair_budget_seconds=seconds)
    metrics.queues.watch(lambda: limited.waiting, "questions")
    metrics.model_calls_now.watch(lambda: limited.running)
    for state in BREAKER_STATES:
        metrics.breakers.watch(partial(_is_in, breaker, state), *names, state)
    return _Guarded(RetryingModel(CountedSkips(breaker, *names, metrics)), connection.close, breaker)


def _lane(model: ModelEndpoint, site: _Site) -> _Guarded | None:
    """Return the cheap lane of a model, with places of its own: a question stays there for minutes. None: it has none.

    No breaker: what the lane has no room for says nothing about the model.
    """
    settings, metrics = site.settings, site.metrics
    if model.provider not in ("openai", "custom"):
        return None
    names = model.provider, model.model
    connection = connect(model, settings, lane=FLEX)
    counted = [CountedModel(provider, *names, PROMPT_VERSION, metrics, lane=FLEX) for provider in connection.formats]
    limited = LimitedModel(in_formats(_budgeted(_traced(counted, names, site), site)), settings.llm_max_concurrency)
    metrics.queues.watch(lambda: limited.waiting, "questions")
    metrics.model_calls_now.watch(lambda: limited.running)
    shared: ModelClient = limited
    if settings.fair_share:
        shared = FairModel(limited, settings.fair_share, settings.llm_max_concurrency, metrics)
    return _Guarded(CountedSkips(shared, *names, metrics), connection.close)


def _traced(formats: Sequence[ModelClient], names: tuple[str, str], site: _Site) -> Sequence[ModelClient]:
    if site.gen_ai is None:
        return formats
    from app.services.model.stack.traced import TracedModel

    return [TracedModel(model, *names, site.gen_ai) for model in formats]


def _budgeted(formats: Sequence[ModelClient], site: _Site) -> Sequence[ModelClient]:
    if site.budget is None:
        return formats
    estimate = CallEstimate.of(site.budget.prices, site.settings.image_max_side, site.settings.llm_max_tokens)
    return [BudgetedModel(model, site.budget, estimate) for model in formats]


def in_formats(formats: Sequence[ModelClient]) -> ModelClient:
    """Return what asks one model in the strictest of these answer formats that it takes."""
    return formats[0] if len(formats) == 1 else FormatsModel(formats)


def connect(
    model: ModelEndpoint, settings: ModelSettings, network: Network | None = None, lane: str = STANDARD
) -> Connection:
    """Connect to one model. An SDK is imported where it is used: it takes 10 to 40 MiB of every worker's memory."""
    prompt = build_prompt(settings.description_language)
    match model.provider:
        case "local":
            assert network is not None
            return Connection([LocalProvider(network, settings.description_language)])
        case "claude":
            from app.services.model.providers.claude_provider import connect_claude

            return connect_claude(model, prompt, settings.llm_max_tokens)
        case "openai":
            from app.services.model.providers.openai_provider import connect_openai

            return connect_openai(model, prompt, settings.llm_max_tokens, lane)
        case "custom":
            from app.services.model.providers.openai_provider import connect_custom

            return connect_custom(model, prompt, settings.llm_max_tokens, lane)


def _is_in(breaker: BreakerModel, state: str) -> float:
    return float(breaker.state == state)
