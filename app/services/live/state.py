"""What is under way at the moment, from the gauges of all processes of this machine."""

from app.models.live import LiveState
from app.observe.exposition import Exposition, Present
from app.observe.kinds import Gauge, Labels
from app.observe.metrics import Metrics


async def read_state(exposition: Exposition, metrics: Metrics) -> LiveState:
    """Return what is under way, as it was at most some seconds ago."""
    present = await exposition.read_present()
    return LiveState(
        uploads_in_progress=_sum(present, metrics.uploads),
        model_calls_in_progress=_sum(present, metrics.model_calls_now),
        model_queue=_sum(present, metrics.queues, ("questions",)),
        breaker_open=_sum(present, metrics.breakers, ("open",)),
        spool_rows=_sum(present, metrics.spooled_answers),
        outbox_rows=_sum(present, metrics.outbox_rows),
    )


def _sum(present: Present, gauge: Gauge, last_labels: Labels = ()) -> int:
    """Return the sum of a gauge, over the values whose last labels are these."""
    values = present.get(gauge.name, {})
    return int(
        sum(value for labels, value in values.items() if labels[len(labels) - len(last_labels) :] == last_labels)
    )
