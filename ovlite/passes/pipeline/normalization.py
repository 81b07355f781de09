"""Normalization that a model spells out in smaller operators, put back together.

c = x - mean(x);  y = c / sqrt(mean(c * c) + epsilon) * gamma + beta        LayerNorm: means over the last axis
                  y = x / sqrt(mean(x * x) + epsilon) * gamma               RMS, divided or times the inverse
"""

from __future__ import annotations

from ...graph import Constant, Model, Node, Output
from ...graph.operator import Array
from ...ops.fused import LayerNorm
from ...ops.normalization import RMS
from .match import constant, is_op, operands, single


def recognize_normalization(model: Model) -> None:
    for kind, rule in (("Add", _layer_norm), ("Multiply", _rms_norm)):
        for node in model.get_ordered_ops():
            found = rule(node) if node.op.type == kind and node.output(0).element_type.name == "f32" else None
            if found is not None:
                node.output(0).replace(found)


def _rms_norm(node: Node) -> Output | None:
    """The RMS that a product by gamma completes."""
    scaled = operands(node)
    normal = _divided_by_root(scaled[0]) if scaled is not None else None
    if scaled is None or normal is None:
        return None
    x, epsilon = normal
    gamma = _vector(scaled[1], x)
    if gamma is None or x.partial_shape != node.output(0).partial_shape:
        return None
    return Node(RMS(epsilon), [x, Constant.of(gamma).output(0)], node.friendly_name).output(0)


def _divided_by_root(output: Output) -> tuple[Output, float] | None:
    """(x, epsilon) of x / sqrt(mean of squares + epsilon), or of x times the inverse of that root."""
    if not is_op(output, "Divide", "Multiply"):
        return None
    left, right = output.node.sources
    if is_op(output, "Divide"):
        candidates = [(left, _rooted(right, 0.5))]
    else:
        candidates = [(x, _rooted(other, -0.5)) for x, other in ((left, right), (right, left))]
    for x, total in candidates:
        epsilon = None if total is None else _mean_of_squares(total, x)
        if epsilon is not None:
            return x, epsilon
    return None


def _rooted(output: Output, power: float) -> Output | None:
    """t of t to the power of 0.5 or -0.5."""
    sources = output.node.sources
    if is_op(output, "Power") and single(sources[1]) == power:
        return sources[0]
    if power < 0:
        return _rooted(sources[1], 0.5) if is_op(output, "Divide") and single(sources[0]) == 1 else None
    return sources[0] if is_op(output, "Sqrt") else None


def _mean_of_squares(output: Output, x: Output) -> float | None:
    """epsilon of mean(x * x) + epsilon."""
    total = operands(output.node) if is_op(output, "Add") else None
    if total is None or total[1].size != 1 or not is_op(total[0], "ReduceMean") or not _last(total[0].node):
        return None
    return float(total[1].flat[0]) if _squares(total[0].node.sources[0], x) else None


def _layer_norm(node: Node) -> Output | None:
    """The LayerNorm that an Add of beta completes."""
    shifted = operands(node)
    if shifted is None or not is_op(shifted[0], "Multiply"):
        return None
    scaled = operands(shifted[0].node)
    if scaled is None:
        return None
    normal = _standardized(scaled[0])
    if normal is None:
        return None
    x, epsilon = normal
    if x.partial_shape != node.output(0).partial_shape:  # gamma or beta add axes
        return None
    gamma, beta = _vector(scaled[1], x), _vector(shifted[1], x)
    if gamma is None or beta is None:
        return None
    return Node(
        LayerNorm(epsilon), [x, Constant.of(gamma).output(0), Constant.of(beta).output(0)], node.friendly_name
    ).output(0)


def _vector(array: Array, x: Output) -> Array | None:
    """The constant as a vector along x's last axis."""
    length = x.partial_shape[-1]
    return array.ravel() if length == array.size and array.shape[-1:] == (array.size,) else None


def _standardized(output: Output) -> tuple[Output, float] | None:
    """(x, epsilon) of (x - mean(x)) / sqrt(variance(x) + epsilon), or of an MVN that says so."""
    node = output.node
    if is_op(output, "MVN") and len(node.sources) == 2:
        attributes = node.op.attributes()
        inside = str(attributes.get("eps_mode", "")).startswith("inside")
        return (
            (node.sources[0], attributes["eps"])
            if inside and attributes["normalize_variance"] and _last(node)
            else None
        )
    if not is_op(output, "Divide") or not is_op(node.sources[1], "Sqrt"):
        return None
    centred = node.sources[0]
    total = operands(node.sources[1].node.sources[0].node)
    if total is None or not is_op(node.sources[1].node.sources[0], "Add") or total[1].size != 1:
        return None
    variance = total[0]
    if not is_op(variance, "ReduceMean") or not _last(variance.node) or not _squares(variance.node.sources[0], centred):
        return None
    x = _centred(centred)
    return None if x is None else (x, float(total[1].flat[0]))


def _squares(output: Output, x: Output) -> bool:
    """True for x * x or x to the power of 2."""
    node = output.node
    if is_op(output, "Power"):
        return node.sources[0] is x and single(node.sources[1]) == 2
    return is_op(output, "Multiply") and node.sources[0] is x and node.sources[1] is x


def _centred(output: Output) -> Output | None:
    """x of x - mean(x)."""
    if not is_op(output, "Subtract"):
        return None
    x, mean = output.node.sources
    return x if is_op(mean, "ReduceMean") and _last(mean.node) and mean.node.sources[0] is x else None


def _last(node: Node) -> bool:
    """True for a reduction over the last axis that keeps it."""
    axes = constant(node.sources[1])
    rank = node.sources[0].partial_shape
    if axes is None or axes.size != 1 or not rank.has_rank:
        return False
    return bool(axes.flat[0] in (-1, len(rank) - 1)) and bool(node.op.attributes().get("keep_dims", True))
