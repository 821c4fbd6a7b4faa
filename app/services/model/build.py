"""Builds the models that the settings ask for, and the behaviour stacked around them."""

from functools import partial

from app.models.domain import LOCAL_MODEL
from app.observe.metrics import Metrics
from app.services.model.prompt import build_prompt
from app.services.model.providers.local_provider import LocalProvider
from app.services.model.settings import ModelEndpoint, ModelSettings
from app.services.model.stack.breaker import BREAKER_STATES, BreakerModel
from app.services.model.stack.counted import CountedModel, CountedSkips
from app.services.model.stack.fallback import FallbackModel
from app.services.model.stack.limit import LimitedModel
from app.services.model.stack.logged import LoggedModel
from app.services.model.stack.retry import RetryingModel
from app.services.model_client import ModelClient


def build_model(settings: ModelSettings, metrics: Metrics) -> tuple[ModelClient, list[BreakerModel]]:
    """Build the stack around the models in effect, and return its breakers too: they know how the models are."""
    breakers: list[BreakerModel] = []

    def guarded(model: ModelEndpoint) -> ModelClient:
        names = model.provider, model.model or LOCAL_MODEL
        provider = CountedModel(build_provider(model, settings), *names, metrics)
        if model.provider == "local":
            return provider
        limited = LimitedModel(provider, settings.llm_max_concurrency)
        breaker = BreakerModel(limited, " ".join(names))
        breakers.append(breaker)
        metrics.queues.watch(lambda: limited.waiting, "questions")
        for state in BREAKER_STATES:
            metrics.breakers.watch(partial(_is_in, breaker, state), *names, state)
        return RetryingModel(CountedSkips(breaker, *names, metrics))

    client = guarded(settings.primary)
    if settings.fallback is not None:
        client = FallbackModel(client, guarded(settings.fallback))
    return LoggedModel(client), breakers


def build_provider(model: ModelEndpoint, settings: ModelSettings) -> ModelClient:
    """Build one provider. An SDK is imported where it is used: it takes 10 to 40 MiB of every worker's memory."""
    prompt = build_prompt(settings.description_language)
    match model.provider:
        case "local":
            return LocalProvider()
        case "claude":
            from app.services.model.providers.claude_provider import connect_claude

            return connect_claude(model, prompt, settings.llm_max_tokens)
        case "openai":
            from app.services.model.providers.openai_provider import connect_openai

            return connect_openai(model, prompt, settings.llm_max_tokens)
        case "custom":
            from app.services.model.providers.openai_provider import connect_custom

            return connect_custom(model, prompt, settings.llm_max_tokens)


def _is_in(breaker: BreakerModel, state: str) -> float:
    return float(breaker.state == state)
