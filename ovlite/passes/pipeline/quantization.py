"""Quantization that models write out in real arithmetic is recognized, and bytes stay bytes where they only move.

Exporters write  (Convert(q) - zero) * scale  for real numbers of bytes, and
Convert(Clamp(Round(x / scale) + zero))  for bytes of real numbers. Of a whole tensor they become one operator each.
What only moves elements, or takes the largest, moves the bytes: Dequantize goes behind it, and where that is not
possible Quantize goes in front of it.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from ...graph import Constant, Model, Node, Output
from ...graph.operator import Array
from ...ops.quantized import Dequantize, Quantize
from ...records import replace
from ...types import Type
from .match import Users, constant, is_op, operands

BYTES = (Type.u8, Type.i8)
MOST_ZERO = 255  # zero points that integer arithmetic takes
MOVES = frozenset(
    {
        "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Slice", "StridedSlice", "Split", "VariadicSplit", "Concat",
        "Tile", "Broadcast", "Gather", "DepthToSpace", "SpaceToDepth", "ShuffleChannels", "MaxPool", "Interpolate",
    }
)  # fmt: skip


class Real(NamedTuple):
    """Real numbers (data - zero) * scale; zero and scale in shapes that broadcast to data.

    dynamic: the zero point where it is one byte that is not constant; `zero` is 0 then.
    """

    data: Output
    scale: Array
    zero: Array
    dynamic: Output | None = None

    @property
    def whole(self) -> bool:
        """True when zero is of integers, as arithmetic of bytes needs it: the mean of an image may be 127.5."""
        return bool((np.abs(self.zero) <= MOST_ZERO).all() and (self.zero == np.trunc(self.zero)).all())


class Bytes(NamedTuple):
    """Bytes round(data / scale) + zero; `end` is the tensor that holds them."""

    data: Output
    scale: Array
    zero: int
    end: Output


def recognize_quantization(model: Model) -> None:
    """See above. To come before constants of bytes are folded."""
    if not holds_bytes(model):
        return
    for node in model.get_ordered_ops():
        _recognize(node)
    _share_quantization(model)
    users = Users(model)
    for node in model.get_ordered_ops():
        _push_dequantization(node, users)
        _cancel(node)
    users = Users(model)
    for node in reversed(model.get_ordered_ops()):
        _pull_quantization(node, users)
    _make_unsigned(model)


def holds_bytes(model: Model) -> bool:
    """Whether there is a tensor of bytes, without which nothing is quantized."""
    return any(output.element_type in BYTES for node in model.get_ordered_ops() for output in node.outputs())


def dequantized(output: Output) -> Real | None:
    """The bytes and their quantization that a tensor of real numbers, of as many, is computed from."""
    real = _real(output)
    return real if real is not None and real.data.partial_shape == output.partial_shape else None


def _real(output: Output) -> Real | None:
    """The same where scale and zero point may stretch the bytes, or add axes."""
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
    if not is_op(inner, "Round") or inner.node.op.attributes()["mode"] != "half_to_even" or not zero.is_integer():
        return None
    inner = inner.node.sources[0]
    if not is_op(inner, "Divide") or inner.element_type is not Type.f32:
        return None
    data, scale = inner.node.sources[0], constant(inner.node.sources[1])
    as_many = data.partial_shape == end.partial_shape
    return Bytes(data, scale, int(zero), end) if scale is not None and as_many else None


def _recognize(node: Node) -> None:
    """Replaces quantization of a whole tensor by one operator."""
    if node.op.type in ("Multiply", "Subtract"):
        real = dequantized(node.output(0))
        if real is None or isinstance(real.data.node, Constant) or real.scale.size * real.zero.size != 1:
            return
        if real.dynamic is not None or not real.whole or node.output(0).element_type is not Type.f32:
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


def _share_quantization(model: Model) -> None:
    """One Quantize, one Dequantize of a tensor, where there are several that give the same."""
    seen: dict[tuple[Output, Quantize | Dequantize], Output] = {}
    for node in model.get_ordered_ops():
        if isinstance(node.op, (Quantize, Dequantize)):
            first = seen.setdefault((node.sources[0], node.op), node.output(0))
            if first is not node.output(0):
                _put(node, first)


def _put(node: Node, replacement: Output) -> None:
    """Lets all who read the node's output read the replacement."""
    node.output(0).replace(replacement)
    node.set_sources([])


def _moved(node: Node) -> list[int]:
    """The inputs whose elements the node only moves, or takes the largest of."""
    if node.op.type not in MOVES or node.op.type == "Interpolate" and node.op.attributes()["mode"] != "nearest":
        return []
    return [*range(len(node.sources))] if node.op.type == "Concat" else [0]


