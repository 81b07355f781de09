"""The order in which the nodes of a graph can be translated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...errors import ModelError
from .messages import GraphProto, NodeProto


def in_order(nodes: Sequence[NodeProto]) -> list[NodeProto]:
    """The nodes, each after those whose outputs it reads, otherwise in the given order.

    Raises ModelError for a cycle, and for a value that two nodes produce.
    """
    producers = _producers(nodes)
    if all(producers.get(name, -1) < index for index, node in enumerate(nodes) for name in names_read(node)):
        return list(nodes)
    order: list[NodeProto] = []
    done: dict[int, bool] = {}  # False while what a node reads is visited
    for root in range(len(nodes)):
        if root in done:
            continue
        done[root] = False
        stack = [(root, _sources(nodes[root], producers))]
        while stack:
            index, sources = stack[-1]
            source = next(sources, None)
            if source is None:
                stack.pop()
                done[index] = True
                order.append(nodes[index])
            elif source not in done:
                done[source] = False
                stack.append((source, _sources(nodes[source], producers)))
            elif not done[source]:
                raise ModelError(f"the graph has a cycle through {nodes[source].op_type} node {nodes[source].name!r}")
    return order


def _producers(nodes: Sequence[NodeProto]) -> dict[str, int]:
    producers: dict[str, int] = {}
    for index, node in enumerate(nodes):
        for name in node.output:
            if name and name in producers:
                first = nodes[producers[name]]
                raise ModelError(f"value {name!r} is produced by two nodes: {first.name!r} and {node.name!r}")
            producers[name] = index
    producers.pop("", None)
    return producers


def _sources(node: NodeProto, producers: dict[str, int]) -> Iterator[int]:
    return iter([producers[name] for name in names_read(node) if name in producers])


def names_read(node: NodeProto) -> list[str]:
    """The names of values that a node reads, also those that graphs inside it take from outside."""
    graphs = graphs_of(node) if node.attribute else ()
    names = dict.fromkeys(filter(None, node.input))
    for graph in graphs:
        inside = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
        inside.update(tensor.values.name for tensor in graph.sparse_initializer)
        inside.update(name for inner in graph.node for name in inner.output)
        for inner in graph.node:
            names.update(dict.fromkeys(name for name in names_read(inner) if name not in inside))
        names.update(dict.fromkeys(value.name for value in graph.output if value.name not in inside))
    return list(names)


def graphs_of(node: NodeProto) -> list[GraphProto]:
    """The graphs among a node's attributes."""
    graphs: list[GraphProto] = []
    for attribute in node.attribute:
        if attribute.has("g"):
            graphs.append(attribute.g)
        graphs += attribute.graphs
    return graphs
