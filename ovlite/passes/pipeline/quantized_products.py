"""Products of bytes stay integers.

A convolution or matrix product of real numbers that were bytes, with constant weights of bytes, becomes one
QuantizedProduct of the bytes themselves, with the element-wise operators that follow it as its stages. What has no
integer kernel reads real numbers: it is dequantized there, in one pass with whatever element-wise operators follow.
A matrix product of two operands that were bytes is one of integers as well.
"""

from __future__ import annotations

from dataclasses import field
from math import prod
from typing import cast

import numpy as np

from ...graph import Constant, Model, Node, Output
from ...graph.operator import Array
from ...ops.fused import activation_of
from ...ops.quantized import Activate, AddResidual, Dequantize, Quantize, QuantizedProduct, Round, ScaleChannels, Stage
from ...records import dataclass, replace
from ...types import Type
from .making import literal
from .match import Users, constant, is_op, name_of, operands, single
from .quantization import BYTES, Real, dequantized, holds_bytes, quantized

PRODUCTS = frozenset({"Convolution", "GroupConvolution", "MatMul"})
FEWEST_CHANNELS = 4  # of a group, but for one channel to one; else what is in the way of the bytes costs too much
MOST_TAPS = 256  # of one channel: kernels keep such sums in f32, exactly
MOST_STAGES = 8  # that kernels take


@dataclass
class _Chain:
    """A product and what follows it, as far as it is taken into it.

    end: what the product gives so far. scales, bias: of each channel, up to the first stage. inputs: of the stages.
    """

    end: Output
    scales: Array
    bias: Array
    stages: list[Stage] = field(default_factory=list)
    inputs: list[Output] = field(default_factory=list)
    element_type: Type = Type.f32
    multiplier: float = 1.0
    zero: int = 0

    def copy(self) -> _Chain:
        return replace(self, stages=[*self.stages], inputs=[*self.inputs])


def quantize_products(model: Model) -> None:
    """See above. To come behind recognize_quantization and before constants of bytes are folded."""
    if not holds_bytes(model):
        return
    users = Users(model)
    order = {node: i for i, node in enumerate(model.get_ordered_ops())}
    for node in list(order):
        if node.op.type in PRODUCTS and len(node.sources) == 2:
            _quantize(node, users, order)


def _quantize(node: Node, users: Users, order: dict[Node, int]) -> None:
    """Makes a product of real numbers that were bytes one of the bytes themselves, with what follows it."""
    x, weights = dequantized(node.sources[0]), _weights(node.sources[1])
    if node.op.type == "MatMul" and x is not None and weights is not None and _both_vary(x, weights):
        if not _is_scores(node, users):
            _fuse(node, users, order, x, weights)
        return
    if x is None or weights is None or x.data.element_type is not Type.u8 or x.scale.size != 1 or x.zero.size != 1:
        return
    if not x.whole or weights.dynamic is not None:
        return
    centred = _centred(weights)
    channels = None if centred is None else _channels(node, centred)
    if centred is None or channels is None:
        return
    scales = _per_channel(node, weights.scale, centred.ndim, channels)
    if scales is not None:
        _fuse(node, users, order, x, Real(literal(centred), scales, np.zeros((), np.float32)))


def _fuse(node: Node, users: Users, order: dict[Node, int], x: Real, weights: Real) -> None:
    """Replaces a product and what follows it. The weights' scale is one f32 a channel, or one for all."""
    end = _sums(node.output(0), users)
    if end is None:
        return
    scales = weights.scale.reshape(-1) * np.float32(x.scale.flat[0])
    start = _Chain(end, scales, np.zeros(len(scales), np.float32))
    chain = _Follow(node, users, order, len(scales)).all_of(start)
    shifts, bias = _whole(chain.bias, chain.scales)
    op = QuantizedProduct(
        node.op, int(x.zero.flat[0]), tuple(chain.stages), x.dynamic is not None, chain.multiplier, chain.zero,
        chain.element_type, int(weights.zero.flat[0]), weights.dynamic is not None,
    )  # fmt: skip
    sources = [x.data, weights.data, *map(literal, (shifts, chain.scales, bias)), *chain.inputs]
    sources += [real.dynamic for real in (x, weights) if real.dynamic is not None]
    fused = Node(op, sources, name_of(node, chain.end.node))
    order[fused] = order[node]
    chain.end.replace(fused.output(0))


def _both_vary(x: Real, weights: Real) -> bool:
    """Whether both operands are known at run time only, of one scale and one zero point each."""
    return all(
        constant(real.data) is None and real.scale.size == real.zero.size == 1 and real.whole for real in (x, weights)
    )


def _is_scores(node: Node, users: Users) -> bool:
    """Whether a product gives the scores of an attention whose values are real: one kernel computes that as a whole."""
    follower = users.only(node.output(0))
    while follower is not None and follower.op.type in ("Add", "Divide", "Multiply", "Reshape", "Softmax"):
        if follower.op.type == "Softmax":
            after = users.only(follower.output(0))
            return after is not None and after.op.type == "MatMul"
        follower = users.only(follower.output(0))
    return False


