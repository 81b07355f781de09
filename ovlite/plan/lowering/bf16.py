"""Which images are stored as bf16: those that nothing but products of bf16 reads, and what moves elements to them.

A product rounds its operand to bf16 in any case; stored so, it takes half the memory traffic and no conversion. A
residual is rounded once more than it would be.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...kernels.runtime.step import BF16
from ..builder import Builder
from ..calls import Call, Tensor
from ..windows import convolution, matrix
from .convolution import matrix_kernel


def store_bf16(builder: Builder, calls: Sequence[Call], exits: set[Tensor]) -> None:
    """Sets the element type of the tensors that are stored so. exits: those that are read outside of the calls."""
    bound: list[list[Tensor]] = []  # tensors that have one element type
    wide = set(exits)
    for call in calls:
        alike = _alike(call, exits)
        bound.append(alike)
        free = alike or _of_any_type(builder, call)
        wide.update(tensor for tensor in (*call.inputs, *call.outputs) if tensor not in free or not _may_be(tensor))
    while fixed := [group for group in bound if 0 < sum(tensor in wide for tensor in group) < len(group)]:
        for group in fixed:
            wide.update(group)
    for call in calls:
        for tensor in call.outputs:
            if tensor not in wide:
                tensor.dtype = BF16


def _may_be(tensor: Tensor) -> bool:
    return tensor.image and tensor.producer is not None and tensor.dtype == np.float32


def _alike(call: Call, exits: set[Tensor]) -> list[Tensor]:
    """The operands of a call that moves elements, all f32 or all bf16; none of another call."""
    if call.op.type == "Concat" and all(tensor.within is not None for tensor in call.inputs):
        return [*call.inputs, *call.outputs]
    if call.op.type == "MaxPool" and not any(tensor.users or tensor in exits for tensor in call.outputs[1:]):
        return [call.inputs[0], call.outputs[0]]
    return []


def _of_any_type(builder: Builder, call: Call) -> list[Tensor]:
    """The operands of a call that may be f32 or bf16, each for itself."""
    window = convolution(call)
    if window is None or window.transposed or window.groups > 1:
        return []
    y = call.outputs[0]
    if not matrix_kernel(builder, window.shape, 1, y.size).takes_bf16:
        return []
    residual = matrix(call).residual
    return [call.inputs[0], y, *([] if residual is None or residual.shape != y.shape else [residual])]