def _push_dequantization(node: Node, users: Users) -> None:
    """Dequantize in front of a node that moves its elements goes behind it."""
    places = _moved(node)
    ops = {node.sources[i].node.op for i in places}
    types = {node.sources[i].node.sources[0].element_type for i in places if node.sources[i].node.sources}
    if len(ops) != 1 or len(types) != 1 or not isinstance(op := ops.pop(), Dequantize):
        return
    _read_bytes(node, {i: node.sources[i].node.sources[0] for i in places})
    for output in node.outputs():
        if output.element_type in BYTES:
            real = Node(op, [output], node.friendly_name).output(0)
            for reader in users.of(output):
                reader.set_sources([real if source is output else source for source in reader.sources])


def _read_bytes(node: Node, sources: dict[int, Output]) -> None:
    """Lets a node that moves elements move these."""
    node.set_sources([sources.get(i, source) for i, source in enumerate(node.sources)])
    node.infer()


def _cancel(node: Node) -> None:
    """Bytes that are made real and the same bytes again are just those."""
    if isinstance(node.op, Quantize):
        found = _bytes_behind(node.sources[0], node.op)
        if found is not None:
            _put(node, found)


def _bytes_behind(output: Output, op: Quantize) -> Output | None:
    """The bytes that a tensor was dequantized from, if `op` gives just those."""
    if not isinstance(output.node.op, Dequantize):
        return None
    data, before = output.node.sources[0], output.node.op
    same = (before.scale, before.zero, data.element_type) == (op.scale, op.zero, op.element_type)
    return data if same else None


def _pull_quantization(node: Node, users: Users) -> None:
    """Quantize behind a node that moves its elements goes in front of it, where nobody wants the real numbers."""
    places = _moved(node)
    if not places or any(users.of(output) for output in node.outputs()[1:]):
        return
    readers = users.of(node.output(0))
    ops = {reader.op for reader in readers}
    if len(ops) != 1 or not isinstance(op := ops.pop(), Quantize):
        return
    sources = [node.sources[i] for i in places]
    if not all(isinstance(x.node.op, Dequantize) or users.only(x) is node for x in sources):
        return
    users.set(node.output(0), [user for reader in readers for user in users.of(reader.output(0))])
    for reader in readers:
        _put(reader, node.output(0))
    coded = [_bytes_behind(x, op) or Node(op, [x], f"{node.friendly_name}/quantized").output(0) for x in sources]
    _read_bytes(node, dict(zip(places, coded, strict=True)))
    for real, code in zip(sources, coded, strict=True):
        made = code.node.sources[:1] == [real]
        users.set(real, [user for user in users.of(real) if user is not node] + [code.node] * made)
        users.set(code, [*users.of(code), node])


def _make_unsigned(model: Model) -> None:
    """Signed bytes that are only moved and dequantized become unsigned ones, whose zero is 128 greater: kernels take
    those."""
    users = Users(model)
    flipped = _flippable(model, users)
    for node in model.get_ordered_ops():
        if isinstance(node.op, Quantize) and node.output(0) in flipped:
            node.op = replace(node.op, zero=node.op.zero + 128, element_type=Type.u8)
            node.infer()
        elif isinstance(node.op, Dequantize) and node.sources[0] in flipped:
            node.op = replace(node.op, zero=node.op.zero + 128)
        elif any(output in flipped for output in node.outputs()):
            node.infer()


def _flippable(model: Model, users: Users) -> set[Output]:
    """Tensors of signed bytes that come from Quantize and go to Dequantize alone, or between nodes that move them."""
    nodes = model.get_ordered_ops()
    found = {
        output
        for node in nodes
        if isinstance(node.op, Quantize) or _moved(node)
        for output in node.outputs()
        if output.element_type is Type.i8
    }
    while True:
        wrong = {output for output in found if not _flips(output, found, users)}
        if not wrong:
            return found
        found -= wrong


def _flips(output: Output, found: set[Output], users: Users) -> bool:
    """Whether a tensor's bytes can be flipped, if those in `found` are."""
    if not all(output.node.sources[i] in found for i in _moved(output.node)):
        return False
    for reader in users.of(output):
        places = _moved(reader)
        moved = bool(places) and all(source is not output or i in places for i, source in enumerate(reader.sources))
        if not isinstance(reader.op, Dequantize) and not (moved and set(_byte_outputs(reader)) <= found):
            return False
    return bool(users.of(output))


def _byte_outputs(node: Node) -> list[Output]:
    return [output for output in node.outputs() if output.element_type in BYTES]
