"""Matrix products."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...graph.operator import Array
from ...kernels.runtime.step import MOST_DIMENSIONS, View
from ...ops.compressed import CompressedMatMul
from ..builder import Builder, Lowering
from ..calls import Call, Tensor
from ..windows import is_broadcast, matrix


def lower_matmul(builder: Builder, call: Call) -> bool:
    parts = matrix(call)
    if is_broadcast(call):
        return False
    if any(tensor.dtype != np.float32 or len(tensor.shape) > MOST_DIMENSIONS for tensor in call.inputs):
        return False
    attributes = parts.op.attributes()
    a = as_matrix(builder.view(call.inputs[0]), attributes["transpose_a"], row=True)
    b = as_matrix(builder.view(call.inputs[1]), attributes["transpose_b"], row=False)
    y = builder.view(call.outputs[0])
    if len(call.inputs[0].shape) == 1:
        y = y.like((*y.shape[:-1], 1, *y.shape[-1:]) if len(call.inputs[1].shape) > 1 else (1,))
    if len(call.inputs[1].shape) == 1:
        y = y.like((*y.shape, 1))
    weights = call.inputs[1].array
    family, packed = builder.family("matmul"), None
    shared = not any(size > 1 for size in b.shape[:-2])
    kernel = builder.product_kernel(math.prod(y.shape[:-1]) if shared else y.shape[-2], b.shape[-1], b.shape[-2])
    if weights is not None and weights.ndim == 2:
        packed = _packed(builder, weights, kernel, attributes["transpose_b"])
    residual = None if parts.residual is None else _with_rows(builder, parts.residual)
    bias = whole_panels(builder, parts.bias, packed)
    epilogue = {"bias": bias, "residual": residual, "activation": parts.activation}
    builder.emit(family.MatMul(a, None if packed is not None else b, y, weights=packed, kernel=kernel, **epilogue))
    return True


def lower_compressed(builder: Builder, call: Call) -> bool:
    """A product by weights that stay codes; in bf16, where that is asked for and faster, by real ones."""
    parts = matrix(call)
    arrays = tuple(tensor.array for tensor in call.inputs[1 : CompressedMatMul.operands] if tensor.array is not None)
    if is_broadcast(call) or len(arrays) < CompressedMatMul.operands - 1 or len(call.inputs[0].shape) > MOST_DIMENSIONS:
        return False
    rows = parts.op.attributes()["rows"]
    a, y = as_matrix(builder.view(call.inputs[0]), transposed=False, row=True), builder.view(call.outputs[0])
    y = y.like((1, *y.shape)) if len(y.shape) == 1 else y
    family, weights = builder.family("matmul"), builder.family("matmul_weights")
    count = math.prod(y.shape[:-1])
    kernel = builder.product_kernel(count, y.shape[-1], rows.depth)
    if kernel.products and count > family.FEW_ROWS:
        how = ("decompressed", builder.level, kernel.name, rows.depth)
        packed = builder.packed_weights.get_of(
            arrays, how, lambda *arrays: family.pack(rows.evaluate(*arrays)[0].T, kernel)
        )
    else:
        packed = builder.packed_weights.get_of(
            arrays,
            ("compressed", builder.level, rows.depth, rows.group, rows.bits),
            lambda *arrays: weights.CompressedWeights(*arrays, rows.depth, rows.group, rows.bits),
        )
    residual = None if parts.residual is None else _with_rows(builder, parts.residual)
    epilogue = {"bias": whole_panels(builder, parts.bias, None), "residual": residual, "activation": parts.activation}
    builder.emit(family.MatMul(a, None, y, weights=packed, **epilogue))
    return True


def _packed(builder: Builder, weights: Array, kernel: Any, transposed: bool) -> Any:
    """Constant weights (K, N), or (N, K) transposed, packed for a kernel."""
    family = builder.family("matmul")
    how = ("matmul", builder.level, kernel.name, transposed)
    return builder.packed_weights.get(weights, how, lambda array: family.pack(array.T if transposed else array, kernel))


def whole_panels(builder: Builder, bias: Array | None, packed: Any) -> Array | None:
    """A bias with zeros behind each group's columns up to whole panels of the packed weights, which all plans share;
    as a vector where there are none, or nothing is to be filled up."""
    if bias is None:
        return None
    short = 0 if packed is None else -packed.columns % packed.kernel.columns
    return builder.packed_weights.filled(bias, packed.groups, short) if short else bias.reshape(-1)


def _with_rows(builder: Builder, tensor: Tensor) -> View:
    """View of a tensor whose last axis is dense: of a copy where the tensor's own is not."""
    view = builder.view(tensor)
    return builder.plain(tensor) if view.shape[-1:] != (1,) and view.strides[-1:] not in ((), (1,)) else view


def as_matrix(view: View, transposed: bool, *, row: bool) -> View:
    """An operand as (..., rows, columns); a vector is a row on the left, a column on the right."""
    shape, strides = list(view.shape), list(view.strides)
    if len(shape) == 1:
        place = 0 if row else 1
        shape.insert(place, 1)
        strides.insert(place, 0)
    elif transposed:
        shape[-2:], strides[-2:] = shape[:-3:-1], strides[:-3:-1]
    return view.like(tuple(shape), tuple(strides))


LOWERINGS: dict[str, Lowering] = {"CompressedMatMul": lower_compressed, "MatMul": lower_matmul}
