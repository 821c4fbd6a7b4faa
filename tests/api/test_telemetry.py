"""Traces and metrics by OTLP: what a collector is told of a request, and what nobody is."""

import asyncio
import hashlib
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from loguru import logger

from app.container import open_container
from app.observe.logs import configure_logging
from tests.conftest import make_client, make_settings
from tests.factories import make_image, make_image_hash
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.otlp_receiver import Received, attributes_of, running_receiver
from tests.support.service_process import GUNICORN, environment, running_service

KEY, ADMIN_KEY, USER = "a-key-for-the-apps-7f3a9c51", "a-key-for-operators-84b60e2d", "user-4711@example.com"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
HEADERS = {"X-API-Key": KEY, "X-User-ID": USER, "traceparent": f"00-{TRACE}-{CALLER}-01"}


@pytest.fixture
def received() -> Iterator[Received]:
    with running_receiver() as receiver:
        yield receiver


@asynccontextmanager
async def running(settings: dict[str, Any]) -> AsyncIterator[httpx.AsyncClient]:
    """The application, which tells of what it did at its end at the latest."""
    made = make_settings(**settings)
    async with open_container(made) as container, make_client(made, container) as client:
        yield client


@pytest.fixture
def told(sqlite_settings: dict[str, Any], provider_settings: dict[str, Any], received: Received) -> dict[str, Any]:
    keys = {"api_keys": KEY, "admin_api_keys": ADMIN_KEY}
    return {**sqlite_settings, **provider_settings, **keys, "otel_exporter_otlp_endpoint": received.url}


def tree(spans: list[Any], parent: bytes) -> dict[str, Any]:
    """The names of the spans below this one, with those below them."""
    below = sorted((one for one in spans if one.parent_span_id == parent), key=lambda one: one.start_time_unix_nano)
    return {span.name: tree(spans, span.span_id) for span in below}


async def test_an_upload_is_told_as_a_tree_below_its_callers_span(told: dict[str, Any], received: Received) -> None:
    async with running(told) as client:
        response = await client.post("/classify", files={"image": make_image()}, headers=HEADERS)
        assert response.status_code == 200, response.text

    assert {span.trace_id.hex() for span in received.spans} == {TRACE}
    (request,) = (span for span in received.spans if span.parent_span_id.hex() == CALLER)
    assert request.name == "POST /api/v1/classify"
    assert attributes_of(request) == {
        "http.request.method": "POST",
        "http.route": "/api/v1/classify",
        "http.response.status_code": 200,
        "image_classifier.request_id": response.json()["request_id"],
    }
    below = tree(received.spans, request.span_id)
    assert set(below) == {"look up", "prepare", "chat gpt-6-luna", "commit"}
    (call,) = (span for span in received.spans if span.name.startswith("chat"))
    assert attributes_of(call) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-6-luna",
        "gen_ai.usage.input_tokens": 412,
        "gen_ai.usage.output_tokens": 37,
    }


async def test_a_failed_call_of_a_model_is_told_with_what_it_failed_with(
    told: dict[str, Any], received: Received, fake_models: FakeModels
) -> None:
    fake_models.behaviour = Behaviour(finish="refusal")
    async with running(told) as client:
        response = await client.post("/classify", files={"image": make_image()}, headers=HEADERS)
        assert response.status_code == 422

    (call,) = (span for span in received.spans if span.name.startswith("chat"))
    assert attributes_of(call)["error.type"] == "model_refused"
    (request,) = (span for span in received.spans if span.parent_span_id.hex() == CALLER)
    assert attributes_of(request)["error.type"] == "model_refused"


async def test_a_hit_a_batch_and_an_error_are_told(told: dict[str, Any], received: Received) -> None:
    image = make_image()
    async with running(told) as client:
        await client.post("/classify", files={"image": image}, headers=HEADERS)
        items = {"items": [{"image_hash": make_image_hash()}] * 3}
        await client.post("/classify/check-cache/batch", json=items, headers={**HEADERS, "traceparent": "nonsense"})
        await client.post("/classify", content=b"", headers={"X-API-Key": KEY})
        await client.get(f"/stats/users/{USER}", headers={"X-API-Key": ADMIN_KEY})
        await client.request("BREW", f"/{USER}")
        await client.request("BREW", "/classify")

    requests = {span.name: span for span in received.spans if span.kind == 2}
    assert set(requests) == {
        "POST /api/v1/classify",
        "POST /api/v1/classify/check-cache/batch",
        "GET /api/v1/stats/users/{user_id}",
        "_OTHER",
        "_OTHER /api/v1/classify",
    }
    batch = requests["POST /api/v1/classify/check-cache/batch"]
    assert batch.parent_span_id == b""
    assert set(tree(received.spans, batch.span_id)) == {"look up"}
    failed = next(span for span in received.spans if attributes_of(span).get("http.response.status_code") == 400)
    assert attributes_of(failed)["error.type"] == "missing_image"
    assert failed.status.code == 0  # the caller's fault is no error of ours


