"""Scales and shifts behind a convolution or matrix product become part of its weights and bias.

    (W x) * s + t  =  (s W) x + t        s and t one value per output channel

Chains of Multiply, Add, Subtract and Divide by such constants are followed as far as nothing else
reads the values between. The bias becomes the third input of a Fused operator.
"""

from __future__ import annotations

import numpy as np

from ...graph import Constant, Model, Node, Output
from ...graph.constants import ScaledConstant
from ...graph.operator import Array
from ...ops.compressed import CompressedMatMul
from ...ops.fused import Fused, operands_of
from ...records import dataclass
from .match import MATRIX_TYPES, Users, constant, name_of

MATRICES = frozenset({"CompressedMatMul", "MatMul"})  # whose channels are the last axis
LARGE = 1 << 14  # weights of a convolution that are scaled when they are packed, and not before


@dataclass
class Affine:
    """y = x * scale + shift per channel, in f64."""

    scale: Array
    shift: Array
    end: Output


def fold_affine(model: Model) -> None:
    users = Users(model)
    for node in model.get_ordered_ops():
        if node.op.type in MATRIX_TYPES:
            _fold(node, users)


def _fold(node: Node, users: Users) -> None:
    place = _scaled(node)
    weights = constant(node.sources[place])
    channels = _channels(node, weights)
    if weights is None or channels is None or len(node.sources) != operands_of(node.op):
        return
    matrices = node.op.type in MATRICES
    affine = _follow(node.output(0), channels, matrices, users)
    if affine.end is node.output(0):
        return
    sources = list(node.sources)
    if (affine.scale != 1).any():
        scaled = _product(node, weights, affine.scale.reshape(_weight_shape(node, weights)))
        if scaled is None:
            return
        sources[place] = scaled.output(0)
    has_bias = bool((affine.shift != 0).any())
    if has_bias:
        rank = len(node.output(0).partial_shape)
        shape = (channels,) if matrices else (1, channels, *(1,) * (rank - 2))
        sources.append(Constant.of(affine.shift.astype(weights.dtype).reshape(shape)).output(0))
    fused = Node.typed(Fused(node.op, bias=has_bias), sources, node.output(0), name_of(node, affine.end.node))
    affine.end.replace(fused.output(0))


def _product(node: Node, weights: Array, factors: Array) -> Constant | None:
    """The weights times factors as a constant; None where a product is no finite number, or may be none."""
    if node.op.type == "Convolution" and weights.size >= LARGE:
        largest = max(float(weights.max()), -float(weights.min())) * float(np.abs(factors).max())
        return ScaledConstant(weights, factors) if largest <= np.finfo(np.float32).max else None
    scaled = np.multiply(weights, factors, out=np.empty_like(weights), dtype=np.float64, casting="same_kind")
    return Constant.of(scaled) if np.isfinite(scaled).all() else None


def _scaled(node: Node) -> int:
    """The input that factors of the result multiply: the weights, or the scales that they are stored with."""
    return 2 if isinstance(node.op, CompressedMatMul) else 1


def _channels(node: Node, weights: Array | None) -> int | None:
    """Length of the output's channel axis: 1 for the convolutions, the last for products by a constant matrix."""
    shape = node.output(0).partial_shape
    if weights is None or weights.dtype != np.float32 or not shape.has_rank or len(shape) < 2:
        return None
    if node.op.type == "CompressedMatMul":
        return int(weights.shape[0])
    if node.op.type == "MatMul":
        if weights.ndim != 2:
            return None
        return int(weights.shape[0] if node.op.attributes()["transpose_b"] else weights.shape[1])
    return shape[1].min_length if shape[1].is_static else None


def _weight_shape(node: Node, weights: Array) -> tuple[int, ...]:
    """The shape in which one factor per output channel multiplies the weights."""
    rest = (1,) * (weights.ndim - 2)
    kind = node.op.type
    if kind == "CompressedMatMul":
        return (-1, 1)
    if kind == "MatMul":
        return (-1, 1) if node.op.attributes()["transpose_b"] else (1, -1)
    if kind == "Convolution":
        return (-1, 1, *rest)
    if kind == "ConvolutionBackpropData":
        return (1, -1, *rest)
    groups = weights.shape[0]
    if kind == "GroupConvolution":
        return (groups, weights.shape[1], 1, *(1,) * (weights.ndim - 3))
    return (groups, 1, weights.shape[2], *(1,) * (weights.ndim - 3))


def _follow(start: Output, channels: int, last: bool, users: Users) -> Affine:
    """The scales and shifts that follow a tensor, one user after the other."""
    affine = Affine(np.ones(channels), np.zeros(channels), start)
    rank = len(start.partial_shape)
    while True:
        user = users.only(affine.end)
        if user is None or user.op.type not in ("Multiply", "Add", "Subtract", "Divide"):
            return affine
        left, right = user.sources
        value = constant(right if left is affine.end else left)
        vector = None if value is None else _per_channel(value, channels, rank, last)
        if vector is None or (user.op.type == "Divide" and (vector == 0).any()):
            return affine
        if user.op.type in ("Subtract", "Divide") and left is not affine.end:
            if user.op.type == "Divide":
                return affine
            affine.scale, affine.shift = -affine.scale, vector - affine.shift
        elif user.op.type == "Multiply":
            affine.scale, affine.shift = affine.scale * vector, affine.shift * vector
        elif user.op.type == "Divide":
            affine.scale, affine.shift = affine.scale / vector, affine.shift / vector
        else:
            affine.shift = affine.shift + (vector if user.op.type == "Add" else -vector)
        affine.end = user.output(0)


def _per_channel(value: Array, channels: int, rank: int, last: bool) -> Array | None:
    """The constant as one finite value per channel, None when it varies along other axes."""
    if value.ndim > rank or value.dtype.kind != "f" or not np.isfinite(value).all():
        return None
    shape = (1,) * (rank - value.ndim) + value.shape
    axis = rank - 1 if last else 1
    if any(length != 1 for i, length in enumerate(shape) if i != axis) or shape[axis] not in (1, channels):
        return None
    return np.broadcast_to(value.astype(np.float64).ravel(), (channels,))
