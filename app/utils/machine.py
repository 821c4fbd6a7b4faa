"""What the machine, or the container, has."""

import os
from pathlib import Path

_ROOT = Path("/")


def memory_bytes(root: Path = _ROOT) -> int:
    """Return how much memory this process may use: the machine's, or the lowest limit of the control groups it is in,
    of either version. `root` is where /proc and /sys are."""
    return min([os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *_group_limits(root)])


def _group_limits(root: Path) -> list[int]:
    limits = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers == "":
            top, name = root / "sys/fs/cgroup", "memory.max"
        elif "memory" in controllers.split(","):
            top, name = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
        else:
            continue
        place = top / group.lstrip("/")
        # A container may see its own group as the top; a limit of a group above counts as well.
        while place != top.parent:
            text = _read(place / name).strip()
            if text.isdigit():
                limits.append(int(text))
            place = place.parent
    return limits


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""
