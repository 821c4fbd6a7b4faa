"""So much memory for decoding large images, over all processes of the service on a machine together."""

import fcntl
import os
from pathlib import Path

UNIT_BYTES = 16 * 1024 * 1024


class MemoryBudget:
    """Memory in units of 16 MiB. Processes share it by locking bytes of one empty file, each a unit.

    The kernel lets go of the locks of a process that dies, however it does. Without a file the budget is this
    process's own.
    """

    def __init__(self, max_bytes: int, lock_file: Path | None = None) -> None:
        self._units = max(1, max_bytes // UNIT_BYTES)
        self._held: set[int] = set()
        self._file = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600) if lock_file else None

    @property
    def held_bytes(self) -> int:
        """How much this process holds."""
        return len(self._held) * UNIT_BYTES

    def try_take(self, size: int) -> list[int] | None:
        """Return the units for `size` bytes, to be given back, or None while there are not enough. What is larger than
        the budget takes all of it."""
        needed = min(self._units, -(-size // UNIT_BYTES))
        taken: list[int] = []
        for unit in range(self._units):
            if unit not in self._held and self._lock(unit):
                taken.append(unit)
                if len(taken) == needed:
                    self._held.update(taken)
                    return taken
        self._unlock(taken)
        return None

    def give_back(self, units: list[int]) -> None:
        """Free what `try_take` returned."""
        self._held.difference_update(units)
        self._unlock(units)

    def close(self) -> None:
        """Free everything."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _lock(self, unit: int) -> bool:
        if self._file is None:
            return True
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, unit)
        except OSError:
            return False
        return True

    def _unlock(self, units: list[int]) -> None:
        if self._file is not None:
            for unit in units:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, unit)
