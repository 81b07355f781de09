"""Nodes that change nothing, and nodes that others express."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...graph import Constant, Model, Node, Output
from ...ops import NEWEST_OPSET as NEWEST
from ...ops import factories
from ...ops.elementwise import Add, Multiply
from ...records import replace
from .making import literal, transposed
from .match import constant, is_op


def simplify(model: Model) -> None:
    """Drops what changes nothing; expresses batch normalization and FakeQuantize by element-wise operators."""
    for node in model.get_ordered_ops():
        if getattr(node.op, "auto_broadcast", None) == "pdpd":
            _align(node)
        rule = RULES.get(node.op.type)
        replacement = rule(node) if rule else None
        if replacement is not None:
            node.output(0).replace(replacement)


def _align(node: Node) -> None:
    """Gives operands that are aligned from the front the axes that make numpy's broadcast do the same."""
    shapes = [source.partial_shape for source in node.sources]
    whole = shapes[1 if node.op.type == "Select" else 0]  # the result's shape
    if not all(shape.has_rank and whole.has_rank and len(shape) <= len(whole) for shape in shapes):
        return
    aligned = []
    for source, shape in zip(node.sources, shapes, strict=True):
        behind = np.arange(len(shape), len(whole))
        aligned.append(factories(NEWEST)["unsqueeze"](source, behind).output(0) if behind.size else source)
    node.set_sources(aligned)
    node.op = replace(node.op, auto_broadcast="numpy")


def _convert(node: Node) -> Output | None:
    source = node.sources[0]
    return source if source.element_type is node.output(0).element_type else None


def _transpose(node: Node) -> Output | None:
    order = constant(node.sources[1])
    source = node.sources[0]
    if order is None or order.size == 0:
        return None
    if list(order) == list(range(order.size)):
        return source
    inner = constant(source.node.sources[1]) if is_op(source, "Transpose") else None
    return None if inner is None or inner.size == 0 else transposed(source, list(order), node.friendly_name)


def _same_shape(node: Node) -> Output | None:
    source, output = node.sources[0], node.output(0)
    static = source.partial_shape.is_static and output.partial_shape.is_static
    return source if static and source.partial_shape == output.partial_shape else None


def _batch_norm(node: Node) -> Output | None:
    """x * s + t, s = gamma / sqrt(variance + epsilon), t = beta - mean * s, per channel (axis 1)."""
    sources = dict(zip(getattr(node.op, "inputs"), node.sources, strict=True))  # noqa: B009 - of Declared operators
    data = sources["data"]
    arrays = [constant(sources[name]) for name in ("gamma", "beta", "mean", "variance")]
    if any(array is None for array in arrays) or not data.partial_shape.has_rank:
        return None
    gamma, beta, mean, variance = (np.asarray(array, np.float64) for array in arrays)
    scale = gamma / np.sqrt(variance + node.op.attributes()["epsilon"])
    shape = (-1,) + (1,) * (len(data.partial_shape) - 2)
    dtype = data.element_type.to_dtype()
    parts = [Constant.of(part.astype(dtype).reshape(shape)).output(0) for part in (scale, beta - mean * scale)]
    product = Node.typed(Multiply(), [data, parts[0]], node.output(0))
    return Node.typed(Add(), [product.output(0), parts[1]], node.output(0), node.friendly_name).output(0)


def _fake_quantize(node: Node) -> Output | None:
    """The formula of FakeQuantize, of constant ranges that are not empty and finite, in element-wise operators."""
    limits = [constant(source) for source in node.sources[1:]]
    if any(array is None for array in limits) or node.op.attributes()["auto_broadcast"] != "numpy":
        return None
    low, high, first, last = (array for array in limits if array is not None)
    steps, ops = low.dtype.type(node.op.attributes()["levels"] - 1), factories(NEWEST)
    if not ((low < high).all() and np.isfinite(high - low).all() and np.isfinite(last - first).all()):
        return None
    inside = ops["minimum"](ops["maximum"](node.sources[0], literal(low)), literal(high))
    part = ops["divide"](ops["subtract"](inside, literal(low)), literal(high - low))
    count = ops["round"](ops["multiply"](part, literal(np.asarray(steps))), "half_to_even")
    share = ops["multiply"](ops["divide"](count, literal(np.asarray(steps))), literal(last - first))
    return ops["add"](share, literal(first), name=node.friendly_name).output(0)


def _source(node: Node) -> Output:
    return node.sources[0]


RULES: dict[str, Callable[[Node], Output | None]] = {
    "Convert": _convert,
    "ConvertLike": _convert,
    "FakeQuantize": _fake_quantize,
    "Transpose": _transpose,
    "Reshape": _same_shape,
    "Squeeze": _same_shape,
    "Unsqueeze": _same_shape,
    "Broadcast": _same_shape,
    "Tile": _same_shape,
    "BatchNormInference": _batch_norm,
    "ZipMap": _source,
}
