"""Attention that a model spells out in products and a softmax, put back together.

softmax(query @ key^T * scale + mask) @ value

The scale may stand before the product, at either operand, or behind it; a mask is added, or a Select puts a number in
the place of scores. torch scales the query and the key by a root each, joins the heads and batches of keys while it
swaps their axes, and makes zeros of rows that see no key.
"""

from __future__ import annotations

import numpy as np

from ...graph import Model, Node, Output
from ...ops import NEWEST_OPSET, factories
from ...ops.fused import Attention
from ...records import dataclass
from ...types import Type
from .making import transposed
from .match import Users, constant, is_op, single

LARGE = -1e30  # a score at or below it is as good as -infinity: what is added to it is lost in rounding


def recognize_attention(model: Model) -> None:
    users = Users(model)
    for node in model.get_ordered_ops():
        if node.op.type == "MatMul" and node.output(0).element_type is Type.f32:
            found = _attention(node, users)
            if found is not None:
                node.output(0).replace(found)


@dataclass
class _Scores:
    """What the rows of a softmax are: product * scale, with a mask."""

    product: Node
    scale: float
    mask: Output | None
    hidden: float


def _attention(node: Node, users: Users) -> Output | None:
    """The attention that a product with the values completes."""
    weights, value = node.sources
    softmax, undefined = _softmax(weights, users)
    if softmax is None or node.op.attributes()["transpose_a"] or not value.partial_shape.has_rank:
        return None
    scores = _scores(softmax.sources[0], users)
    if scores is None:
        return None
    query, key = scores.product.sources
    if not query.partial_shape.has_rank or not key.partial_shape.has_rank:
        return None
    if min(len(port.partial_shape) for port in (query, key, value)) < 2:
        return None
    attributes = scores.product.op.attributes()
    query, factor = _unscaled(query)
    key, other = _unscaled(key)
    if attributes["transpose_a"]:
        query = _swapped(query)
    if not attributes["transpose_b"]:
        key, last = _unscaled(_swapped(key))
        other *= last
    if node.op.attributes()["transpose_b"]:
        value = _swapped(value)
    op = Attention(scores.scale * factor * other, scores.hidden, undefined)
    sources = [query, key, value] if scores.mask is None else [query, key, value, scores.mask]
    return Node(op, sources, node.friendly_name).output(0)


def _softmax(output: Output, users: Users) -> tuple[Node | None, str]:
    """The softmax over the last axis that gives a tensor which nothing else reads, and what it gives where it is not
    defined: zero where the model says so."""
    undefined = "nan"
    if is_op(output, "Select") and users.only(output) is not None:
        test, zero, output = output.node.sources
        if not is_op(test, "IsNaN") or test.node.sources[0] is not output or single(zero) != 0:
            return None, undefined
        if len(users.of(output)) != 2 or users.only(test) is None:
            return None, undefined
        undefined = "zero"
    elif users.only(output) is None:
        return None, undefined
    rank = output.partial_shape
    if not is_op(output, "Softmax") or not rank.has_rank:
        return None, undefined
    return (output.node if output.node.op.attributes()["axis"] in (-1, len(rank) - 1) else None), undefined


def _scores(output: Output, users: Users) -> _Scores | None:
    """Follows what is done to a product from its end to its beginning: masks first, then scales."""
    mask: Output | None = None
    hidden = -np.inf
    while users.only(output) is not None:
        node = output.node
        if is_op(output, "Add"):
            found = _added(node)
            if found is None:
                return None
            output, more = found
            mask = more if mask is None else factories(NEWEST_OPSET)["add"](more, mask).output(0)
        elif is_op(output, "Select"):
            value = single(node.sources[2])
            if value is None or node.op.attributes()["auto_broadcast"] != "numpy":
                return None
            condition, output, _ = node.sources
            if mask is None:
                mask, hidden = condition, value
            elif value <= LARGE and mask.element_type is Type.f32:
                mask = factories(NEWEST_OPSET)["select"](condition, mask, node.sources[2]).output(0)
            else:
                return None
            break
        else:
            break
    output, scale = _unscaled(output, users)
    if not is_op(output, "MatMul") or users.only(output) is None:
        return None
    return _Scores(output.node, scale, mask, float(hidden))


def _added(node: Node) -> tuple[Output, Output] | None:
    """(scores, mask) of a sum: the scores are those that come from a product."""
    left, right = node.sources
    for scores, mask in ((left, right), (right, left)):
        if _from_product(scores) and mask.element_type is Type.f32:
            return scores, mask
    return None


def _from_product(output: Output) -> bool:
    while True:
        if is_op(output, "MatMul"):
            return True
        if is_op(output, "Multiply", "Divide", "Add") and constant(output.node.sources[0]) is None:
            output = output.node.sources[0]
        elif is_op(output, "Multiply", "Select", "Add"):
            output = output.node.sources[1]
        else:
            return False


def _unscaled(output: Output, users: Users | None = None) -> tuple[Output, float]:
    """(x, factor) of x times constant numbers. users: only where nothing else reads the products."""
    scale = 1.0
    while is_op(output, "Multiply", "Divide") and (users is None or users.only(output) is not None):
        left, right = output.node.sources
        value = single(right)
        if value is None and is_op(output, "Multiply"):
            left, value = right, single(left)
        if value is None or (is_op(output, "Divide") and value == 0) or not np.isfinite(value):
            break
        if left.partial_shape != output.partial_shape:
            break
        scale = scale * value if is_op(output, "Multiply") else scale / value
        output = left
    return output, scale


def _swapped(output: Output) -> Output:
    """The tensor with its last two axes swapped: where it comes from, if that is what made it."""
    rank = len(output.partial_shape)
    return _swapped_as_one(output) or transposed(output, [*range(rank - 2), rank - 1, rank - 2])


def _swapped_as_one(output: Output) -> Output | None:
    """x of a Reshape(Transpose(Reshape(x))) that joins the axes in front, swaps the last two, and parts the others
    again."""
    if not is_op(output, "Reshape") or not is_op(output.node.sources[0], "Transpose"):
        return None
    inner = output.node.sources[0].node
    order = constant(inner.sources[1])
    if order is None or list(order) != [0, 2, 1] or not is_op(inner.sources[0], "Reshape"):
        return None
    x = inner.sources[0].node.sources[0]
    joined, shape, found = inner.sources[0].partial_shape, x.partial_shape, output.partial_shape
    if not shape.has_rank or len(shape) != len(found) or len(shape) < 2:
        return None
    same = [*found[:-2], found[-1], found[-2]]
    unknown = [i for i, (a, b) in enumerate(zip(shape, same, strict=True)) if a.is_dynamic or a != b]
    parted = joined[-2] == shape[-2] and joined[-1] == shape[-1] and shape[-1].is_static and shape[-2].is_static
    # One length that is not known is what the others leave.
    one = len(unknown) <= 1 and all(shape[i].is_dynamic and same[i].is_dynamic for i in unknown)
    return x if parted and one else None
