"""Turns a network's steps, as the model file lists them, into layers, and runs a picture through them."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from app.services.network.layers import (
    Activation,
    Array,
    Convolution,
    Depthwise,
    Geometry,
    Pointwise,
    max_pool,
    pad_axes,
)

Step: TypeAlias = dict[str, Any]
Weights: TypeAlias = Callable[[str], Array]
"""Returns a weight array of the model file by its name, as float32."""

_ACTIVATIONS = {"relu": Activation(0.0), "relu6": Activation(0.0, 6.0)}
_NONE = Activation()


@dataclass(frozen=True, slots=True)
class _Layer:
    """One step: from which values which value comes. `spent` are the values that no later step needs."""

    run: Callable[..., Array]
    inputs: tuple[str, ...]
    output: str
    spent: tuple[str, ...]


class Network:
    """One network. Its weights are read-only, so that processes which are forked from this one share them."""

    def __init__(self, plan: Mapping[str, Any], weights: Weights, outputs: Sequence[str]) -> None:
        """`plan` has the name of the `input` and the list of `steps`; `outputs` are the values that are wanted.

        Raises `KeyError` or `ValueError` where the plan is none.
        """
        self._input: str = plan["input"]
        self._outputs = tuple(outputs)
        names, steps = _without_aliases(plan["steps"])
        self._finals = tuple(names.get(name, name) for name in outputs)
        self._layers = _as_layers(_fused(steps, self._finals), weights, self._finals)

    def run(self, x: Array) -> dict[str, Array]:
        """Return the wanted values for a picture of height x width x 3."""
        values: dict[str, Array] = {self._input: x}
        for layer in self._layers:
            values[layer.output] = layer.run(*(values[name] for name in layer.inputs))
            for name in layer.spent:
                del values[name]
        return {name: values[final] for name, final in zip(self._outputs, self._finals, strict=True)}


def _without_aliases(steps: Sequence[Step]) -> tuple[dict[str, str], list[Step]]:
    """Return the steps without those that only give a value another name, and whose names these were."""
    names: dict[str, str] = {}
    kept: list[Step] = []
    for step in steps:
        inputs = [names.get(name, name) for name in step["in"]]
        if step["op"] == "same":
            names[step["out"]] = inputs[0]
        else:
            kept.append({**step, "in": inputs})
    return names, kept


def _fused(steps: Sequence[Step], finals: Sequence[str]) -> list[Step]:
    """Return the steps with each activation joined to the step whose value nothing else needs."""
    uses = Counter(name for step in steps for name in step["in"]) + Counter(finals)
    makers: dict[str, Step] = {}
    fused: list[Step] = []
    for step in steps:
        maker = makers.get(step["in"][0])
        if step["op"] in _ACTIVATIONS and maker is not None and uses[step["in"][0]] == 1:
            maker["activation"], maker["out"] = step["op"], step["out"]
        else:
            maker = dict(step)
            fused.append(maker)
        if maker["op"] in ("conv", "add") and "activation" not in maker:
            makers[step["out"]] = maker
    return fused


def _as_layers(steps: Sequence[Step], weights: Weights, finals: Sequence[str]) -> list[_Layer]:
    last_use = {name: place for place, step in enumerate(steps) for name in step["in"]}
    return [
        _Layer(
            _function(step, weights),
            tuple(step["in"]),
            step["out"],
            tuple({name for name in step["in"] if last_use[name] == place and name not in finals}),
        )
        for place, step in enumerate(steps)
    ]


def _function(step: Step, weights: Weights) -> Callable[..., Array]:
    activation = _ACTIVATIONS.get(step.get("activation", ""), _NONE)
    match step["op"]:
        case "conv":
            return _convolution(step, weights, activation)
        case "add":
            return partial(_add, activation=activation)
        case "relu" | "relu6" as name:
            return partial(_activate, activation=_ACTIVATIONS[name])
        case "mean":
            return _mean
        case "dense":
            return partial(_dense, weights=weights(step["weights"][0]), bias=weights(step["weights"][1]))
        case "maxpool":
            return max_pool
        case "pad":
            return partial(pad_axes, amounts=step["pad"])
    raise ValueError(f"the network has a step of an unknown kind: {step['op']}")


def _convolution(step: Step, weights: Weights, activation: Activation) -> Callable[[Array], Array]:
    kernel, bias = (weights(name) for name in step["weights"])
    height, width = kernel.shape[:2]
    pads = None if step["same"] else tuple(step["pads"])
    if step["depthwise"]:
        return Depthwise(kernel, bias, Geometry((height, width), step["stride"], pads), activation)
    matrix = kernel.reshape(-1, kernel.shape[-1])
    if (height, width, step["stride"]) == (1, 1, 1):
        return Pointwise(matrix, bias, activation)
    return Convolution(matrix, bias, Geometry((height, width), step["stride"], pads), activation)


def _add(one: Array, other: Array, activation: Activation) -> Array:
    total: Array = one + other
    activation.apply(total)
    return total


def _activate(x: Array, activation: Activation) -> Array:
    changed = x.copy()
    activation.apply(changed)
    return changed


def _mean(x: Array) -> Array:
    return np.asarray(x.mean(axis=(0, 1)), np.float32)


def _dense(x: Array, weights: Array, bias: Array) -> Array:
    result: Array = x @ weights + bias
    return result
