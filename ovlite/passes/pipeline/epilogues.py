"""Residual additions and activations behind a matrix operator become part of it."""

from __future__ import annotations

import math

from ...graph import Model, Node, Output
from ...ops.fused import Fused, activation_of
from ...records import replace
from .match import MATRIX_TYPES, Users, constant, name_of, single


def fuse_epilogues(model: Model) -> None:
    users = Users(model)
    order = {node: i for i, node in enumerate(model.get_ordered_ops())}
    for node in list(order):
        if node.op.type in MATRIX_TYPES or isinstance(node.op, Fused):
            _fuse(node, users, order)


def _fuse(node: Node, users: Users, order: dict[Node, int]) -> None:
    """Takes the Add and the activation that follow `node` into it."""
    op = node.op if isinstance(node.op, Fused) else Fused(node.op)
    sources = list(node.sources)
    end = node.output(0)
    if end.element_type.name != "f32":
        return
    follower = users.only(end)
    other = _residual(end, follower, order, node)
    if follower is not None and other is not None:
        op, end = replace(op, residual=True), follower.output(0)
        sources.append(other)
        follower = users.only(end)
    kind = None
    if follower is not None and follower.sources[0] is end:
        kind = activation_of(follower.op, [single(source) for source in follower.sources[1:]])
    if follower is not None and kind is not None:
        op, end = replace(op, activation=kind), follower.output(0)
    if end is not node.output(0):
        fused = Node.typed(op, sources, end, name_of(node, end.node))
        order[fused] = order[node]
        end.replace(fused.output(0))


def _residual(end: Output, follower: Node | None, order: dict[Node, int], node: Node) -> Output | None:
    """The tensor of the same shape that the follower adds, when it is there before the node runs."""
    if follower is None or follower.op.type != "Add":
        return None
    left, right = follower.sources
    other = right if left is end else left
    if other is end or constant(other) is not None or other.partial_shape != end.partial_shape:
        return None
    if follower.output(0).partial_shape != end.partial_shape:
        return None
    return other if not other.node.sources or order.get(other.node, math.inf) < order[node] else None