class _Follow:
    """Takes what follows a product into it, one operator after the other.

    order: of all nodes; a residual has to be there before the product runs.
    """

    def __init__(self, node: Node, users: Users, order: dict[Node, int], channels: int) -> None:
        self.node, self.users, self.order, self.channels = node, users, order, channels

    def all_of(self, chain: _Chain) -> _Chain:
        """Up to bytes, or up to real numbers where more than Dequantize lies behind the bytes."""
        last = None
        while True:
            if chain.element_type is not Type.f32:
                last = chain.copy()
                if not self._dequantization(chain):
                    return last
            if not self._next(chain):
                break
        return last if last is not None and len(chain.stages) == len(last.stages) + 1 else chain

    def _next(self, chain: _Chain) -> bool:
        """Takes in one operator more; False when it is none that can be."""
        follower = self.users.only(chain.end)
        if follower is None or not follower.outputs() or len(chain.stages) >= MOST_STAGES - 1:
            return False
        return self._quantization(chain) or self._affine(chain, follower) or self._epilogue(chain, follower)

    def _affine(self, chain: _Chain, follower: Node) -> bool:
        """A multiplication by, or the addition of, one constant a channel."""
        if follower.op.type not in ("Multiply", "Add"):
            return False
        pair = operands(follower)
        values = (
            None if pair is None or pair[0] is not chain.end else _along_channels(self.node, pair[1], self.channels)
        )
        if values is None:
            return False
        none = np.zeros(self.channels, np.float32)
        scales, addends = (values, none) if follower.op.type == "Multiply" else (none + 1, values)
        if not chain.stages:
            chain.scales, chain.bias = chain.scales * scales, chain.bias * scales + addends
        elif isinstance(chain.stages[-1], ScaleChannels):
            before = [cast("Array", constant(source)) for source in chain.inputs[-2:]]
            chain.inputs[-2:] = map(literal, (before[0] * scales, before[1] * scales + addends))
        else:
            chain.stages.append(ScaleChannels())
            chain.inputs += map(literal, (scales, addends))
        chain.end = follower.output(0)
        return True

    def _epilogue(self, chain: _Chain, follower: Node) -> bool:
        """A residual or an activation."""
        if follower.op.type == "Add":
            return self._residual(chain, follower)
        if follower.sources[0] is not chain.end:
            return False
        kind = activation_of(follower.op, [single(source) for source in follower.sources[1:]])
        if kind is None:
            return False
        chain.stages.append(Activate(kind))
        chain.end = follower.output(0)
        return True

    def _residual(self, chain: _Chain, follower: Node) -> bool:
        left, right = follower.sources
        other = right if left is chain.end else left
        if other is chain.end or any(isinstance(stage, AddResidual) for stage in chain.stages):
            return False
        if other.partial_shape != chain.end.partial_shape or other.partial_shape != follower.output(0).partial_shape:
            return False
        scale, zero = 1.0, 0
        if isinstance(other.node.op, Dequantize):
            scale, zero, other = other.node.op.scale, other.node.op.zero, other.node.sources[0]
        elif other.element_type is not Type.f32:
            return False
        if constant(other) is not None or self.order.get(other.node, len(self.order)) >= self.order[self.node]:
            return False
        chain.stages.append(AddResidual(scale, zero))
        chain.inputs.append(other)
        chain.end = follower.output(0)
        return True

    def _quantization(self, chain: _Chain) -> bool:
        """The quantization that alone follows a tensor: up to five operators, each the only reader of the one
        before."""
        place = chain.end
        for _ in range(5):
            follower = self.users.only(place)
            if follower is None or len(follower.outputs()) != 1:
                return False
            place = follower.output(0)
            if place.element_type in BYTES:
                break
        found = quantized(place) if place.element_type in BYTES else None
        if found is None or found.data is not chain.end:
            return False
        if found.scale.size == 1:
            chain.multiplier = float(1 / found.scale.flat[0])
        elif (steps := _along_channels(self.node, found.scale, self.channels)) is None:
            return False
        else:
            chain.stages.append(ScaleChannels())
            chain.inputs += map(literal, (1 / steps, 0 * steps))
        chain.end, chain.zero, chain.element_type = found.end, found.zero, found.end.element_type
        return True

    def _dequantization(self, chain: _Chain) -> bool:
        """Bytes that only Dequantize reads become a stage."""
        follower, source = self.users.only(chain.end), chain.end.node
        if follower is None or not isinstance(follower.op, Dequantize) or not isinstance(source.op, Quantize):
            return False
        limits = np.iinfo(chain.element_type.to_dtype())
        if (follower.op.scale, follower.op.zero) != (source.op.scale, source.op.zero):
            return False
        chain.stages.append(Round(source.op.scale, source.op.zero, int(limits.min), int(limits.max)))
        chain.end, chain.element_type, chain.multiplier, chain.zero = follower.output(0), Type.f32, 1.0, 0
        return True


