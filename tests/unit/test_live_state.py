"""What is under way is told from the gauges, each by the labels that it is asked for."""

from app.models.live import LiveState
from app.observe.exposition import Exposition
from app.observe.metrics import Metrics
from app.services.live.state import read_state


async def test_each_figure_is_that_of_its_gauge_and_labels() -> None:
    metrics = Metrics()
    metrics.uploads.watch(lambda: 2)
    metrics.model_calls_now.watch(lambda: 3)
    metrics.model_calls_now.watch(lambda: 1)  # a second model's
    metrics.queues.watch(lambda: 5, "questions")
    metrics.queues.watch(lambda: 70, "lookups")
    for model in ("one", "two"):
        metrics.breakers.watch(lambda: 1, "openai", model, "open")
        metrics.breakers.watch(lambda: 100, "openai", model, "half_open")
    metrics.spooled_answers.watch(lambda: 8)
    metrics.outbox_rows.watch(lambda: 9)

    assert await read_state(Exposition(metrics), metrics) == LiveState(
        uploads_in_progress=2,
        model_calls_in_progress=4,
        model_queue=5,
        breaker_open=2,
        spool_rows=8,
        outbox_rows=9,
    )


async def test_nothing_is_under_way_where_no_part_of_the_service_counts() -> None:
    metrics = Metrics()

    assert await read_state(Exposition(metrics), metrics) == LiveState(0, 0, 0, 0, 0, 0)
