"""The layers of the two networks, in NumPy. Values are arrays of height x width x channels, float32."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float32]
Padding: TypeAlias = tuple[int, int, int, int]
"""Zeros at the top, the left, the bottom and the right."""


@dataclass(frozen=True, slots=True)
class Activation:
    """What is done to each number of a layer's output: it is cut to `lowest` and `highest`, where there are such."""

    lowest: float | None = None
    highest: float | None = None

    def apply(self, values: Array) -> None:
        """Change the values in place."""
        if self.lowest is not None:
            np.maximum(values, np.float32(self.lowest), out=values)
        if self.highest is not None:
            np.minimum(values, np.float32(self.highest), out=values)


@dataclass(frozen=True, slots=True)
class Geometry:
    """How a convolution goes over a picture. With `pads` None the padding is TensorFlow's SAME."""

    kernel: tuple[int, int]
    stride: int
    pads: Padding | None

    def padding(self, height: int, width: int) -> Padding:
        """Return the zeros around a picture of this size."""
        if self.pads is not None:
            return self.pads
        rows, columns = (
            max(0, (-(-size // self.stride) - 1) * self.stride + kernel - size)
            for size, kernel in zip((height, width), self.kernel, strict=True)
        )
        return rows // 2, columns // 2, rows - rows // 2, columns - columns // 2

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of what comes out."""
        top, left, bottom, right = self.padding(height, width)
        return (
            (height + top + bottom - self.kernel[0]) // self.stride + 1,
            (width + left + right - self.kernel[1]) // self.stride + 1,
        )


@dataclass(frozen=True, slots=True)
class Pointwise:
    """A convolution of 1 x 1 with stride 1: one matrix product. `weights` are inputs x outputs."""

    weights: Array
    bias: Array
    activation: Activation

    def __call__(self, x: Array) -> Array:
        """Return what comes out for a value."""
        height, width, inputs = x.shape
        pixels = np.ascontiguousarray(x).reshape(-1, inputs)
        return _finish(pixels @ self.weights, self.bias, self.activation).reshape(height, width, -1)


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution over all channels: the windows as rows of a matrix, and one product with `weights`.

    `weights` are (kernel height x kernel width x inputs) x outputs.
    """

    weights: Array
    bias: Array
    geometry: Geometry
    activation: Activation

    def __call__(self, x: Array) -> Array:
        stride = self.geometry.stride
        padded = pad(x, self.geometry.padding(*x.shape[:2]))
        # rows, columns, channels, kernel rows, kernel columns: a view, of which reshape() makes the matrix.
        windows = sliding_window_view(padded, self.geometry.kernel, axis=(0, 1))[::stride, ::stride]
        matrix = windows.transpose(0, 1, 3, 4, 2).reshape(-1, len(self.weights))
        return _finish(matrix @ self.weights, self.bias, self.activation).reshape(*windows.shape[:2], -1)


@dataclass(frozen=True, slots=True)
class Depthwise:
    """A convolution of each channel by itself: the picture is shifted, multiplied and added once for each weight.

    `weights` are kernel height x kernel width x channels. Zeros around the picture are left out, not added.
    """

    weights: Array
    bias: Array
    geometry: Geometry
    activation: Activation

    def __call__(self, x: Array) -> Array:
        (rows, columns, channels), stride = x.shape, self.geometry.stride
        height, width = self.geometry.output_size(rows, columns)
        top, left, *_ = self.geometry.padding(rows, columns)
        # Rows of numbers, not of pixels: NumPy is quick over long runs, and there are as few as 24 channels. With a
        # stride, every so many columns are a run of their own.
        runs = [np.ascontiguousarray(x[:, phase::stride]).reshape(rows, -1) for phase in range(stride)]
        weights = np.tile(self.weights, (1, 1, width))
        result = np.zeros((height, width * channels), np.float32)
        product = np.empty_like(result)
        for row_weights, down in zip(weights, _shifts(rows, height, len(weights), stride, top), strict=True):
            across = _shifts(columns, width, len(row_weights), stride, left)
            for weight, right in zip(row_weights, across, strict=True):
                reached = down.outputs, slice(right.first * channels, right.end * channels)
                start = right.start // stride * channels
                length = (right.end - right.first) * channels
                shifted = runs[right.start % stride][down.inputs, start : start + length]
                np.multiply(shifted, weight[:length], out=product[reached])
                result[reached] += product[reached]
        return _finish(result.reshape(height, width, channels), self.bias, self.activation)


@dataclass(frozen=True, slots=True)
class _Shift:
    """One weight of a kernel along one axis: it adds to the outputs from `first` to `end`, from every `stride`-th
    input from `start` on."""

    first: int
    end: int
    start: int
    stride: int

    @property
    def outputs(self) -> slice:
        return slice(self.first, self.end)

    @property
    def inputs(self) -> slice:
        return slice(self.start, self.start + (self.end - self.first) * self.stride, self.stride)


@lru_cache(maxsize=256)
def _shifts(size: int, outputs: int, kernel: int, stride: int, before: int) -> tuple[_Shift, ...]:
    """Return for each weight along an axis the outputs that it reaches without leaving the picture."""
    shifts = []
    for offset in range(-before, kernel - before):
        first = max(0, -(offset // stride))
        end = max(first, min(outputs, (size - 1 - offset) // stride + 1))
        shifts.append(_Shift(first, end, first * stride + offset, stride))
    return tuple(shifts)


def _finish(values: Array, bias: Array, activation: Activation) -> Array:
    """Add the bias and apply the activation, in place."""
    values += bias
    activation.apply(values)
    return values


def pad(x: Array, padding: Padding) -> Array:
    """Return the picture with zeros around it."""
    top, left, bottom, right = padding
    if not any(padding):
        return x
    height, width, channels = x.shape
    padded = np.zeros((height + top + bottom, width + left + right, channels), np.float32)
    padded[top : top + height, left : left + width] = x
    return padded


def pad_axes(x: Array, amounts: Sequence[Sequence[int]]) -> Array:
    """Return the value with so many zeros before and after it on each axis."""
    padded: Array = np.pad(x, [(before, after) for before, after in amounts])
    return padded


def max_pool(x: Array) -> Array:
    """Return the largest of each 2 x 2 pixels."""
    height, width, channels = x.shape
    pooled: Array = x.reshape(height // 2, 2, width // 2, 2, channels).max(axis=(1, 3))
    return pooled


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the probabilities of these logits."""
    powers = np.exp(logits.astype(np.float64) - float(logits.max()))
    probabilities: NDArray[np.float64] = powers / powers.sum()
    return probabilities
