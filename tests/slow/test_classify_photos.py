"""`classify-photos` over 2,000 photos: killed twice, paid once each, and nearly free the second time."""

import signal
import time
from pathlib import Path

from tests.conftest import settings_for_provider
from tests.factories import make_image
from tests.support.classify_photos import begin, journal_of, run, signal_when
from tests.support.fake_model_server import FakeModels
from tests.support.service_process import running_service

PHOTOS = 2_000


def test_two_thousand_photos_are_paid_once_each_and_a_second_run_takes_a_tenth_of_the_time(
    tmp_path: Path, fake_models: FakeModels
) -> None:
    folder = tmp_path / "photos"
    for number in range(PHOTOS):
        path = folder / f"{number % 20}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make_image(size=(160, 120)))
    settings = settings_for_provider("openai", fake_models)
    with running_service(tmp_path, **settings, near_duplicates="off") as service:
        begun = time.monotonic()
        for paid in (300, 1_100):
            killed = begin(service.url, folder)
            signal_when(killed, lambda paid=paid: len(fake_models.calls) >= paid, signal.SIGKILL)  # type: ignore[misc]
        first = run(service.url, folder, "--json")
        first_seconds = time.monotonic() - begun

        begun = time.monotonic()
        second = run(service.url, folder, "--json")
        second_seconds = time.monotonic() - begun

    print(f"first {first_seconds:.1f} s, second {second_seconds:.1f} s")  # noqa: T201
    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert len(fake_models.calls) == len({call.jpeg for call in fake_models.calls}) == PHOTOS
    assert sum(entry["answer"] is not None for entry in journal_of(folder).values()) == PHOTOS
    assert (second.report()["answered"], second.report()["uploaded"]) == (PHOTOS, 0)
    assert second_seconds < first_seconds / 10
