"""Normalization by statistics of the data itself or by given ones, and softmax.

Statistics are computed as f64 and the result rounded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ..errors import ModelError
from ..graph import Argument, TensorType
from ..graph.operator import Array, Sizes
from ..records import dataclass
from ..types import PartialShape
from .axes import integers, merged_type, normalized, one_of, require, require_integers, require_rank, require_real
from .declare import Declared


def wide(x: Array) -> Array:
    """x as f64, in which statistics are computed."""
    return x.astype(np.float64)


def standardized(x: Array, axes: tuple[int, ...], eps: float, inside: bool = True) -> Array:
    """x less its mean along axes, divided by its deviation; eps is added under the square root or to the root."""
    centered = x - np.mean(x, axes, keepdims=True)
    variance = np.mean(np.square(centered), axes, keepdims=True)
    return np.asarray(centered / (np.sqrt(variance + eps) if inside else np.sqrt(variance) + eps))


def per_channel(values: Array, rank: int) -> Array:
    """A vector [C] shaped to broadcast along axis 1 of a tensor of `rank`."""
    return values.reshape(-1, *[1] * (rank - 2))


def channelled(data: Argument, vectors: Sequence[Argument], names: Sequence[str]) -> PartialShape:
    """The shape [N, C, ...] of data, C known if it is of one of the vectors [C]; ModelError when they don't fit."""
    if not data.shape.has_rank:
        return data.shape
    require(len(data.shape) >= 2, f"expected data to have shape [N, C, ...], got {data.shape}")
    channels = data.shape[1]
    for vector, name in zip(vectors, names, strict=True):
        require_rank(vector, 1, name)
        found = channels.intersect(vector.shape[0]) if vector.shape.has_rank else channels
        if found is None:
            raise ModelError(
                f"expected {name} to have an element for each channel of {data.shape}, got shape {vector.shape}"
            )
        channels = found
    return PartialShape([data.shape[0], channels, *data.shape[2:]])


@dataclass(frozen=True)
class BatchNormInference(Declared):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, with data [N, C, ...] and the others [C]."""

    epsilon: float
    type = "BatchNormInference"
    opset = "opset5"
    factory = "batch_norm_inference"
    since = 5
    signature = "data, gamma, beta, mean, variance, epsilon"
    inputs: ClassVar[tuple[str, ...]] = ("data", "gamma", "beta", "mean", "variance")

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        given = dict(zip(self.inputs, inputs, strict=True))
        data = given.pop("data")
        element_type = merged_type(inputs, "inputs")
        require_real(data, "data")
        require(self.epsilon >= 0, f"epsilon is not negative, but it is {self.epsilon}")
        return [TensorType(element_type, channelled(data, list(given.values()), list(given)))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        given = dict(zip(self.inputs, inputs, strict=True))
        data = given.pop("data")
        gamma, beta, mean, variance = (
            per_channel(wide(given[name]), data.ndim) for name in ("gamma", "beta", "mean", "variance")
        )
        return [np.asarray(gamma * (data - mean) / np.sqrt(variance + self.epsilon) + beta, data.dtype)]


class BatchNormInferenceGammaFirst(BatchNormInference):
    """BatchNormInference as in opset1: data comes third among the operator's inputs."""

    type = "BatchNormInference"
    opset = "opset1"
    since = 1
    until = 4
    inputs = ("gamma", "beta", "data", "mean", "variance")


@dataclass(frozen=True)
class SameType(Declared):
    """An operator of real numbers whose result has the type and shape of its first input."""

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        require_real(inputs[0], "data")
        self.check(inputs)
        return [TensorType(inputs[0].element_type, inputs[0].shape)]

    def check(self, inputs: Sequence[Argument]) -> None:
        """Raises ModelError for wrong attributes or inputs."""

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [np.asarray(self.compute(wide(inputs[0]), *inputs[1:]), inputs[0].dtype)]

    def compute(self, x: Array, *others: Array) -> Array:
        """The result for data x, given as f64."""
        raise NotImplementedError(f"{type(self).__name__}.compute")


