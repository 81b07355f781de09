"""Layer normalization that a model spells out in smaller operators, put back together.

c = x - mean(x);  y = c / sqrt(mean(c * c) + epsilon) * gamma + beta        means over the last axis
"""

from __future__ import annotations

from ...graph import Constant, Model, Node, Output
from ...graph.operator import Array
from ...ops.fused import LayerNorm
from .match import constant, is_op, operands, single


def recognize_normalization(model: Model) -> None:
    for node in model.get_ordered_ops():
        if node.op.type == "Add" and node.output(0).element_type.name == "f32":
            found = _layer_norm(node)
            if found is not None:
                node.output(0).replace(found)


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
