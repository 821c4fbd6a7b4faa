"""The model file: where it is, and that it is whole. Imports no NumPy: a worker asks this at its start."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

MODEL_FILE = Path(__file__).parent / "weights/photo-net.npz"
MODEL_SHA256 = "8ec8ebbe44b5ef1883224524731a32b58ac6a25af40fbe47f6f47fcd2baf9ec4"
_MAX_BYTES = 16 * 1024 * 1024


class DamagedModel(Exception):
    """The model file is missing, or is not the one that this version of the service was made with."""


def read_verified(path: Path = MODEL_FILE) -> bytes:
    """Return the bytes of the file. Raises `DamagedModel`, with a line that names it, unless they are those we know."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise DamagedModel(f"the model file {path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != MODEL_SHA256:
        raise DamagedModel(f"the model file {path} is damaged: its SHA-256 is not {MODEL_SHA256}")
    return data


def what_is_missing() -> str | None:
    """Return in a line why the network cannot run here, or None where it can."""
    if find_spec("numpy") is None:
        return "needs the package numpy, which is not installed"
    try:
        read_verified()
    except DamagedModel as error:
        return f"cannot run: {error}"
    return None
