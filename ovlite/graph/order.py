"""The order of a graph's nodes, and whether graphs have changed since it was asked for."""

from __future__ import annotations

from collections.abc import Iterable
from operator import is_
from typing import Any, TypeVar

from ..errors import ModelError

Node = TypeVar("Node", bound=Any)  # what has _sources, whose `node` is one too


class _Changes:
    """last: an object that is another one after each change of what some node reads."""

    def __init__(self) -> None:
        self.last = object()


changes = _Changes()


def ordered(roots: Iterable[Node]) -> list[Node]:
    """The nodes that `roots` need, each after all that it reads. Raises ModelError for a cycle."""
    order: list[Node] = []
    state: dict[Any, bool] = {}  # False while a node's sources are visited, True afterwards
    for root in roots:
        if root in state:
            continue
        state[root] = False
        stack = [(root, iter(root._sources))]
        while stack:
            node, sources = stack[-1]
            for source in sources:
                below = source.node
                done = state.get(below)
                if done is None and not below._sources:
                    state[below] = True
                    order.append(below)
                elif done is None:
                    state[below] = False
                    stack.append((below, iter(below._sources)))
                    break
                elif not done:
                    raise ModelError(f"the graph has a cycle through {below.friendly_name!r}")
            else:
                stack.pop()
                state[node] = True
                order.append(node)
    return order


class Order:
    """The nodes that some roots need, in order, walked through anew where graphs have changed meanwhile."""

    def __init__(self) -> None:
        self._change: object = None
        self._roots: list[Any] = []
        self._nodes: list[Any] = []

    def of(self, roots: list[Node]) -> list[Node]:
        """A list of the caller's own, as ordered() gives it."""
        last = changes.last
        same = len(roots) == len(self._roots) and all(map(is_, roots, self._roots))
        if last is not self._change or not same:
            self._nodes, self._roots, self._change = ordered(roots), roots, last
        return list(self._nodes)
