"""Normalization by mean and spread, and across channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...kernels.runtime.step import View
from ..builder import Builder, Lowering
from ..calls import Call, Tensor


def _axes(tensor: Tensor, rank: int) -> list[int] | None:
    """The values of an axes input."""
    return None if tensor.array is None else sorted({int(axis) % rank for axis in tensor.array.reshape(-1)})


def _views(builder: Builder, call: Call) -> tuple[View, View]:
    return builder.view(call.inputs[0]), builder.view(call.outputs[0])


def _rows(builder: Builder, call: Call) -> tuple[View, View]:
    """Views whose last axis is dense in both or in neither: rows that a Transpose shows are copied."""
    x, y = _views(builder, call)
    return builder.plain(call.inputs[0]) if x.strides[-1] != 1 and y.strides[-1] == 1 else x, y


def _layer_norm(builder: Builder, call: Call) -> bool:
    op: Any = call.op
    x, y = _rows(builder, call)
    gamma, beta = (_stretched(builder.view(tensor), len(x.shape)) for tensor in call.inputs[1:])
    builder.emit(builder.family("normalization").LayerNorm(x, y, [len(x.shape) - 1], gamma, beta, op.epsilon))
    return True


def _stretched(vector: View, rank: int) -> View:
    """A vector along the last of `rank` axes."""
    return vector.like((*(1,) * (rank - 1), *vector.shape), (*(0,) * (rank - 1), *vector.strides))


def _mvn(builder: Builder, call: Call) -> bool:
    op: Any = call.op
    rank = len(call.inputs[0].shape)
    axes: Sequence[int] | None
    if len(call.inputs) == 2:
        axes, mode = _axes(call.inputs[1], rank), op.eps_mode
    else:
        axes, mode = op.reduction_axes or range(1 if op.across_channels else 2, rank), "inside_sqrt"
    if call.inputs[0].dtype != np.float32 or not axes or mode not in ("inside_sqrt", "outside_sqrt"):
        return False
    family = builder.family("normalization")
    builder.emit(family.MVN(*_views(builder, call), list(axes), op.eps, mode, op.normalize_variance))
    return True


def _normalize_l2(builder: Builder, call: Call) -> bool:
    op: Any = call.op
    axes = _axes(call.inputs[1], len(call.inputs[0].shape))
    if call.inputs[0].dtype != np.float32 or not axes:
        return False
    builder.emit(builder.family("normalization").NormalizeL2(*_views(builder, call), axes, op.eps, op.eps_mode))
    return True


def _group_norm(builder: Builder, call: Call) -> bool:
    op: Any = call.op
    if call.inputs[0].dtype != np.float32:
        return False
    gamma, beta = (builder.view(tensor) for tensor in call.inputs[1:])
    family = builder.family("normalization")
    builder.emit(family.GroupNorm(*_views(builder, call), op.num_groups, gamma, beta, op.epsilon))
    return True


def _rms(builder: Builder, call: Call) -> bool:
    op: Any = call.op
    if call.inputs[0].dtype != np.float32 or len(call.inputs[1].shape) > 1:
        return False
    x, y = _rows(builder, call)
    gamma = builder.view(call.inputs[1])
    gamma = _stretched(gamma.like((1,), (0,)) if not gamma.shape else gamma, len(x.shape))
    builder.emit(builder.family("normalization").RMSNorm(x, y, [len(x.shape) - 1], gamma, op.epsilon))
    return True


def _lrn(builder: Builder, call: Call) -> bool:
    op: Any = call.op
    axes = _axes(call.inputs[1], len(call.inputs[0].shape))
    if call.inputs[0].dtype != np.float32 or axes is None or len(axes) != 1 or op.size % 2 == 0:
        return False
    builder.emit(builder.family("lrn").LRN(*_views(builder, call), op.size, op.alpha, op.beta, op.bias, axes[0]))
    return True


LOWERINGS: dict[str, Lowering] = {
    "LayerNorm": _layer_norm,
    "MVN": _mvn,
    "NormalizeL2": _normalize_l2,
    "GroupNormalization": _group_norm,
    "RMS": _rms,
    "LRN": _lrn,
}
