"""FakeQuantize, which rounds real numbers to a few levels, becomes quantization to bytes and back.

It rounds to  low + n * step, 0 <= n < levels. Where that is  (n - zero) * step  with a whole zero point, n is a byte:
Quantize makes it, and Dequantize the real number. Constants become bytes at once. Other ranges, more than 256 levels,
and ranges that are computed at run time are evaluated in f32.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...graph import Model, Node, Output
from ...graph.operator import Array
from ...ops import NEWEST_OPSET as NEWEST
from ...ops import factories
from ...ops.quantization import FakeQuantize
from ...ops.quantized import Dequantize, Quantize
from ...types import Type
from .making import literal
from .match import constant, is_op

LEVELS = 256  # of a byte
TOLERANCE = 1e-3  # of a step by which a zero point may miss a whole number, since its range was rounded


class Steps(NamedTuple):
    """What n stands for: (n - zero) * step, arrays that broadcast to the data."""

    step: Array
    zero: Array

    @property
    def whole(self) -> bool:
        return bool((np.abs(self.zero - np.rint(self.zero)) <= TOLERANCE).all())


def integers_of_fake_quantization(model: Model) -> None:
    """See above. To come before constants of bytes are folded."""
    for node in model.get_ordered_ops():
        if isinstance(node.op, FakeQuantize) and node.op.levels <= LEVELS and node.op.auto_broadcast == "numpy":
            ranges = [constant(source) for source in node.sources[1:]]
            if node.output(0).element_type is Type.f32 and not any(array is None for array in ranges):
                low, high, first, last = (np.asarray(array, np.float64) for array in ranges)
                _replace(node, _steps(low, high, node.op.levels), _steps(first, last, node.op.levels))


def _steps(low: Array, high: Array, levels: int) -> Steps | None:
    """Steps of a range; None where it is empty or not finite."""
    step = (high - low) / (levels - 1)
    zero = -low / step
    return Steps(step, zero) if (step > 0).all() and np.isfinite(zero).all() else None


def _replace(node: Node, inner: Steps | None, outer: Steps | None) -> None:
    if inner is None or outer is None:
        return
    data = _stored(node.sources[0])
    if data is not None:
        _quantize_constant(node, data, outer)
    elif inner.whole and outer.whole and node.sources[0].partial_shape == node.output(0).partial_shape:
        zeros = [np.unique(np.rint(steps.zero)) for steps in (inner, outer)]
        if all(zero.size == 1 and 0 <= zero[0] < LEVELS for zero in zeros):
            _quantize(node, inner.step, outer.step, [int(zero[0]) for zero in zeros])


def _stored(output: Output) -> Array | None:
    """A constant's elements, which may be integers that Convert makes real."""
    return constant(output.node.sources[0] if is_op(output, "Convert") else output)


def _quantize_constant(node: Node, data: Array, outer: Steps) -> None:
    """The levels of a constant, as bytes, and what makes them real."""
    op, ops = node.op, factories(NEWEST)
    assert isinstance(op, FakeQuantize)
    limits = [array for source in node.sources[1:3] if (array := constant(source)) is not None]
    (levels,) = op.evaluate(data.astype(np.float32), *limits, np.zeros((), "f4"), np.full((), op.levels - 1, "f4"))
    zero = np.rint(outer.zero) if outer.whole else outer.zero
    wide = ops["convert"](literal(np.rint(levels).astype(np.uint8)), "f32")
    real = ops["subtract"](wide, literal(zero.astype(np.float32)))
    made = ops["multiply"](real, literal(outer.step.astype(np.float32)), name=node.friendly_name)
    node.output(0).replace(made.output(0))


def _quantize(node: Node, step: Array, real_step: Array, zeros: list[int]) -> None:
    """Quantize and Dequantize in the place of a node. Steps that differ between channels divide the data in front;
    depthwise convolutions, which alone take such bytes, are multiplied by them behind."""
    ops, op, x = factories(NEWEST), node.op, node.sources[0]
    assert isinstance(op, FakeQuantize)
    several = step.size > 1 or real_step.size > 1
    if several and not _channels(node, step, real_step):
        return
    if several:
        x = ops["multiply"](x, literal((1 / step).astype(np.float32))).output(0)
    unit, real_unit = (1.0, 1.0) if several else (float(step.flat[0]), float(real_step.flat[0]))
    if op.levels < LEVELS:
        x = ops["clamp"](x, -zeros[0] * unit, (op.levels - 1 - zeros[0]) * unit).output(0)
    coded = Node(Quantize(unit, zeros[0], Type.u8), [x], f"{node.friendly_name}/quantized").output(0)
    real = Node(Dequantize(real_unit, zeros[1]), [coded], node.friendly_name).output(0)
    if not several:
        node.output(0).replace(real)
        return
    for port in list(node.output(0).get_target_inputs()):
        reader = port.get_node()
        product = Node(reader.op, [real, *reader.sources[1:]], f"{reader.friendly_name}/integers")
        shape = product.output(0).partial_shape
        factors = np.broadcast_to(real_step, (1, shape[1].get_length(), *(1,) * (len(shape) - 2)))
        scaled = ops["multiply"](product, literal(factors.astype(np.float32)), name=reader.friendly_name)
        reader.output(0).replace(scaled.output(0))


def _channels(node: Node, *steps: Array) -> bool:
    """Whether steps differ only between channels, and depthwise convolutions alone read the result."""
    shape = node.output(0).partial_shape
    if not shape.has_rank or len(shape) < 3 or shape[1].is_dynamic:
        return False
    for step in steps:
        lengths = (1,) * (len(shape) - step.ndim) + step.shape
        if any(length != 1 for axis, length in enumerate(lengths) if axis != 1):
            return False
    ports = node.output(0).get_target_inputs()
    return bool(ports) and all(port.get_index() == 0 and _is_depthwise(port.get_node()) for port in ports)


def _is_depthwise(node: Node) -> bool:
    weights = node.sources[1].partial_shape if node.op.type == "GroupConvolution" else None
    return weights is not None and weights.is_static and tuple(weights.to_shape())[1:3] == (1, 1)
