"""What is in the model file, which travels with this package."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.services.network.checked_file import MODEL_FILE, read_verified
from app.services.network.layers import Array


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
