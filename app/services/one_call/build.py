"""Opens the one part that says whether a model may be asked."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from app.observe.metrics import Metrics
from app.repositories.lease_repository import LeaseRepository
from app.services.one_call.hurry import Hurry
from app.services.one_call.lease import Leases
from app.services.one_call.paid_once import PaidOnce
from app.services.one_call.photo import Known, Refusals, Result
from app.services.one_call.single_flight import SingleFlight
from app.utils.clock import Clock

_CLOSE_SECONDS = 2.0


@asynccontextmanager
async def open_paid_once(
    known: Known,
    refusals: Refusals,
    leases: LeaseRepository,
    *,
    check_storage: Callable[[], None],
    model_timeout_seconds: float,
    deferred_seconds: float,
    clock: Clock,
    metrics: Metrics,
) -> AsyncIterator[PaidOnce]:
    """Build the part; on leaving, let the questions that are under way end, for at most a standard question's time."""
    flights = SingleFlight[Result](metrics=metrics)
    all_leases = Leases(leases, metrics)
    try:
        yield PaidOnce(
            known=known,
            refusals=refusals,
            flights=flights,
            leases=all_leases,
            check_storage=check_storage,
            model_timeout_seconds=model_timeout_seconds,
            deferred_seconds=deferred_seconds,
            hurry=Hurry(all_leases),
            clock=clock,
            metrics=metrics,
        )
    finally:
        await flights.close(model_timeout_seconds)
        await all_leases.close(_CLOSE_SECONDS)
