"""Quantization that models write out in real arithmetic is recognized, and products of bytes stay integers.

Exporters write  (Convert(q) - zero) * scale  for real numbers of bytes, and
Convert(Clamp(Round(x / scale) + zero))  for bytes of real numbers. A convolution or matrix product between the two,
with constant weights of bytes, becomes one QuantizedProduct. What has no integer kernel reads real numbers: it is
dequantized there, in one pass with whatever element-wise operators follow.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import NamedTuple

import numpy as np

from ...graph import Constant, Model, Node, Output
from ...graph.operator import Array
from ...ops.fused import Activation, activation_of
from ...ops.quantized import Dequantize, Quantize, QuantizedProduct
from ...types import Type
from .match import Users, constant, is_op, name_of, operands, single

BYTES = (Type.u8, Type.i8)
PRODUCTS = frozenset({"Convolution", "GroupConvolution", "MatMul"})
FEWEST_CHANNELS = 4  # of a group: with fewer, what is in the way of the bytes costs more than they save


class Real(NamedTuple):
    """Real numbers (data - zero) * scale; zero and scale in shapes that broadcast to data.

    dynamic: the zero point where it is one byte that is not constant; `zero` is 0 then.
    """

    data: Output
    scale: Array
    zero: Array
    dynamic: Output | None = None


class Bytes(NamedTuple):
    """Bytes round(data / scale) + zero; `end` is the tensor that holds them."""

    data: Output
    scale: Array
    zero: int
    end: Output


def quantize_products(model: Model) -> None:
    """See above. To come before constants of bytes are folded."""
    for node in model.get_ordered_ops():
        _recognize(node)
    _make_unsigned(model)
    users = Users(model)
    for node in model.get_ordered_ops():
        if node.op.type in PRODUCTS and len(node.sources) == 2:
            _quantize(node, users)


def dequantized(output: Output) -> Real | None:
    """The bytes and their quantization that a tensor of real numbers is computed from."""
    scale, zero = np.ones((), np.float32), np.zeros((), np.float32)
    if is_op(output, "Multiply"):
        pair = operands(output.node)
        if pair is None or pair[1].dtype != np.float32:
            return None
        output, scale = pair
    if is_op(output, "Dequantize"):
        op = output.node.op
        assert isinstance(op, Dequantize)
        return Real(output.node.sources[0], scale * np.float32(op.scale), np.asarray(op.zero, np.float32))
    dynamic = None
    if is_op(output, "Subtract"):
        output, subtracted = output.node.sources
        found = constant(subtracted)
        if found is not None:
            zero = found.astype(np.float32)
        elif is_op(subtracted, "Convert") and subtracted.partial_shape.is_static and prod(subtracted.shape) == 1:
            dynamic = subtracted.node.sources[0]
            if dynamic.element_type is not Type.u8:
                return None
        else:
            return None
    if not is_op(output, "Convert") or output.element_type not in (Type.f32, Type.i32):
        return None
    data = output.node.sources[0]
    return Real(data, scale, zero, dynamic) if data.element_type in BYTES else None


def quantized(end: Output) -> Bytes | None:
    """The real numbers and the quantization that a tensor of bytes is computed from."""
    op = end.node.op
    if isinstance(op, Quantize):
        return Bytes(end.node.sources[0], np.asarray(op.scale, np.float32), op.zero, end)
    if not is_op(end, "Convert") or end.element_type not in BYTES or not is_op(end.node.sources[0], "Clamp"):
        return None
    limits, clamp = np.iinfo(end.element_type.to_dtype()), end.node.sources[0].node
    if (clamp.op.attributes()["min"], clamp.op.attributes()["max"]) != (limits.min, limits.max):
        return None
    inner, zero = clamp.sources[0], 0.0
    if is_op(inner, "Add"):
        pair = operands(inner.node)
        if pair is None or pair[1].size != 1:
            return None
        inner, zero = pair[0], float(pair[1].flat[0])
    if not is_op(inner, "Round") or inner.node.op.attributes()["mode"] != "half_to_even" or zero != int(zero):
        return None
    inner = inner.node.sources[0]
    if not is_op(inner, "Divide") or inner.element_type is not Type.f32:
        return None
    scale = constant(inner.node.sources[1])
    return None if scale is None else Bytes(inner.node.sources[0], scale, int(zero), end)


def _recognize(node: Node) -> None:
    """Replaces quantization of a whole tensor by one operator."""
    if node.op.type in ("Multiply", "Subtract"):
        real = dequantized(node.output(0))
        if real is None or isinstance(real.data.node, Constant) or real.scale.size * real.zero.size != 1:
            return
        if real.dynamic is not None or node.output(0).element_type is not Type.f32:
            return
        rank = real.data.partial_shape
        if not rank.has_rank or max(real.scale.ndim, real.zero.ndim) > len(rank):
            return
        op = Dequantize(float(real.scale.flat[0]), int(real.zero.flat[0]))
        node.output(0).replace(Node(op, [real.data], node.friendly_name).output(0))
    elif node.op.type == "Convert":
        found = quantized(node.output(0))
        if found is not None and found.scale.size == 1 and found.scale.ndim == 0:
            made = Quantize(float(found.scale), found.zero, found.end.element_type)
            found.end.replace(Node(made, [found.data], node.friendly_name).output(0))


def _make_unsigned(model: Model) -> None:
    """Signed bytes that only Dequantize reads become unsigned ones, whose zero is 128 greater: kernels take those."""
    users = Users(model)
    for node in model.get_ordered_ops():
        if not isinstance(node.op, Quantize) or node.op.element_type is not Type.i8:
            continue
        readers = users.of(node.output(0))
        if readers and all(isinstance(reader.op, Dequantize) for reader in readers):
            node.op = replace(node.op, zero=node.op.zero + 128, element_type=Type.u8)
            node.infer()
            for reader in readers:
                assert isinstance(reader.op, Dequantize)
                reader.op = replace(reader.op, zero=reader.op.zero + 128)


def _quantize(node: Node, users: Users) -> None:
    """Makes a product of real numbers that were bytes one of the bytes themselves, with what follows it."""
    x, weights = dequantized(node.sources[0]), _weights(node.sources[1])
    if x is None or weights is None or x.data.element_type is not Type.u8 or x.scale.size != 1 or x.zero.size != 1:
        return
    if x.dynamic is not None and node.op.type != "MatMul" or weights.dynamic is not None:
        return
    centred = _centred(weights)
    channels = None if centred is None else _channels(node, centred)
    if centred is None or channels is None:
        return
    scales = _per_channel(node, weights.scale, centred.ndim, channels)
    if scales is None:
        return
    scales = scales * np.float32(x.scale.flat[0])
    end = _sums(node.output(0), users)
    if end.element_type is not Type.f32:
        return
    end, bias = _bias(node, end, users, channels)
    end, activation = _activation(end, users)
    op = QuantizedProduct(node.op, int(x.zero.flat[0]), activation=activation)
    shifts, rest = _whole(bias, scales)
    finish = _quantization(end, users)
    if finish is not None and activation is not None and activation.kind != "clamp" and finish.scale.size == 1:
        step = float(finish.scale.flat[0])
        op = replace(op, multiplier=1 / step, zero=finish.zero, element_type=finish.end.element_type)
        end = finish.end
    elif finish is not None and (steps := _steps(node, finish, activation, channels)) is not None:
        if activation is not None:
            activation = Activation("clamp", activation.alpha / float(steps[0]), activation.beta / float(steps[0]))
        op = replace(op, activation=activation, zero=finish.zero, element_type=finish.end.element_type)
        scales, rest, end = scales / steps, None if rest is None else rest / steps, finish.end
    sources = [x.data, _constant(centred), _constant(shifts), _constant(scales)]
    if rest is not None:
        op, sources = replace(op, bias=True), [*sources, _constant(rest)]
    if x.dynamic is not None:
        op, sources = replace(op, dynamic=True), [*sources, x.dynamic]
    end.replace(Node(op, sources, name_of(node, end.node)).output(0))


def _steps(node: Node, finish: Bytes, activation: Activation | None, channels: int) -> Array | None:
    """The scale of the result's bytes for each channel, where it may be taken into the sums' scales."""
    if finish.scale.size == 1:
        return np.full(channels, finish.scale.flat[0], np.float32)
    return None if activation is not None else _along_channels(node, finish.scale, channels)


def _weights(output: Output) -> Real | None:
    """The same for weights, which a Reshape may divide into groups."""
    if not is_op(output, "Reshape"):
        return dequantized(output)
    found = dequantized(output.node.sources[0])
    shape = output.partial_shape
    if found is None or not isinstance(found.data.node, Constant) or not shape.is_static:
        return None
    before, after = tuple(found.data.shape), tuple(shape.to_shape())
    if len(after) != len(before) + 1 or after[2:] != before[1:]:
        return None
    array = constant(found.data)
    assert array is not None
    return Real(
        _constant(array.reshape(after)), _grouped(found.scale, before, after), _grouped(found.zero, before, after)
    )


def _grouped(array: Array, before: tuple[int, ...], after: tuple[int, ...]) -> Array:
    """Reshapes what broadcasts to an array so that it broadcasts to the array with its first axis divided in two."""
    if array.size == 1:
        return array.reshape(())
    lengths = (1,) * (len(before) - array.ndim) + array.shape
    return array.reshape(*(after[:2] if lengths[0] == before[0] else (1, 1)), *lengths[1:])


def _constant(array: Array) -> Output:
    return Constant.of(np.asarray(array, order="C")).output(0)


def _centred(weights: Real) -> Array | None:
    """Constant weights less their zero point: signed bytes, or i16 that are the sums of two; None for others."""
    if not isinstance(weights.data.node, Constant):
        return None
    array = constant(weights.data)
    assert array is not None
    shifted = array.astype(np.int32) - weights.zero.astype(np.int32)
    if shifted.shape != array.shape or shifted.min(initial=0) < -256 or shifted.max(initial=0) > 254:
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
        return int(weights.shape[0] * weights.shape[1]) if weights.shape[2] >= FEWEST_CHANNELS else None
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
    if scale.size != channels or int(np.prod(along)) != channels:
        return None
    return np.asarray(scale, np.float32).reshape(-1)


def _sums(end: Output, users: Users) -> Output:
    """Sums of integers behind their conversions: to i32, which holds them, and to f32, which comes to the same."""
    follower = users.only(end)
    while follower is not None and follower.op.type == "Convert" and end.element_type in (Type.f32, Type.i32):
        if follower.output(0).element_type not in (Type.f32, Type.i32):
            break
        end = follower.output(0)
        follower = users.only(end)
    return end


def _bias(node: Node, end: Output, users: Users, channels: int) -> tuple[Output, Array | None]:
    """Finds the additions of one constant a channel to `end`: the last of them, and the constants."""
    follower = users.only(end)
    pair = operands(follower) if follower is not None and follower.op.type == "Add" else None
    if follower is None or pair is None or pair[0] is not end:
        return end, None
    bias = _along_channels(node, pair[1], channels)
    return (end, None) if bias is None else (follower.output(0), bias)


def _along_channels(node: Node, array: Array, channels: int) -> Array | None:
    """A constant that broadcasts to the product as one f32 a channel; None when it differs within a channel."""
    shape = node.output(0).partial_shape
    if not shape.has_rank or array.ndim > len(shape):
        return None
    lengths = (1,) * (len(shape) - array.ndim) + array.shape
    axis = len(shape) - 1 if node.op.type == "MatMul" else 1
    if any(length != 1 for place, length in enumerate(lengths) if place != axis):
        return None
    return np.array(np.broadcast_to(array.reshape(-1), (channels,)), np.float32, order="C")


def _activation(end: Output, users: Users) -> tuple[Output, Activation | None]:
    follower = users.only(end)
    if follower is None or not follower.outputs() or follower.sources[0] is not end or follower.op.type == "Clamp":
        return end, None
    kind = activation_of(follower.op, [single(source) for source in follower.sources[1:]])
    return (end, None) if kind is None else (follower.output(0), kind)


def _whole(bias: Array | None, scales: Array) -> tuple[Array, Array | None]:
    """A bias as whole numbers of the sums' steps, and what is left to add behind: a bias that was quantized so, which
    exporters do, is a part of the exact sum."""
    if bias is None:
        return np.zeros(len(scales), np.int32), None
    with np.errstate(all="ignore"):
        steps = np.rint(bias.astype(np.float64) / scales)
        near = np.abs(steps * scales.astype(np.float64) - bias) <= 1e-6 * np.abs(bias)
    if np.isfinite(steps).all() and near.all() and np.abs(steps).max(initial=0) < 2**31:
        return steps.astype(np.int32), None
    return np.zeros(len(scales), np.int32), bias


def _quantization(end: Output, users: Users) -> Bytes | None:
    """The quantization that alone follows a tensor: up to five operators, each the only reader of the one before."""
    place = end
    for _ in range(5):
        follower = users.only(place)
        if follower is None or len(follower.outputs()) != 1:
            return None
        place = follower.output(0)
        if place.element_type in BYTES:
            found = quantized(place)
            return found if found is not None and found.data is end else None
    return None
