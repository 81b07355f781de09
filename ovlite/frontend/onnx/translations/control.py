"""Branches and loops."""

from __future__ import annotations

from ....graph import Output
from ..call import Call, Translated, Translation
from ..graphs import define_constants, graph_output, translate_nodes


def if_(call: Call) -> Translated:
    """A branch whose condition is known is written in place of the node."""
    condition = call.known(0)
    if condition is None:
        return None
    return _inlined(call, "then_branch" if condition.any() else "else_branch")


def _inlined(call: Call, name: str) -> list[Output]:
    graph = call.graph(name)
    scope = call.scope.nested(boundary=False)
    define_constants(graph, scope)
    translate_nodes(graph.node, scope)
    return [graph_output(output.name, scope) for output in graph.output]


OPERATORS: dict[str, Translation] = {"If": if_}
