"""Patterns of graphs, as openvino.passes has them, and how a part of a graph is held against one.

A pattern is a graph too: its nodes are those below, which stand for many, and plain nodes, which stand for
all of their operation with inputs that match. Attributes are left to predicates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import permutations
from typing import Any

from ..errors import ModelError
from ..graph import Argument, Node, Operator, Output, TensorType
from ..ops import NEWEST_OPSET, definitions
from ..records import dataclass
from ..types import PartialShape, Type
from .predicates import Predicate, Symbols, as_predicate

_LEAVES = ("Parameter", "Constant", "Result")
_COMMUTATIVE = frozenset(
    {
        "Add", "Multiply", "Maximum", "Minimum", "Equal", "NotEqual", "LogicalAnd", "LogicalOr", "LogicalXor",
        "BitwiseAnd", "BitwiseOr", "BitwiseXor",
    }
)  # fmt: skip


@dataclass(frozen=True)
class PatternOp(Operator):
    """A place in a pattern; nothing is known of its tensor."""

    type = "Pattern"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(Type.dynamic, PartialShape.dynamic())]


class Pattern(Node):
    """A node of a pattern that says itself what it stands for."""

    def __init__(self, sources: Sequence[Output] = ()) -> None:
        super().__init__(PatternOp(), sources)
        self.name = f"{type(self).__name__}_{self.number}"

    def get_type_name(self) -> str:
        return type(self).__name__

    def matches(self, matcher: Matcher, value: Output) -> bool:
        """Return whether a tensor of the graph fits here; notes in the matcher what was found."""
        raise NotImplementedError(f"{type(self).__name__}.matches")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class AnyInput(Pattern):
    """Any tensor that satisfies the predicate; the same one wherever the node is used in a pattern."""

    def __init__(self, predicate: Predicate | Callable[[Output], bool] | None = None) -> None:
        super().__init__()
        self._predicate = as_predicate(predicate)

    def matches(self, matcher: Matcher, value: Output) -> bool:
        if not self._predicate.holds(matcher.symbols, value) or matcher.values.get(self, value) is not value:
            return False
        matcher.note(self, value)
        return True


class WrapType(Pattern):
    """A tensor of an operation, with inputs that match, if any are given, and that satisfies the predicate.

    WrapType("opset13.Relu"), WrapType(["opset13.Add", "opset13.Multiply"], [a, b], predicate): behind the
    types an input or a list of them, Nodes or Outputs, and a predicate, each of which may be left out.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        names, inputs, predicate = _parts(args, kwargs)
        super().__init__(inputs)
        self._types = [_operation(name) for name in names]
        self._predicate = as_predicate(predicate)

    def matches(self, matcher: Matcher, value: Output) -> bool:
        node = value.node
        if not any(_is_of(node, wanted) for wanted in self._types):
            return False
        if not self._predicate.holds(matcher.symbols, value):
            return False
        matcher.note(self, value)
        return not self.sources or matcher.match_inputs(self, node)


class Or(Pattern):
    """A tensor that matches one of several patterns; the first that does."""

    def __init__(self, inputs: Sequence[Node | Output]) -> None:
        super().__init__([_output(value) for value in inputs])

    def matches(self, matcher: Matcher, value: Output) -> bool:
        for source in self.sources:
            if matcher.attempt(source, value):
                matcher.values[self] = value
                return True
        return False


