"""The folder of workers' figures: who takes over whose files."""

import os
import subprocess
import sys
from pathlib import Path

from app.observe.metrics_folder import VARIABLE, make, take_over

ALIVE = os.getpid()


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_each_start_gets_an_empty_folder_of_its_own(tmp_path: Path) -> None:
    first: dict[str, str] = {}
    second: dict[str, str] = {}

    make(first, str(tmp_path))
    make(second, str(tmp_path))

    assert first[VARIABLE] != second[VARIABLE]
    assert names(Path(first[VARIABLE])) == set()


def test_a_worker_goes_on_with_the_files_of_one_that_has_ended(tmp_path: Path) -> None:
    dead = dead_pid()
    (tmp_path / f"counter_{dead}.db").write_bytes(b"counted")
    (tmp_path / f"histogram_{dead}.db").touch()

    take_over(tmp_path, 42)

    assert names(tmp_path) == {"counter_42.db", "histogram_42.db"}
    assert (tmp_path / "counter_42.db").read_bytes() == b"counted"


def test_what_living_workers_write_into_is_left_to_them(tmp_path: Path) -> None:
    (tmp_path / f"counter_{ALIVE}.db").touch()
    (tmp_path / f"gauge_livesum_{ALIVE}.db").touch()

    take_over(tmp_path, 42)

    assert names(tmp_path) == {f"counter_{ALIVE}.db", f"gauge_livesum_{ALIVE}.db"}


def test_of_several_dead_one_is_taken_over_and_the_others_are_for_others(tmp_path: Path) -> None:
    for dead in (dead_pid(), dead_pid()):
        (tmp_path / f"counter_{dead}.db").touch()

    take_over(tmp_path, ALIVE)
    take_over(tmp_path, os.getppid())
    take_over(tmp_path, 42)  # for whom there is nothing left

    assert names(tmp_path) == {f"counter_{ALIVE}.db", f"counter_{os.getppid()}.db"}
