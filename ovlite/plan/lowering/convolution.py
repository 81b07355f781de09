"""Convolutions, and what is fused with a convolution or a matrix product."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...kernels.runtime.step import View
from ...kernels.runtime.transforms import winograd_tile
from ..builder import Builder, Lowering
from ..calls import Call, Tensor
from ..windows import Convolution, convolution, matrix
from .matmul import lower_compressed, lower_matmul, whole_panels

Packing = tuple[str, str, int, str]  # what it is for, the level, Winograd's tile, the matrix kernel
MOST_REPEATS = 8  # outputs of a channel by kernels of their own
FEW_COLUMNS = 4  # of which a phase fills half a vector of AVX2 at most
WINOGRAD_TILE = 4  # side of the largest output tile: F(4 x 4, 3 x 3)


def _convolution(builder: Builder, call: Call) -> bool:
    window = convolution(call)
    if window is None:
        return False
    if window.transposed:
        return _transposed(builder, call, window)
    parts = matrix(call)
    x, y = builder.view(call.inputs[0]), builder.view(call.outputs[0])
    shape, groups = window.shape, window.groups
    if shape[1] == 1 and groups < shape[0] <= groups * MOST_REPEATS and groups > 1:
        x, groups = _repeated(builder, call, window), shape[0]
    common = {
        "strides": window.strides,
        "dilations": window.dilations,
        "pads_begin": window.pads_begin,
        "residual": None if parts.residual is None else builder.view(parts.residual),
        "activation": parts.activation,
    }
    kernel = matrix_kernel(builder, shape, groups, y.size)
    most = WINOGRAD_TILE if builder.precision.winograd else 0
    tile = winograd_tile(shape, y.shape, window.strides, window.dilations, groups, most, builder.lanes)
    if kernel.beats_winograd():
        tile = 0
    how = ("convolution", builder.level, tile, kernel.name)
    if how not in call.found:
        call.found[how] = _packed(builder, call, shape, groups, how, kernel)
    packed, bias = call.found[how]
    step = builder.family("convolution").convolution_step(x, y, weights=packed, groups=groups, bias=bias, **common)
    builder.emit(step)
    return True


def _packed(builder: Builder, call: Call, shape: tuple[int, ...], groups: int, how: Packing, kernel: Any) -> Any:
    """(weights, bias) of a convolution as its step takes them."""
    weights = call.inputs[1].origin
    assert weights is not None
    packed = builder.packed_weights.get(
        weights, how, lambda weights: builder.family("convolution").pack(weights.reshape(shape), groups, how[2], kernel)
    )
    return packed, whole_panels(builder, matrix(call).bias, packed if hasattr(packed, "kernel") else None)


def _repeated(builder: Builder, call: Call, window: Convolution) -> View:
    """The image with each channel as often as there are outputs of it, one after the other: a kernel for each channel
    alone is many times faster than products of a few columns."""
    source, target = call.inputs[0], call.outputs[0]
    batch, channels, *spatial = source.shape
    repeats = target.shape[1] // channels
    image = Tensor(
        source.dtype, (batch, channels * repeats, *spatial), image=True, border=window.border(source, target)
    )
    x, y = builder.view(source), builder.view(image)
    apart = (batch, channels, repeats, *spatial)
    builder.copy(
        x.like(apart, (*x.strides[:2], 0, *x.strides[2:])),
        y.like(apart, (y.strides[0], repeats * y.strides[1], *y.strides[1:])),
    )
    return y


def matrix_kernel(builder: Builder, weights: tuple[int, ...], groups: int, size: int) -> Any:
    """The matrix kernel for weights (Cout, Cin / groups, *kernel) and so many elements of output."""
    return builder.product_kernel(size // max(1, weights[0]), weights[0] // groups, math.prod(weights[1:]))


def _gives_blocks(call: Call, window: Convolution) -> bool:
    """Whether each pixel of a transposed convolution's input gives a block of outputs that no other one gives."""
    alone = window.kernel == window.strides and set(window.dilations) == {1} and not any(window.pads_begin)
    lengths = zip(call.inputs[0].shape[2:], window.kernel, strict=True)
    return alone and window.groups == 1 and call.outputs[0].shape[2:] == tuple([n * k for n, k in lengths])


