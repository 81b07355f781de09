"""Convolutions and matrix products."""

from __future__ import annotations

import numpy as np

from ...kernels.runtime.step import View
from ..builder import Builder, Lowering
from ..calls import Call, Tensor
from ..windows import Convolution, convolution, is_broadcast, matrix


def _convolution(builder: Builder, call: Call) -> bool:
    window = convolution(call)
    if window is None:
        return _matmul(builder, call) if matrix(call).op.type == "MatMul" else False
    if window.transposed:
        return _transposed(builder, call, window)
    parts = matrix(call)
    x, y = builder.view(call.inputs[0]), builder.view(call.outputs[0])
    common = {
        "strides": window.strides,
        "dilations": window.dilations,
        "pads_begin": window.pads_begin,
        "bias": parts.bias,
        "residual": None if parts.residual is None else builder.view(parts.residual),
        "activation": parts.activation,
    }
    if window.depthwise:
        step = builder.family("depthwise").Depthwise(x, y, weights=window.weights, **common)
    else:
        family = builder.family("convolution")
        array = call.inputs[1].array
        assert array is not None
        tile = builder.family("winograd").winograd_tile(
            window.weights.shape, y.shape, window.strides, window.dilations, window.groups, builder.winograd
        )
        how = ("conv", builder.level, tile)
        shape, groups = window.weights.shape, window.groups
        packed = builder.packs.get(array, how, lambda weights: family.pack(weights.reshape(shape), groups, tile))
        step = family.Convolution(x, y, weights=packed, groups=window.groups, **common)
    builder.emit(step)
    return True


def _transposed(builder: Builder, call: Call, window: Convolution) -> bool:
    parts = matrix(call)
    family = builder.family("convolution")
    x, y = builder.view(call.inputs[0]), builder.view(call.outputs[0])
    geometry = window.strides, window.dilations, window.pads_begin
    array = call.inputs[1].array
    assert array is not None
    packed = builder.packs.get(
        array,
        ("transposed", builder.level, *geometry),
        lambda weights: family.Phases(weights.reshape(window.weights.shape), *geometry, window.groups),
    )
    fused = parts.residual is None
    step = family.ConvolutionTranspose(
        x, y, weights=packed, strides=window.strides, dilations=window.dilations, pads_begin=window.pads_begin,
        bias=parts.bias, groups=window.groups, activation=parts.activation if fused else None,
    )  # fmt: skip
    builder.emit(step)
    if parts.residual is not None:
        program: list[tuple[object, ...]] = [("add", 0, 1)]
        if parts.activation is not None:
            program.append((parts.activation.kind, 2, parts.activation.alpha, parts.activation.beta))
        builder.emit(builder.family("elementwise").Map(program, [y, builder.view(parts.residual)], y))
    return True


def _matmul(builder: Builder, call: Call) -> bool:
    parts = matrix(call)
    if is_broadcast(call):
        return False
    if any(tensor.dtype != np.float32 for tensor in call.inputs) or max(len(t.shape) for t in call.inputs) > 8:
        return False
    attributes = parts.op.attributes()
    a = _as_matrix(builder.view(call.inputs[0]), attributes["transpose_a"], row=True)
    b = _as_matrix(builder.view(call.inputs[1]), attributes["transpose_b"], row=False)
    y = builder.view(call.outputs[0])
    if len(call.inputs[0].shape) == 1:
        y = y.like((*y.shape[:-1], 1, *y.shape[-1:]) if len(call.inputs[1].shape) > 1 else (1,))
    if len(call.inputs[1].shape) == 1:
        y = y.like((*y.shape, 1))
    weights = call.inputs[1].array
    packed = None
    if weights is not None and weights.ndim == 2:
        transposed = attributes["transpose_b"]
        how = ("matmul", builder.level, transposed)
        pack = builder.family("matmul").pack
        packed = builder.packs.get(weights, how, lambda array: pack(array.T if transposed else array))
    residual = None if parts.residual is None else _with_rows(builder, parts.residual)
    step = builder.family("matmul").MatMul(
        a, None if packed is not None else b, y, weights=packed, bias=parts.bias, residual=residual,
        activation=parts.activation,
    )  # fmt: skip
    builder.emit(step)
    return True


def _with_rows(builder: Builder, tensor: Tensor) -> View:
    """Where a tensor lies whose last axis must lie without gaps: a copy of it when that is not so."""
    view = builder.view(tensor)
    return builder.plain(tensor) if view.shape[-1:] != (1,) and view.strides[-1:] not in ((), (1,)) else view


def _as_matrix(view: View, transposed: bool, *, row: bool) -> View:
    """An operand as (..., rows, columns); a vector is a row on the left, a column on the right."""
    shape, strides = list(view.shape), list(view.strides)
    if len(shape) == 1:
        place = 0 if row else 1
        shape.insert(place, 1)
        strides.insert(place, 0)
    elif transposed:
        shape[-2:], strides[-2:] = shape[:-3:-1], strides[:-3:-1]
    return view.like(tuple(shape), tuple(strides))


LOWERINGS: dict[str, Lowering] = dict.fromkeys(
    (
        "Fused", "Convolution", "GroupConvolution", "ConvolutionBackpropData", "GroupConvolutionBackpropData", "MatMul",
    ),
    _convolution,
)  # fmt: skip
