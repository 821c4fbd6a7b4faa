"""Metrics of a service with several worker processes: one answer for all, whoever is asked and whoever has died."""

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.factories import make_image
from tests.support.figures import Figures
from tests.support.service_process import EMBEDDED, GUNICORN, Service, running_service

UPLOADS = {"route": "/api/v1/classify", "status": "200"}


def read_figures(service: Service) -> Figures:
    return Figures.of(httpx.get(f"{service.url}/metrics").text)


def upload(service: Service, times: int) -> None:
    image = make_image()
    for _ in range(times):
        # A connection each: so all workers get some.
        assert httpx.post(f"{service.url}/api/v1/classify", files={"image": image}).status_code == 200


def wait_for(service: Service, condition: Callable[[Figures], bool]) -> Figures:
    end = time.monotonic() + 20
    while not condition(figures := read_figures(service)):
        assert time.monotonic() < end, (figures, service.printed())
        time.sleep(0.05)
    return figures


def workers(service: Service) -> list[int]:
    return [int(pid) for pid in re.findall(r"Booting worker with pid: (\d+)", service.printed())]


def kill_worker(service: Service, pid: int) -> None:
    """Kill a worker, and wait until another serves in its place."""
    booted = len(workers(service)) + 1
    os.kill(pid, signal.SIGKILL)
    wait_for(service, lambda figures: len(workers(service)) == booted and figures.sum("processes") == 2)


def folder_of(pid: int) -> Path:
    found = re.search(r"/\S*/image-classifier-metrics-\w+", Path(f"/proc/{pid}/maps").read_text())
    assert found
    return Path(found[0])


@pytest.mark.parametrize("command", [EMBEDDED, GUNICORN], ids=["embedded", "gunicorn"])
def test_one_answer_is_for_all_processes(command: tuple[str, ...], tmp_path: Path) -> None:
    with running_service(tmp_path, command, web_concurrency=2) as service:
        upload(service, 20)

        figures = wait_for(service, lambda figures: figures.sum("request_duration_seconds_count", **UPLOADS) == 20)

        assert figures.sum("cache_lookups_total", tier="database", result="hit") == 19
        assert figures.sum("request_duration_seconds_bucket", **UPLOADS, le="+Inf") == 20
        assert figures.sum("model_calls_total", outcome="answered") == 1
        wait_for(service, lambda figures: figures.sum("processes") == (2 if command is GUNICORN else 1))


def test_what_killed_workers_had_counted_stays_in_no_more_files_and_what_was_in_them_goes(tmp_path: Path) -> None:
    with running_service(tmp_path, GUNICORN, web_concurrency=2) as service:
        upload(service, 10)
        wait_for(service, lambda figures: figures.sum("request_duration_seconds_count", **UPLOADS) == 10)
        wait_for(service, lambda figures: figures.sum("processes") == 2)

        for number in range(3):
            kill_worker(service, workers(service)[number])

        figures = wait_for(service, lambda figures: figures.sum("database_connections_limit") == 2 * 3)
        assert figures.sum("request_duration_seconds_count", **UPLOADS) == 10
        assert figures.sum("model_calls_total", outcome="answered") == 1
        upload(service, 5)
        wait_for(service, lambda figures: figures.sum("request_duration_seconds_count", **UPLOADS) == 15)
        files = [file.name.partition("_")[0] for file in folder_of(workers(service)[-1]).glob("*.db")]
        assert sorted(files) == sorted(["counter", "histogram", "gauge", "gauge"] * 2)  # sums and maxima


def test_figures_go_on_through_a_reload_and_begin_anew_with_a_start(tmp_path: Path) -> None:
    with running_service(tmp_path, GUNICORN, web_concurrency=1) as service:
        upload(service, 5)
        wait_for(service, lambda figures: figures.sum("request_duration_seconds_count", **UPLOADS) == 5)
        first = folder_of(workers(service)[0])

        service.process.send_signal(signal.SIGHUP)
        wait_for(service, lambda _: len(workers(service)) == 2 and not Path(f"/proc/{workers(service)[0]}").exists())
        upload(service, 1)

        assert read_figures(service).sum("request_duration_seconds_count", **UPLOADS) == 6
        assert folder_of(workers(service)[1]) == first

    assert not first.exists()
    with running_service(tmp_path, GUNICORN, web_concurrency=1) as service:
        assert read_figures(service).sum("request_duration_seconds_count", **UPLOADS) == 0
        assert folder_of(workers(service)[0]) != first
