"""The folder in which gunicorn's workers keep their figures for each other, over its whole life.

Used by gunicorn_config.py, in the master and in workers that are just born. prometheus_client must not be imported
before the folder has its name: it looks once.
"""

import os
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Where prometheus_client looks for the folder's name."""

_KEPT = ("counter", "histogram")
"""The kinds of files whose figures outlive their worker; those of gauges go with it."""


def make(variables: MutableMapping[str, str], parent: str | None) -> None:
    """Make a new folder, empty, and give its name to this process and its children."""
    variables[VARIABLE] = mkdtemp(prefix="image-classifier-metrics-", dir=parent)


def gauges(folder: Path) -> list[str]:
    """Return the files in which processes that live keep what is there at the moment."""
    return [str(file) for file in folder.glob("gauge_*.db")]


def take_over(folder: Path, pid: int) -> None:
    """Go on with the files of a worker that has ended: so there are never more of them than there were workers at once,
    however many come and go. Several may try at the same moment."""
    for kind in _KEPT:
        for file in sorted(folder.glob(f"{kind}_*.db")):
            if not _lives(int(file.stem.removeprefix(f"{kind}_"))):
                with suppress(FileNotFoundError):  # another was quicker
                    file.rename(folder / f"{kind}_{pid}.db")
                    break


def forget(pid: int) -> None:
    """Drop what was there in a worker at the moment it ended."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(pid)  # type: ignore[no-untyped-call]


def remove(folder: Path) -> None:
    """Remove the folder."""
    rmtree(folder, ignore_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's, who has the number now
        return True
    return True