async def test_nothing_of_users_keys_and_photos_is_told(told: dict[str, Any], received: Received) -> None:
    image = make_image()
    async with running(told) as client:
        answer = await client.post("/classify", files={"image": image}, headers=HEADERS)
        digest = answer.json()["data"]["description"], hashlib.sha256(image).hexdigest()
        await client.post("/classify/check-cache", json={"image_hash": digest[1]}, headers=HEADERS)
        await client.get(f"/cache/{digest[1]}", headers={"X-API-Key": ADMIN_KEY})
        await client.get(f"/stats/users/{USER}", headers={"X-API-Key": ADMIN_KEY})
        await client.get("/history", headers=HEADERS)

    sent = b"".join(body for _, body, _ in received.bodies)
    assert len(received.spans) > 8
    told_of = (*digest, USER, KEY, ADMIN_KEY, "192.0.2.7", "Which of", "data:image")
    assert [text for text in told_of if text.encode() in sent] == []
    assert image[100:140] not in sent


async def test_metrics_are_those_of_prometheus_and_of_the_conventions(told: dict[str, Any], received: Received) -> None:
    image = make_image()
    async with running(told) as client:
        await client.post("/classify", files={"image": image}, headers=HEADERS)
        shown = (await client.get("http://test/metrics", headers={"X-API-Key": ADMIN_KEY})).text.splitlines()

    metrics = received.metrics
    of_prometheus = {line.split()[2] for line in shown if line.startswith("# TYPE")}
    ours = {name for name in metrics if not name.startswith("gen_ai.")}
    assert len(ours) > 30
    assert ours - of_prometheus == set()
    calls = metrics["image_classifier_model_calls_total"].sum
    assert calls.is_monotonic
    (point,) = calls.data_points
    assert attributes_of(point) == {"provider": "openai", "model": "gpt-6-luna", "outcome": "answered"}
    assert (point.as_double or point.as_int) == 1
    usage = metrics["gen_ai.client.token.usage"]
    assert usage.unit == "{token}"
    sums = {attributes_of(point)["gen_ai.token.type"]: point.sum for point in usage.histogram.data_points}
    assert sums == {"input": 412, "output": 37}
    (duration,) = metrics["gen_ai.client.operation.duration"].histogram.data_points
    assert (duration.count, sum(duration.bucket_counts)) == (1, 1)
    assert attributes_of(duration) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-6-luna",
    }


async def test_a_collector_that_refuses_costs_a_line_for_each_signal(
    told: dict[str, Any], received: Received, capsys: pytest.CaptureFixture[str]
) -> None:
    received.status = 400
    configure_logging(level="INFO", as_json=True)
    async with running({**told, "otel_metric_export_interval": 1000}) as client:
        for _ in range(20):
            assert (await client.post("/classify/check-cache", json=QUESTION, headers=HEADERS)).status_code == 200
    logger.configure(handlers=[])

    lines = [line for line in capsys.readouterr().out.splitlines() if "telemetry" in line]
    assert len(lines) <= 2, lines
    assert all("telemetry cannot be sent" in line for line in lines)
    assert lines


async def test_a_collector_that_hangs_holds_nothing_up(told: dict[str, Any], received: Received) -> None:
    received.hangs.clear()
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(running({**told, "otel_metric_export_interval": 1000}))
        for _ in range(5):
            assert (await client.post("/classify/check-cache", json=QUESTION, headers=HEADERS)).status_code == 200
        began = loop.time()
    assert loop.time() - began < 15  # its own bound is three seconds; closing the rest takes what it takes


QUESTION = {"image_hash": "0" * 64}


def test_each_worker_is_an_instance_of_its_own_and_the_standard_variables_hold(
    received: Received, tmp_path: Path
) -> None:
    settings = {
        "otel_exporter_otlp_endpoint": received.url,
        "otel_exporter_otlp_headers": "x-team=photos",
        "otel_service_name": "photos",
        "otel_resource_attributes": "deployment.environment.name=test",
        "otel_traces_sampler": "always_on",
        "web_concurrency": 2,
        "sqlite_path": tmp_path / "classifier.db",
    }
    with running_service(tmp_path, GUNICORN, **settings) as service:
        for _ in range(30):
            httpx.post(f"{service.url}/api/v1/classify/check-cache", json=QUESTION)

    assert {resource["service.name"] for resource in received.resources} == {"photos"}
    assert {resource["deployment.environment.name"] for resource in received.resources} == {"test"}
    assert {headers["x-team"] for _, _, headers in received.bodies} == {"photos"}
    assert len(received.spans) >= 30
    assert "telemetry" not in service.printed()


def test_what_stands_in_the_env_file_holds_for_the_sdk_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9\nOTEL_SERVICE_NAME=photos\n")
    code = "import os; from app.config import load_settings; load_settings(); print(os.environ['OTEL_SERVICE_NAME'])"

    assert run(code, tmp_path) == "photos\n"


def test_without_a_collector_nothing_of_it_is_imported(tmp_path: Path) -> None:
    parts = "('opentelemetry.sdk', 'opentelemetry.exporter', 'google.protobuf', 'requests', 'app.observe.telemetry')"
    code = f"""
import asyncio, sys
from app.config import load_settings
from app.container import open_container
from app.main import app
async def main():
    async with open_container(load_settings()) as container:
        print([name for name in sys.modules if name.startswith({parts})], type(app.middleware_stack).__name__)
asyncio.run(main())
"""
    assert run(code, tmp_path).splitlines()[-1] == "[] RequestMiddleware"


def run(code: str, folder: Path) -> str:
    """What a program with our code prints."""
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(folder),
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return ended.stdout
