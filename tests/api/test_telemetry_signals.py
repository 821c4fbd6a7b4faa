"""Traces and metrics are apart: each is sent without the other, and neither waits for the other's collector."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.container import open_container
from tests.conftest import make_client, make_settings
from tests.factories import make_image
from tests.support.otlp_receiver import Received, running_receiver


@pytest.fixture
def received() -> Iterator[Received]:
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture
def base(sqlite_settings: dict[str, Any], provider_settings: dict[str, Any]) -> dict[str, Any]:
    return {**sqlite_settings, **provider_settings}


async def upload(**settings: Any) -> None:
    """Let the application classify a photo, and end."""
    made = make_settings(**settings)
    async with open_container(made) as container, make_client(made, container) as client:
        response = await client.post("/classify", files={"image": make_image()})
        assert response.status_code == 200, response.text


async def test_an_address_for_traces_alone_sends_traces_alone(base: dict[str, Any], received: Received) -> None:
    await upload(**base, otel_exporter_otlp_traces_endpoint=f"{received.url}/v1/traces")

    assert {"POST /api/v1/classify", "chat gpt-6-luna"} <= {span.name for span in received.spans}
    assert received.metrics == {}


async def test_an_address_for_metrics_alone_sends_metrics_alone(base: dict[str, Any], received: Received) -> None:
    await upload(**base, otel_exporter_otlp_metrics_endpoint=f"{received.url}/v1/metrics")

    assert {"image_classifier_model_calls_total", "gen_ai.client.token.usage"} <= set(received.metrics)
    assert received.spans == []


@pytest.mark.parametrize(("hanging", "arrives"), [("/v1/metrics", "spans"), ("/v1/traces", "metrics")])
async def test_a_signal_whose_collector_hangs_loses_nothing_of_the_other_at_the_end(
    base: dict[str, Any], received: Received, hanging: str, arrives: str
) -> None:
    received.hanging_path = hanging
    received.hangs.clear()

    await upload(**base, otel_exporter_otlp_endpoint=received.url)

    assert getattr(received, arrives)
    assert not getattr(received, "metrics" if arrives == "spans" else "spans")