def check_axes(shape: PartialShape, axes: Argument) -> None:
    """Raises ModelError unless `axes` are a scalar or vector of axes that a tensor of `shape` has."""
    require_integers(axes, "axes")
    require_rank(axes, (0, 1), "axes")
    values = integers(axes)
    if values is not None and shape.has_rank:
        for axis in values:
            normalized(axis, len(shape))


def sorted_axes(axes: Array, rank: int) -> tuple[int, ...]:
    return tuple(sorted({normalized(int(axis), rank) for axis in axes.ravel()}))


@dataclass(frozen=True)
class MVNAcross(SameType):
    """Data [N, C, ...] less its mean and, with normalize_variance, divided by its deviation.

    Along all axes but N with across_channels, else all but N and C; along reduction_axes when there are some.
    """

    eps: float = 1e-9
    across_channels: bool = False
    normalize_variance: bool = False
    reduction_axes: tuple[int, ...] = ()
    type = "MVN"
    opset = "opset2"
    factory = "mvn"
    since = 2
    until = 5
    signature = "data, across_channels=False, normalize_variance=False, eps=1e-09"
    inputs = ("data",)

    def compute(self, x: Array, *others: Array) -> Array:
        first = 1 if self.across_channels else 2
        axes = tuple(self.reduction_axes or range(first, x.ndim))
        if self.normalize_variance:
            return standardized(x, axes, self.eps)
        return np.asarray(x - np.mean(x, axes, keepdims=True))


@dataclass(frozen=True)
class MVN(SameType):
    """Data less its mean along axes and, with normalize_variance, divided by its deviation.

    eps_mode: eps is added to the variance (inside_sqrt) or to the deviation (outside_sqrt).
    """

    normalize_variance: bool
    eps: float
    eps_mode: str
    type = "MVN"
    opset = "opset6"
    factory = "mvn"
    since = 6
    signature = "data, axes, normalize_variance, eps, eps_mode"
    inputs = ("data", "axes")

    def check(self, inputs: Sequence[Argument]) -> None:
        one_of(self.eps_mode, ("inside_sqrt", "outside_sqrt"), "eps_mode")
        check_axes(inputs[0].shape, inputs[1])

    def compute(self, x: Array, *others: Array) -> Array:
        axes = sorted_axes(others[0], x.ndim)
        if self.normalize_variance:
            return standardized(x, axes, self.eps, self.eps_mode == "inside_sqrt")
        return np.asarray(x - np.mean(x, axes, keepdims=True))


@dataclass(frozen=True)
class NormalizeL2(SameType):
    """x / sqrt(s + eps) or, with eps_mode max, x / sqrt(max(s, eps)), where s is the sum of squares along axes."""

    eps: float
    eps_mode: str
    type = "NormalizeL2"
    factory = "normalize_l2"
    signature = "data, axes, eps, eps_mode"
    inputs = ("data", "axes")

    def check(self, inputs: Sequence[Argument]) -> None:
        one_of(self.eps_mode, ("add", "max"), "eps_mode")
        check_axes(inputs[0].shape, inputs[1])

    def compute(self, x: Array, *others: Array) -> Array:
        squares = np.sum(np.square(x), sorted_axes(others[0], x.ndim), keepdims=True)
        return np.asarray(x / np.sqrt(squares + self.eps if self.eps_mode == "add" else np.maximum(squares, self.eps)))