class Optional(Pattern):
    """An operation that may be missing: then what matches is its first input. The arguments are WrapType's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        names, inputs, predicate = _parts(args, kwargs)
        super().__init__(inputs)
        self._there = WrapType(names, inputs, predicate) if predicate is not None else WrapType(names, inputs)

    def matches(self, matcher: Matcher, value: Output) -> bool:
        if matcher.attempt(self._there.output(0), value):
            matcher.values[self] = value
            return True
        return bool(self.sources) and matcher.attempt(self.sources[0], value)


class Matcher:
    """Holds tensors of a graph against a pattern, and tells what of the graph matched what of the pattern."""

    def __init__(self, pattern: Node | Output, name: str) -> None:
        self._pattern = _output(pattern)
        self._name = name
        self._clear()

    def _clear(self) -> None:
        self._root: Output | None = None
        self.values: dict[Node, Output] = {}
        self.matched: list[Output] = []
        self.symbols: Symbols = {}

    def match(self, value: Node | Output) -> bool:
        """Return whether a tensor, or a node's first, matches the pattern."""
        self._clear()
        root = _output(value)
        if not self.attempt(self._pattern, root):
            self._clear()
            return False
        self._root = root
        return True

    def attempt(self, pattern: Output, value: Output) -> bool:
        """As match(), for a part of the pattern; what was noted is forgotten when it does not match."""
        with self._trial() as outcome:
            node = pattern.node
            if isinstance(node, Pattern):
                outcome.append(node.matches(self, value))
            elif node.op.type == value.node.op.type and pattern.index == value.index:
                self.note(node, value)
                outcome.append(self.match_inputs(node, value.node))
        return outcome == [True]

    def match_inputs(self, pattern: Node, node: Node) -> bool:
        """Return whether all inputs of a node match a pattern's, in any order of commutative ones."""
        if len(pattern.sources) != len(node.sources):
            return False
        orders = permutations(pattern.sources) if node.op.type in _COMMUTATIVE else [tuple(pattern.sources)]
        return any(self._all_match(order, node.sources) for order in orders)

    def _all_match(self, patterns: Sequence[Output], values: Sequence[Output]) -> bool:
        with self._trial() as outcome:
            outcome.append(all(self.attempt(*pair) for pair in zip(patterns, values, strict=True)))
        return outcome == [True]

    @contextmanager
    def _trial(self) -> Iterator[list[bool]]:
        """Takes back all notes that are made meanwhile, unless [True] comes out."""
        values, matched, symbols = dict(self.values), len(self.matched), dict(self.symbols)
        outcome: list[bool] = []
        yield outcome
        if outcome != [True]:
            self.values, self.symbols = values, symbols
            del self.matched[matched:]

    def note(self, pattern: Node, value: Output) -> None:
        self.values[pattern] = value
        self.matched.append(value)

    def get_name(self) -> str:
        return self._name

    def get_match_root(self) -> Node | None:
        """The node that matched; None after match() gave False."""
        return None if self._root is None else self._root.node

    def get_match_value(self) -> Output | None:
        return self._root

    def get_match_values(self) -> list[Output]:
        """All tensors that matched a part of the pattern, the root first."""
        return list(self.matched)

    def get_match_nodes(self) -> list[Node]:
        return [value.node for value in self.matched]

    def get_pattern_value_map(self) -> dict[Node, Output]:
        """The tensor that matched each node of the pattern."""
        return dict(self.values)

    def get_symbols(self) -> Symbols:
        """Values of the names in shape_matches(): lengths, and lists of them."""
        return dict(self.symbols)


def _parts(args: Sequence[Any], keywords: dict[str, Any]) -> tuple[list[str], list[Output], Any]:
    """(types, inputs, predicate) of the arguments of WrapType and Optional."""
    places = [*args, *keywords.values()]
    names = places[0] if places else None
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, (list, tuple)) or not names or not all(isinstance(name, str) for name in names):
        raise TypeError("a pattern's types are a str such as 'opset13.Relu', or a list of them")
    inputs: list[Output] = []
    predicate = None
    for value in places[1:]:
        if isinstance(value, Predicate) or (callable(value) and not isinstance(value, Node)):
            predicate = value
        else:
            inputs = [_output(item) for item in (value if isinstance(value, (list, tuple)) else [value])]
    return list(names), inputs, predicate


def _output(value: Any) -> Output:
    if isinstance(value, Node):
        return value.output(0)
    if not isinstance(value, Output):
        raise TypeError(f"expected a pattern to be made of Nodes and Outputs, got {type(value).__name__}")
    return value


def _operation(name: str) -> str | type[Operator]:
    """The operator class that "opset13.Relu" or "opset13::Relu" names; a plain type name for a model's ends."""
    opset, _, kind = name.replace("::", ".").partition(".")
    number = opset.removeprefix("opset")
    if not opset.startswith("opset") or not number.isdecimal() or not 1 <= int(number) <= NEWEST_OPSET:
        raise ModelError(f"{name!r} is not an operation: write 'opset13.Relu', with opset1 to opset{NEWEST_OPSET}")
    if kind in _LEAVES:
        return kind
    found = [version for version in definitions(kind) if getattr(version, "since", 1) <= int(number)]
    if not found:
        raise ModelError(f"{opset} has no operation {kind!r}")
    return found[-1]


def _is_of(node: Node, wanted: str | type[Operator]) -> bool:
    return node.op.type == wanted if isinstance(wanted, str) else type(node.op) is wanted
