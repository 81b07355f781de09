"""The convolution family as the plan sees it: what is fused into a call, and what it reads around an image."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .. import kernels
from ..graph import Argument, Operator
from ..graph.operator import Array
from ..kernels.runtime.phases import transpose_border
from ..kernels.runtime.step import BF16
from ..ops.fused import Activation, Fused, operands_of
from ..ops.quantized import QuantizedProduct
from ..types import PartialShape, Type
from .calls import Call, Tensor, found_once

Border = tuple[tuple[int, int], ...]

# The dtypes of images and filters that kernels take, quantized and not.
BYTES = frozenset({(np.dtype(np.uint8), np.dtype(np.int8)), (np.dtype(np.uint8), np.dtype(np.int16))})
REALS = frozenset({(np.dtype(np.float32), np.dtype(np.float32)), (BF16, np.dtype(np.float32))})
CONVOLUTIONS = frozenset({"Convolution", "GroupConvolution"})
TRANSPOSED = frozenset({"ConvolutionBackpropData", "GroupConvolutionBackpropData"})
SLIDING = CONVOLUTIONS | TRANSPOSED
MOST_PHASES = 4096  # of a transposed convolution, each of which is a step of some KiB, whatever is in it


class Matrix(NamedTuple):
    """A call of a matrix operator, fused or not, taken apart. bias: in the shape that its constant has."""

    op: Operator
    bias: Array | None
    residual: Tensor | None
    activation: Activation | None


@found_once
def matrix(call: Call) -> Matrix:
    """The matrix operator of a call and its epilogue."""
    if isinstance(call.op, QuantizedProduct):
        return Matrix(call.op.inner, None, call.op.residual(call.inputs), None)
    if not isinstance(call.op, Fused):
        return Matrix(call.op, None, None, None)
    rest = call.inputs[operands_of(call.op.inner) :]
    bias = rest[0].array if call.op.bias else None
    residual = rest[-1] if call.op.residual else None
    return Matrix(call.op.inner, bias, residual, call.op.activation)


@found_once
def is_broadcast(call: Call) -> bool:
    """True when a residual repeats the product: dynamic dimensions turned out to be 1. No kernel takes that."""
    if not isinstance(call.op, Fused) or not call.op.residual:
        return False
    inner, shapes = call.op.inner, [tensor.shape for tensor in call.inputs[: operands_of(call.op.inner)]]
    product = inner.quick_shape(shapes, [None] * len(shapes))
    if product is None:
        product = inner.infer([Argument(Type.f32, PartialShape(shape)) for shape in shapes])[0].shape._lengths()
    return product != call.outputs[0].shape


class Convolution(NamedTuple):
    """A convolution's geometry, groups brought into the shape of its constant weights.

    shape: (Cout, Cin / groups, *kernel), or (Cin, Cout / groups, *kernel) of a transposed one.
    """

    shape: tuple[int, ...]
    groups: int
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads_begin: tuple[int, ...]
    transposed: bool

    @property
    def kernel(self) -> tuple[int, ...]:
        return self.shape[2:]

    def border(self, x: Tensor, y: Tensor) -> Border:
        """Pixels of zeros that must lie around x."""
        family = kernels.family("convolution")
        shapes = x.shape[2:], y.shape[2:], self.kernel, self.strides, self.dilations, self.pads_begin
        needed = transpose_border(*shapes) if self.transposed else family.convolution_border(*shapes)
        return tuple(needed)


@found_once
def convolution(call: Call) -> Convolution | None:
    """The convolution of a call when the kernels take it: of f32, or of u8 by i8; with constant weights, 1 to 3
    spatial dimensions and a bounded number of phases."""
    op: Any = matrix(call).op
    if op.type not in SLIDING or is_broadcast(call):
        return None
    x, filters, y = call.inputs[0], call.inputs[1], call.outputs[0]
    quantized = isinstance(call.op, QuantizedProduct)
    known = BYTES if quantized else REALS
    if filters.origin is None or (x.dtype, filters.dtype) not in known or not 3 <= len(x.shape) <= 5:
        return None
    transposed = op.type in TRANSPOSED
    shape, groups = filters.shape, 1
    if op.grouped:
        groups, shape = shape[0], (shape[0] * shape[1], *shape[2:])
    kernel = shape[2:]
    strides, dilations, begin, _ = op.sliding(len(kernel))
    if transposed:
        if math.prod(strides) > MOST_PHASES:
            return None
        wanted = y.shape[2:] if len(call.inputs) > 2 and not isinstance(call.op, Fused) else None
        begin, _ = op.placement(x.shape[2:], kernel, wanted)
    elif op.auto_pad != "explicit":
        begin, _ = op.pads(x.shape[2:], kernel)
    return Convolution(shape, groups, tuple(strides), tuple(dilations), tuple(begin), transposed)