@dataclass(frozen=True)
class LRN(SameType):
    """x / (bias + alpha * s / size ** n) ** beta, where s sums squares over a window of `size` along each of n axes."""

    alpha: float = 1.0
    beta: float = 0.5
    bias: float = 1.0
    size: int = 5
    type = "LRN"
    factory = "lrn"
    signature = "data, axes, alpha=1, beta=0.5, bias=1, size=5"
    inputs = ("data", "axes")

    def check(self, inputs: Sequence[Argument]) -> None:
        require(self.size > 0, f"expected size to be positive, got {self.size}")
        check_axes(inputs[0].shape, inputs[1])

    def compute(self, x: Array, *others: Array) -> Array:
        axes = sorted_axes(others[0], x.ndim)
        sums = np.square(x)
        for axis in axes:
            sums = _window_sums(sums, axis, (self.size - 1) // 2)
        return np.asarray(x / np.power(self.bias + self.alpha / self.size ** len(axes) * sums, self.beta))


def _window_sums(x: Array, axis: int, reach: int) -> Array:
    """For each element, the sum of those at most `reach` away along an axis."""
    length = x.shape[axis]
    padded = np.concatenate([np.zeros_like(x.take([0], axis)), np.cumsum(x, axis)], axis) if length else x
    places = np.arange(length)
    ends, begins = np.minimum(places + reach + 1, length), np.maximum(places - reach, 0)
    return np.asarray(padded.take(ends, axis) - padded.take(begins, axis))


@dataclass(frozen=True)
class GRN(SameType):
    """x / sqrt(s + bias) for data [N, C, ...], where s is the sum of squares over C."""

    bias: float
    type = "GRN"
    factory = "grn"
    signature = "data, bias"
    inputs = ("data",)

    def check(self, inputs: Sequence[Argument]) -> None:
        require_rank(inputs[0], (2, 3, 4), "data")

    def compute(self, x: Array, *others: Array) -> Array:
        return np.asarray(x / np.sqrt(np.sum(np.square(x), 1, keepdims=True) + self.bias))


@dataclass(frozen=True)
class GroupNormalization(SameType):
    """Data [N, C, ...], each group of C / num_groups channels standardized, times scale [C] plus bias [C]."""

    num_groups: int
    epsilon: float
    type = "GroupNormalization"
    opset = "opset12"
    factory = "group_normalization"
    since = 12
    signature = "data, scale, bias, num_groups, epsilon"
    inputs = ("data", "scale", "bias")

    def check(self, inputs: Sequence[Argument]) -> None:
        merged_type(inputs, "inputs")
        shape = channelled(inputs[0], inputs[1:], self.inputs[1:])
        require(self.num_groups > 0, f"expected num_groups to be positive, got {self.num_groups}")
        if shape.has_rank and shape[1].is_static:
            channels, groups = shape[1].get_length(), self.num_groups
            require(channels % groups == 0, f"{channels} channels can't be put in {groups} equal groups")

    def compute(self, x: Array, *others: Array) -> Array:
        scale, bias = (per_channel(wide(vector), x.ndim) for vector in others)
        if not x.size:
            return x
        groups = x.reshape(x.shape[0], self.num_groups, -1)
        return np.asarray(standardized(groups, (2,), self.epsilon).reshape(x.shape) * scale + bias)


@dataclass(frozen=True)
class RMS(SameType):
    """x / sqrt(mean of squares along the last axis + epsilon) * gamma, which broadcasts to x. Made by passes."""

    epsilon: float
    type = "RMS"
    opset = "ie_internal_opset"
    inputs = ("data", "gamma")

    def check(self, inputs: Sequence[Argument]) -> None:
        merged_type(inputs, "data and gamma")

    def compute(self, x: Array, *others: Array) -> Array:
        return np.asarray(x / np.sqrt(np.mean(np.square(x), -1, keepdims=True) + self.epsilon) * others[0])


@dataclass(frozen=True)
class Softmax(SameType):
    """exp(x) divided by its sum along an axis."""

    axis: int = 1
    type = "Softmax"
    opset = "opset8"
    factory = "softmax"
    signature = "data, axis"
    inputs = ("data",)

    def check(self, inputs: Sequence[Argument]) -> None:
        if inputs[0].shape.has_rank:
            normalized(self.axis, len(inputs[0].shape))

    def quick_shape(self, shapes: Sequence[Sizes], values: Sequence[Array | None]) -> Sizes | None:
        return shapes[0] if -len(shapes[0]) <= self.axis < len(shapes[0]) else None

    def compute(self, x: Array, *others: Array) -> Array:
        powers = np.exp(x - _greatest(x, self.axis))
        return np.asarray(powers / np.sum(powers, self.axis, keepdims=True))


class LogSoftmax(Softmax):
    """The logarithm of softmax."""

    type = "LogSoftmax"
    opset = "opset5"
    factory = "log_softmax"
    since = 5

    def compute(self, x: Array, *others: Array) -> Array:
        centered = x - _greatest(x, self.axis)
        return np.asarray(centered - np.log(np.sum(np.exp(centered), self.axis, keepdims=True)))


def _greatest(x: Array, axis: int) -> Array:
    return np.asarray(np.max(x, axis, keepdims=True, initial=-np.inf))
