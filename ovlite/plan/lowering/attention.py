"""Attention."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...kernels.runtime.step import MOST_DIMENSIONS, View
from ...kernels.runtime.strides import broadcast_strides
from ...ops.fused import Attention
from ..builder import Builder, Lowering
from ..calls import Call, Tensor


def _attention(builder: Builder, call: Call) -> bool:
    op: Any = call.op
    options = {"hidden": op.hidden, "undefined": op.undefined}
    return _emit(builder, call, call.inputs, op.scale, options)


def _scaled_dot_product(builder: Builder, call: Call) -> bool:
    """A scale at run time is left to numpy."""
    op: Any = call.op
    given = call.inputs[4].array if len(call.inputs) > 4 else np.array(1 / math.sqrt(call.inputs[0].shape[-1] or 1))
    if given is None:
        return False
    inputs = call.inputs[: 3 if op.causal else 4]
    return _emit(builder, call, inputs, float(given.item()), {"causal": op.causal})


def _emit(builder: Builder, call: Call, inputs: Sequence[Tensor], scale: float, options: dict[str, Any]) -> bool:
    output = call.outputs[0]
    if any(tensor.dtype != np.float32 or len(tensor.shape) > MOST_DIMENSIONS for tensor in (*inputs[:3], output)):
        return False
    if any(tensor.dtype.name not in ("float32", "bool") for tensor in inputs[3:]):
        return False
    outer, queries, keys = output.shape[:-2], output.shape[-2], inputs[2].shape[-2]
    query, key, value = (builder.view(tensor) for tensor in inputs[:3])
    query = _repeated(query, (*outer, queries, query.shape[-1]))
    key = _repeated(key, (*outer, keys, key.shape[-1]))
    masks = [builder.view(tensor) for tensor in inputs[3:] if not _adds_nothing(tensor)]
    family = builder.family("attention")
    builder.emit(family.Attention(query, key, value, _output(builder, output), *masks, scale=scale, **options))
    return True


def _adds_nothing(mask: Tensor) -> bool:
    """True for the number 0, which stands for no mask where a scale follows it."""
    return mask.array is not None and mask.array.size == 1 and mask.dtype == np.float32 and not mask.array.any()


def _repeated(view: View, shape: tuple[int, ...]) -> View:
    """The view broadcast to a shape."""
    return view.like(shape, broadcast_strides(view, shape))


def _output(builder: Builder, tensor: Tensor) -> View:
    """A place for the result: where all that reads it is one Transpose, such that its result is without gaps."""
    reader = tensor.users[0] if len(tensor.users) == 1 else None
    if reader is None or reader.op.type != "Transpose" or builder.is_placed(tensor):
        return builder.view(tensor)
    order, rank = reader.inputs[1].array, len(tensor.shape)
    if order is None or order.size != rank or int(order[-1]) != rank - 1 or reader.outputs[0].image:
        return builder.view(tensor)
    place = builder.scratch(tensor.dtype, reader.outputs[0].shape)
    back = np.argsort(order)
    builder.alias(tensor, place.like(tensor.shape, tuple(place.strides[axis] for axis in back)))
    return builder.view(tensor)


LOWERINGS: dict[str, Lowering] = {Attention.type: _attention, "ScaledDotProductAttention": _scaled_dot_product}