def _blocks(builder: Builder, call: Call, window: Convolution) -> bool:
    """A product whose columns are a pixel's block, and a copy that puts the blocks in their places."""
    parts, family = matrix(call), builder.family("convolution")
    x, y, weights = builder.view(call.inputs[0]), builder.view(call.outputs[0]), call.inputs[1].origin
    assert weights is not None
    depth, columns, *block = window.shape
    batch, _, *spatial = x.shape
    ones, places = [1] * len(block), math.prod(block)
    kernel = builder.product_kernel(batch * math.prod(spatial), columns * places, depth)
    packed = builder.packed_weights.get(
        weights, ("blocks", builder.level, kernel.name),
        lambda weights: family.pack(weights.reshape(depth, -1).T.reshape(-1, depth, *ones), kernel=kernel),
    )  # fmt: skip
    wide = builder.scratch_image(x.dtype, (batch, columns * places, *spatial))
    bias = None if parts.bias is None else np.repeat(parts.bias.reshape(-1), places)
    step = family.convolution_step(
        x, wide, weights=packed, strides=ones, dilations=ones, pads_begin=[0] * len(block), bias=bias,
        activation=parts.activation,
    )  # fmt: skip
    builder.emit(step)
    shape, steps, to = [batch, columns], [wide.strides[0], places], list(y.strides[:2])
    for axis, size in enumerate(block):
        shape += [spatial[axis], size]
        steps += [wide.strides[2 + axis], math.prod(block[axis + 1 :])]
        to += [y.strides[2 + axis] * size, y.strides[2 + axis]]
    builder.copy(wide.like(shape, steps), y.like(shape, to))
    return True


def _transposed(builder: Builder, call: Call, window: Convolution) -> bool:
    parts = matrix(call)
    if parts.residual is None and window.shape[1] <= FEW_COLUMNS and _gives_blocks(call, window):
        return _blocks(builder, call, window)
    family = builder.family("convolution")
    x, y = builder.view(call.inputs[0]), builder.view(call.outputs[0])
    geometry = window.strides, window.dilations, window.pads_begin
    weights = call.inputs[1].origin
    assert weights is not None
    depth, columns, *kernel_shape = window.shape
    phases = math.prod(window.strides)
    kernel = builder.product_kernel(
        y.size // max(1, columns * window.groups * phases), columns,
        depth // window.groups * math.prod(kernel_shape) // phases,
    )  # fmt: skip
    packed = builder.packed_weights.get(
        weights,
        ("transposed", builder.level, kernel.name, window.shape, *geometry, window.groups),
        lambda weights: family.pack_phases(weights.reshape(window.shape), *geometry, window.groups, kernel),
    )
    fused = parts.residual is None
    step = family.ConvolutionTranspose(
        x, y, weights=packed, strides=window.strides, dilations=window.dilations, pads_begin=window.pads_begin,
        bias=whole_panels(builder, parts.bias, None), groups=window.groups,
        activation=parts.activation if fused else None,
    )  # fmt: skip
    builder.emit(step)
    if parts.residual is not None:
        program: list[tuple[object, ...]] = [("add", 0, 1)]
        if parts.activation is not None:
            program.append((parts.activation.kind, 2, parts.activation.alpha, parts.activation.beta))
        builder.emit(builder.family("elementwise").Map(program, [y, builder.view(parts.residual)], y))
    return True


def _fused(builder: Builder, call: Call) -> bool:
    return _MATRICES.get(matrix(call).op.type, _convolution)(builder, call)


_MATRICES: dict[str, Lowering] = {"CompressedMatMul": lower_compressed, "MatMul": lower_matmul}


LOWERINGS: dict[str, Lowering] = {
    "Fused": _fused,
    **dict.fromkeys(
        ("Convolution", "GroupConvolution", "ConvolutionBackpropData", "GroupConvolutionBackpropData"), _convolution
    ),
}
