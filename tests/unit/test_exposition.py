"""What is tallied is what Prometheus reads."""

import random

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from app.observe.exposition import Exposition
from app.observe.kinds import Counter, Histogram
from app.observe.metrics import Metrics
from tests.support.figures import Figures


async def read(exposition: Exposition) -> Figures:
    return Figures.of((await exposition.render()).decode())


async def test_what_was_counted_is_shown_once_however_often_it_is_asked_for() -> None:
    metrics = Metrics()
    exposition = Exposition(metrics)

    for _ in range(3):
        metrics.cache_lookups.add("memory", "hit")
        exposition.flush()
    metrics.model_tokens.add("openai", "m", "input", amount=412)
    await read(exposition)
    figures = await read(exposition)

    assert figures.sum("cache_lookups_total", tier="memory", result="hit") == 3
    assert figures.sum("model_tokens_total", kind="input") == 412


async def test_values_fall_into_the_buckets_that_the_library_itself_would_choose() -> None:
    metrics = Metrics()
    exposition = Exposition(metrics)
    registry = CollectorRegistry()
    theirs = prometheus_client.Histogram(
        metrics.commit_seconds.name, "x", buckets=metrics.commit_seconds.bounds, registry=registry
    )

    for value in [*metrics.commit_seconds.bounds, 0, 99, *(random.expovariate(10) for _ in range(1000))]:
        metrics.commit_seconds.observe(value)
        theirs.observe(value)
        if random.random() < 0.1:
            exposition.flush()

    ours = (await read(exposition)).samples
    for sample, value in Figures.of(generate_latest(registry).decode()).samples.items():
        if not sample[0].endswith("_created"):
            assert ours[sample] == pytest.approx(value)


async def test_a_gauge_is_read_when_it_is_asked_for_and_parts_are_added_up() -> None:
    metrics, waiting = Metrics(), [1]
    exposition = Exposition(metrics)
    metrics.queues.watch(lambda: waiting[0], "questions")
    metrics.queues.watch(lambda: 10, "questions")

    waiting[0] = 5

    assert (await read(exposition)).sum("queue_length", queue="questions") == 15


def test_names_follow_prometheus_conventions() -> None:
    for metric in Metrics().all():
        assert metric.name.startswith("image_classifier_")
        assert metric.name.endswith("_total") == isinstance(metric, Counter), metric.name
        assert not metric.name.endswith(("_ms", "_milliseconds", "_kb", "_mb")), metric.name
        if isinstance(metric, Histogram):
            assert list(metric.bounds) == sorted(metric.bounds)
