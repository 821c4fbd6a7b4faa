"""Reads the model file, which travels with this package, and refuses one that is damaged."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.services.network.layers import Array

MODEL_FILE = Path(__file__).parent / "weights/photo-net.npz"
MODEL_SHA256 = "8ec8ebbe44b5ef1883224524731a32b58ac6a25af40fbe47f6f47fcd2baf9ec4"
_MAX_BYTES = 16 * 1024 * 1024


class DamagedModel(Exception):
    """The model file is missing, or is not the one that this version of the service was made with."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The arrays of the model file by name, and what it says about itself."""

    arrays: Mapping[str, NDArray[Any]]
    meta: Mapping[str, Any]

    def weights(self, name: str) -> Array:
        """Return a weight array as float32: of int8 with its scales, where it has some, which are one a column."""
        array = self.arrays[name]
        scale = self.arrays.get(f"{name}.scale")
        values = array.astype(np.float32)
        if scale is not None:
            values *= scale.astype(np.float32)
        values.setflags(write=False)
        return values


def read_model(path: Path = MODEL_FILE) -> ModelFile:
    """Read the file once it is known to be whole. Raises `DamagedModel`, with a line that names the file and why."""
    data = read_verified(path)
    with np.load(BytesIO(data), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    return ModelFile(arrays, json.loads(arrays.pop("meta").tobytes()))


def read_verified(path: Path = MODEL_FILE) -> bytes:
    """Return the bytes of the file. Raises `DamagedModel` where they are not those that we know."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise DamagedModel(f"the model file {path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != MODEL_SHA256:
        raise DamagedModel(f"the model file {path} is damaged: its SHA-256 is not {MODEL_SHA256}; install it again")
    return data
