"""Rewrites of the parts of a graph that match a pattern, as openvino.passes has them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from ..errors import ModelError
from ..graph import Model, Node
from .manager import ModelPass, PassBase
from .patterns import Matcher

Callback = Callable[[Matcher], bool | None]


class MatcherPass(PassBase):
    """A pattern, and what is done where it matches.

    The callback gets the Matcher and says whether it changed the graph at the root of the match. It is given
    with the matcher here, or in the __init__ of a subclass by register_matcher().
    """

    def __init__(self, matcher: Matcher | None = None, callback: Callback | None = None) -> None:
        self._matcher: Matcher | None = None
        self._callback: Callback | None = None
        self.new_nodes: list[Node] = []
        if matcher is not None and callback is not None:
            self.register_matcher(matcher, callback)

    def register_matcher(self, matcher: Matcher, callback: Callback) -> None:
        if not isinstance(matcher, Matcher) or not callable(callback):
            raise TypeError("register_matcher() takes a Matcher and a function of it")
        self._matcher, self._callback = matcher, callback

    def register_new_node(self, node: Node) -> Node:
        """To be called by the callback: the matchers are tried on a new node too."""
        self.new_nodes.append(node)
        return node

    def apply(self, node: Node) -> bool:
        """Calls the callback when the node matches; True when it changed the graph."""
        return self.try_on(node, lambda: True) is not None

    def try_on(self, node: Node, wanted: Callable[[], bool]) -> list[Node] | None:
        """The nodes of the match when the callback changed the graph. wanted: asked before the callback is called."""
        if self._matcher is None or self._callback is None:
            raise ModelError(f"{self.get_name()} has no matcher; call register_matcher() in its __init__")
        if not self._matcher.match(node) or not wanted():
            return None
        nodes = self._matcher.get_match_nodes()
        try:
            changed = self._callback(self._matcher)
        except Exception as error:
            raise ModelError(f"the callback of {self._matcher.get_name()} failed on {node}: {error!r}") from error
        return nodes if changed else None

    def _run(self, model: Model) -> None:
        rewrite = GraphRewrite()
        rewrite.add_matcher(self)
        rewrite._run(model)


class GraphRewrite(ModelPass):
    """Goes over the nodes of a model in order and tries matcher passes on each, until one changes something."""

    def __init__(self) -> None:
        self.passes_list: list[MatcherPass] = []

    def add_matcher(self, transformation: MatcherPass) -> MatcherPass:
        """Appends a matcher pass, and gives it back."""
        if not isinstance(transformation, MatcherPass):
            raise TypeError(f"expected a rewrite to take MatcherPasses, got {transformation!r}")
        self.passes_list.append(transformation)
        return transformation

    def run_on_model(self, model: Model) -> None:
        waiting = deque(self._order(model.get_ordered_ops()))
        gone: set[Node] = set()
        while waiting:
            node = waiting.popleft()
            for value in node.op.attributes().values():
                if isinstance(value, Model):
                    self.run_on_model(value)
            for transformation in self.passes_list:
                nodes = transformation.try_on(node, lambda node=node: node not in gone)  # type: ignore[misc]
                waiting.extendleft(reversed(transformation.new_nodes))
                transformation.new_nodes.clear()
                if nodes is not None:
                    _release(nodes, gone, set(model.sinks))
                    break

    def _order(self, nodes: list[Node]) -> Iterable[Node]:
        return nodes


class BackwardGraphRewrite(GraphRewrite):
    """As GraphRewrite, from the results to the inputs."""

    def _order(self, nodes: list[Node]) -> Iterable[Node]:
        return reversed(nodes)


def _release(nodes: Iterable[Node], gone: set[Node], sinks: set[Node]) -> None:
    """Makes nodes that nobody reads any more, and what only they read, no readers of what they read."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        kept = node in sinks or node.op.type in ("Result", "Parameter", "Assign")
        if kept or node in gone or any(output.target_inputs for output in node.outputs()):
            continue
        gone.add(node)
        for port in node.inputs():
            port.source.remove_target_input(port)
            waiting.append(port.source.node)
