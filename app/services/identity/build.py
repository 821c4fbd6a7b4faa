"""Builds what recognises photos that look alike."""

from dataclasses import dataclass

from app.observe.metrics import Metrics
from app.services.identity.near import NearSearch, Neighbours
from app.services.identity.settings import IdentitySettings
from app.services.identity.trials import Evidence, NearMode, Trials


@dataclass(frozen=True, slots=True)
class NearParts:
    """The search, and what decides whether its matches are served."""

    search: NearSearch
    mode: NearMode


def build_near(settings: IdentitySettings, neighbours: Neighbours, trials: Trials, metrics: Metrics) -> NearParts:
    """Build the parts, and let the metrics say whether this process serves."""
    mode = NearMode(settings.near_duplicates, settings.near_max_error, Evidence(trials))
    metrics.near_serving.watch(lambda: int(mode.serves_as_last_read()))
    return NearParts(NearSearch(neighbours, settings.near_max_distance, metrics), mode)
