"""What is built around the models that the settings ask for."""

import pytest

from app.models.domain import Category
from app.models.verdict import Verdict
from app.observe.metrics import Metrics
from app.services.model.build import build_model
from app.services.model.stack import local_first
from tests.conftest import make_settings, settings_for_provider
from tests.factories import make_image
from tests.fakes import FakeNetwork
from tests.support.fake_model import make_question
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.waiting import until


async def test_closing_the_models_closes_the_connections_to_every_vendor(fake_models: FakeModels) -> None:
    fallback = {"llm_fallback_provider": "claude", "llm_fallback_api_key": "k"}
    settings = make_settings(
        **settings_for_provider("openai", fake_models), **fallback, llm_fallback_base_url=fake_models.base_url
    )
    known = set(fake_models.transports)
    models = build_model(settings, Metrics())
    fake_models.script = [Behaviour(status=400)]
    question = make_question(jpeg=make_image())

    await models.client.ask(question)
    assert [(call.provider, call.outcome) for call in question.calls] == [
        ("openai", "rejected"),
        ("claude", "answered"),
    ]
    await models.close()

    opened = [transport for name, transport in fake_models.transports.items() if name not in known]
    assert len(opened) == 2
    await until(lambda: all(transport.is_closing() for transport in opened))


async def test_each_format_that_a_server_was_asked_in_is_a_call_of_the_question(fake_models: FakeModels) -> None:
    models = build_model(make_settings(**settings_for_provider("custom", fake_models)), Metrics())
    fake_models.behaviour = Behaviour(takes=frozenset({"text"}))
    question = make_question(jpeg=make_image())

    await models.client.ask(question)
    await models.close()

    assert [call.outcome for call in question.calls] == ["rejected", "rejected", "answered"]


async def test_a_breaker_knows_the_part_of_the_budget_that_its_model_has() -> None:
    fallback = {"llm_fallback_provider": "claude", "llm_fallback_api_key": "k"}
    for changes, budgets in (({}, [30]), (fallback, [18, 12])):
        models = build_model(make_settings(llm_api_key="k", llm_timeout=30, **changes), Metrics())
        await models.close()

        assert [breaker.fair_budget_seconds for breaker in models.breakers] == pytest.approx(budgets)


async def test_a_degraded_answer_is_no_second_opinion_on_what_the_network_is_sure_of(
    fake_models: FakeModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Around both is the layer that answers in place of models: below the other it would agree with itself."""
    monkeypatch.setattr(local_first, "AUDIT_EVERY", 1)
    settings = {**settings_for_provider("openai", fake_models), "local_first": 0.9, "local_fallback": "unavailable"}
    network = FakeNetwork(Verdict(Category.PETS, 0.95, {Category.PETS: 0.95}, faces=0, looks_like=None, group=None))
    models = build_model(make_settings(**settings), Metrics(), network)
    fake_models.behaviour = Behaviour(status=401)
    question = make_question(jpeg=make_image())

    reply = await models.client.ask(question)
    await models.close()

    assert not reply.degraded
    assert [call.outcome for call in question.calls] == ["misconfigured", "sure"]


async def test_the_embedded_network_needs_no_breaker_and_nothing_to_close() -> None:
    network = FakeNetwork(Verdict(Category.PETS, 0.9, {Category.PETS: 0.9}, faces=0, looks_like=None, group=None))
    models = build_model(make_settings(llm_provider="local"), Metrics(), network)

    reply = await models.client.ask(make_question(jpeg=make_image()))
    await models.close()

    assert reply.model_used == "local-network"
    assert list(models.breakers) == []