def _weights(output: Output) -> Real | None:
    """The same for weights, which a Reshape may divide into groups."""
    if not is_op(output, "Reshape"):
        return dequantized(output)
    found = dequantized(output.node.sources[0])
    shape = output.partial_shape
    if found is None or found.dynamic is not None or not isinstance(found.data.node, Constant) or not shape.is_static:
        return None
    before, after = tuple(found.data.shape), tuple(shape.to_shape())
    if len(after) != len(before) + 1 or after[2:] != before[1:]:
        return None
    array = constant(found.data)
    assert array is not None
    return Real(
        literal(array.reshape(after)), _grouped(found.scale, before, after), _grouped(found.zero, before, after)
    )


def _grouped(array: Array, before: tuple[int, ...], after: tuple[int, ...]) -> Array:
    """What broadcasts to an array of one shape as what broadcasts to it with its first axis divided in two."""
    if array.size == 1:
        return array.reshape(())
    lengths = (1,) * (len(before) - array.ndim) + array.shape
    return array.reshape(*(after[:2] if lengths[0] == before[0] else (1, 1)), *lengths[1:])


def _centred(weights: Real) -> Array | None:
    """Constant weights less their zero point: signed bytes, or i16 that are the sums of some; None for others."""
    if not isinstance(weights.data.node, Constant) or not weights.whole:
        return None
    array = constant(weights.data)
    assert array is not None
    shifted = array.astype(np.int32) - weights.zero.astype(np.int32)
    if shifted.shape != array.shape or shifted.min(initial=0) < -256 or shifted.max(initial=0) > 255:
        return None
    fits = shifted.min(initial=0) >= -128 and shifted.max(initial=0) <= 127
    return shifted.astype(np.int8 if fits else np.int16)


def _channels(node: Node, weights: Array) -> int | None:
    """Channels of the output; None for a product that is faster in real numbers."""
    if node.op.type == "MatMul":
        attributes = node.op.attributes()
        rank = node.sources[0].partial_shape
        if weights.ndim != 2 or attributes["transpose_a"] or not rank.has_rank or len(rank) < 2:
            return None
        return int(weights.shape[0 if attributes["transpose_b"] else 1])
    if node.op.type == "GroupConvolution":
        columns, depth, *kernel = weights.shape[1:]
        depthwise = columns == depth == 1 and prod(kernel) <= MOST_TAPS
        return int(weights.shape[0] * columns) if depthwise or depth >= FEWEST_CHANNELS else None
    return int(weights.shape[0])


def _per_channel(node: Node, scale: Array, rank: int, channels: int) -> Array | None:
    """The weights' scale as one f32 a channel of the output; None when it differs within a channel."""
    if scale.size == 1:
        return np.full(channels, scale.flat[0], np.float32)
    if scale.ndim > rank:
        return None
    shape = (1,) * (rank - scale.ndim) + scale.shape
    if node.op.type == "MatMul":
        axes: tuple[int, ...] = (0,) if node.op.attributes()["transpose_b"] else (1,)
    else:
        axes = (0, 1) if node.op.type == "GroupConvolution" else (0,)
    along = [length for axis, length in enumerate(shape) if axis in axes]
    if scale.size != channels or prod(along) != channels:
        return None
    return np.asarray(scale, np.float32).reshape(-1)


def _sums(end: Output, users: Users) -> Output | None:
    """Sums of integers behind their conversions: to i32, which holds them, and to f32, which comes to the same. None
    where they are wanted as i32."""
    follower, last = users.only(end), None
    while follower is not None and follower.op.type == "Convert" and end.element_type in (Type.f32, Type.i32):
        if follower.output(0).element_type not in (Type.f32, Type.i32):
            break
        last = end if end.element_type is Type.f32 else last
        end = follower.output(0)
        follower = users.only(end)
    return end if end.element_type is Type.f32 else last


def _along_channels(node: Node, array: Array, channels: int) -> Array | None:
    """A constant that broadcasts to the product as one f32 a channel; None when it differs within a channel."""
    shape = node.output(0).partial_shape
    if not shape.has_rank or array.ndim > len(shape):
        return None
    lengths = (1,) * (len(shape) - array.ndim) + array.shape
    axis = len(shape) - 1 if node.op.type == "MatMul" else 1
    if any(length != 1 for place, length in enumerate(lengths) if place != axis) or array.size not in (1, channels):
        return None
    return np.array(np.broadcast_to(array.reshape(-1), (channels,)), np.float32, order="C")


def _whole(bias: Array, scales: Array) -> tuple[Array, Array]:
    """A bias as whole numbers of the sums' steps, and what is left to add behind: a bias that was quantized so, which
    exporters do, is a part of the exact sum."""
    steps = np.rint(bias.astype(np.float64) / scales)
    near = np.abs(steps * scales.astype(np.float64) - bias) <= 1e-6 * np.abs(bias)
    if np.isfinite(steps).all() and near.all() and np.abs(steps).max(initial=0) < 2**31:
        return steps.astype(np.int32), np.zeros(len(scales), np.float32)
    return np.zeros(len(scales), np.int32), np.asarray(bias, np.float32)
