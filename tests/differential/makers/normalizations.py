"""Normalisation and softmax."""

from __future__ import annotations

import numpy as np

from ..cases import Error, Made
from ..draw import Array, Draw
from .base import every, node, table


def _uneven(d: Draw, rank: tuple[int, int], parameter: str = "T", empty: float = 0.0) -> tuple[Array, Error]:
    """Data whose mean may be far from 0 for its deviation, and the error that this costs."""
    dims = d.dims(*rank, empty=empty)
    dtype = d.dtype(parameter)
    shift = d.pick(0, 0, 1, 100, 1000) if dtype.itemsize >= 4 else 0
    width = d.pick(1, 1, 0.1, 5)
    data = (d.rng.standard_normal(dims) * width + shift).astype(dtype)
    return data, Error(64, 16, 4 * (1 + shift / width))


def softmax(d: Draw) -> Made:
    data = d.data(rank=(1, 4), domain=(-20, 20))
    low = -data.ndim if d.since >= 11 else 0
    axis = d.integer(low, data.ndim - 1) if d.chance(0.7) or data.ndim < 2 else None
    return node(d, [data], axis=axis, error=Error(64, 8, 1))


def hardmax(d: Draw) -> Made:
    data = d.data(rank=(1, 4), empty=0.0)
    low = -data.ndim if d.since >= 11 else 0
    axis = d.integer(low, data.ndim - 1) if d.chance(0.7) or data.ndim < 2 else None
    return node(d, [data], axis=axis, error=Error(exact=True))


def batch_normalization(d: Draw) -> Made:
    data, error = _uneven(d, (2, 4))
    channels = data.shape[1]
    scale, bias, mean = (d.tensor((channels,), data.dtype, (-2, 2)) for _ in range(3))
    variance = d.tensor((channels,), data.dtype, (0.1, 4))
    return node(
        d, [data, scale, bias, mean, variance], epsilon=d.maybe(1e-3), momentum=d.maybe(0.8), steering=(1, 2, 3, 4),
        error=error,
    )  # fmt: skip


def instance_normalization(d: Draw) -> Made:
    data, error = _uneven(d, (3, 4))
    parameters = [d.tensor((data.shape[1],), data.dtype, (-2, 2)) for _ in range(2)]
    return node(d, [data, *parameters], epsilon=d.maybe(1e-3), steering=(1, 2), error=error)


def group_normalization(d: Draw) -> Made:
    groups, each = d.integer(1, 3), d.integer(1, 3)
    data, error = _uneven(d, (1, 2))
    dtype = data.dtype
    data = (d.rng.standard_normal((d.integer(1, 2), groups * each, *data.shape)) + 1).astype(dtype)
    count = groups if d.since < 21 else groups * each
    parameters = [d.tensor((count,), dtype, (-2, 2)) for _ in range(2)]
    return node(d, [data, *parameters], num_groups=groups, epsilon=d.maybe(1e-3), steering=(1, 2), error=error)


def layer_normalization(d: Draw) -> Made:
    """Scales and biases broadcast to the axes that are normalised."""
    data, error = _uneven(d, (1, 4))
    axis = d.axis(data.ndim)
    tail = data.shape[axis:]
    scale = d.tensor(tail if d.chance(0.7) else d.broadcast(tail), data.dtype, (-2, 2))
    bias = d.maybe(d.tensor(tail if d.chance(0.7) else d.broadcast(tail), data.dtype, (-2, 2)))
    wanted = [True, d.chance(0.4), d.chance(0.4)]
    shown = d.maybe(axis, 0.9) if axis == -1 else axis
    return node(d, [data, scale, bias], wanted, axis=shown, epsilon=d.maybe(1e-3), steering=(1, 2), error=error)


def rms_normalization(d: Draw) -> Made:
    data, error = _uneven(d, (1, 4))
    axis = d.axis(data.ndim)
    tail = data.shape[axis:]
    scale = d.tensor(tail if d.chance(0.7) else d.broadcast(tail), data.dtype, (-2, 2))
    return node(d, [data, scale], axis=axis, epsilon=d.maybe(1e-3), steering=(1,), error=error)


def lrn(d: Draw) -> Made:
    data = d.tensor(d.dims(3, 4, empty=0.0), d.dtype(), (-3, 3))
    given = {"alpha": d.maybe(d.decimal(0.001, 0.5)), "beta": d.maybe(0.5), "bias": d.maybe(2.0)}
    return node(d, [data], size=d.integer(1, 6), error=Error(32), **given)


def lp_normalization(d: Draw) -> Made:
    data = d.tensor(d.dims(1, 4, empty=0.0), d.dtype(), (-3, 3))
    if d.chance(0.2):
        data = np.zeros_like(data)
    return node(d, [data], axis=d.maybe(d.axis(data.ndim)), p=d.pick(None, 1, 2), error=Error(32))


def mean_variance(d: Draw) -> Made:
    data, error = _uneven(d, (4, 4))
    axes = d.maybe(sorted(axis % 4 for axis in d.axes(4)))
    few = np.prod([data.shape[axis] for axis in axes or (0, 2, 3)]) < 9  # may lie so near that rounding counts
    return node(d, [d.like(data, None, (-3, 3)) if few else data], axes=axes, error=error)


MAKERS = {
    **every("Softmax LogSoftmax", softmax),
    **table("", Hardmax=hardmax, BatchNormalization=batch_normalization, InstanceNormalization=instance_normalization,
            GroupNormalization=group_normalization, LayerNormalization=layer_normalization,
            RMSNormalization=rms_normalization, LRN=lrn, LpNormalization=lp_normalization,
            MeanVarianceNormalization=mean_variance),
}  # fmt: skip
