"""How long a try of an upload may take: what the model needs, and what a slow line needs for the file."""

import pytest

from photo_classifier.core.flow import Send, classify_flow
from photo_classifier.core.wire import Lane
from photo_classifier.options import Limits, Options
from photo_classifier.photo import Photo

SIX_MB = Photo.of(bytes(6_000_000))


def seconds_of_upload(photo: Photo, lane: Lane | None = None, **limits: float) -> float:
    """Return the time of the first try."""
    options = Options("http://127.0.0.1:8000", limits=Limits(**limits), shrink_above_bytes=None)  # type: ignore[arg-type]
    step = next(classify_flow(photo, options, lane, is_missed=True))
    assert isinstance(step, Send)
    return step.seconds


@pytest.mark.parametrize(("lane", "seconds"), [(None, 45 + 60), ("deferred", 960 + 60)])
def test_a_try_of_an_upload_has_the_time_that_its_file_takes_on_a_slow_line(lane: Lane | None, seconds: float) -> None:
    at_1_mbit_per_second = 6_000_000 * 8 / 1_000_000

    assert seconds_of_upload(SIX_MB, lane) == seconds > at_1_mbit_per_second


def test_a_try_of_an_upload_ends_with_the_time_of_the_photo() -> None:
    assert seconds_of_upload(SIX_MB, total_seconds=50) == pytest.approx(50, abs=1)
