"""Node: an operator applied to tensors."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..errors import ModelError
from ..types import PartialShape
from .assigning import with_attribute
from .failures import reason
from .hooks import hooks
from .operator import Argument, Operator, TensorType
from .order import changes
from .ports import Output
from .queries import NodeQueries
from .values import propagate

_counter = itertools.count()


class Node(NodeQueries):
    """An operator applied to tensors.

    Types and shapes are inferred at once; ModelError names the node and its inputs when they don't fit.
    """

    def __init__(self, op: Operator, sources: Sequence[Output], name: str | None = None) -> None:
        self._begin(op, sources, name)
        self.infer()

    @classmethod
    def typed(cls, op: Operator, sources: Sequence[Output], known: Output, name: str | None = None) -> Node:
        """A node whose only output has the type of a tensor that is known to be the same: it is not inferred."""
        node = cls.__new__(cls)
        node._begin(op, sources, name)
        node._outputs.append(Output(node, 0))
        node._outputs[0].become(TensorType(known.element_type, known._shape), None)
        return node

    def _begin(self, op: Operator, sources: Sequence[Output], name: str | None) -> None:
        if type(self) is Node and op.node_class is not None:
            self.__class__ = op.node_class
        self.op = op
        self.number = next(_counter)
        self.name = f"{op.type}_{self.number}"
        self._friendly_name = name
        self.info: dict[str, Any] = {}  # what rt_info shows
        self.input_info: dict[int, dict[str, Any]] = {}  # the same of the inputs
        self._sources: list[Output] = []
        self._outputs: list[Output] = []
        self.set_sources(sources)

    @property
    def sources(self) -> Sequence[Output]:
        """The outputs that this node reads."""
        return self._sources

    def set_sources(self, sources: Iterable[Output]) -> None:
        """Makes the node read other outputs; infer() must follow when their types differ.

        Nothing reads a Result, where a model ends: what is given its output reads the tensor that it shows.
        """
        changes.last = object()
        for source in self._sources:
            source.end_use(self)
        self._sources = [source.shown for source in sources]
        for source in self._sources:
            source.begin_use(self)

    def infer(self) -> None:
        """Infers the types of the outputs anew."""
        arguments = [source.argument() for source in self._sources]
        found = self.inferred(arguments)
        values = propagate(self.op, arguments, found)
        while len(self._outputs) < len(found):
            self._outputs.append(Output(self, len(self._outputs)))
        for output, tensor, value in zip(self._outputs, found, values, strict=False):
            output.become(tensor, value)

    def inferred(self, arguments: Sequence[Argument]) -> Sequence[TensorType]:
        """The types of the outputs for other inputs. Raises ModelError that names the node and these inputs."""
        try:
            return self._infer(arguments)
        except (RuntimeError, ValueError, LookupError, ArithmeticError) as error:
            given = ", ".join(map(str, arguments)) or "nothing"
            raise ModelError(
                f"{self.op.type} {self.friendly_name!r} ({self.op.opset}) of {given}: {reason(error)}"
            ) from None

    def _infer(self, arguments: Sequence[Argument]) -> Sequence[TensorType]:
        return self.op.infer(arguments)

    def copy(self, sources: Sequence[Output]) -> Node:
        """The same operator on other tensors, with this node's names."""
        twin = Node(self.op, sources, self._friendly_name)
        self._copy_names(twin)
        return twin

    def twin(self, sources: Sequence[Output]) -> Node:
        """The same on twins of what this node reads: with the types that were inferred, not inferred anew."""
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        twin.number = next(_counter)
        twin._sources = []
        twin._outputs = [Output(twin, output.index) for output in self._outputs]
        for mine, its in zip(self._outputs, twin._outputs, strict=True):
            its.become(TensorType(mine.element_type, mine._shape), mine.partial)
        self._copy_names(twin)
        twin.set_sources(sources)
        return twin

    def _copy_names(self, twin: Node) -> None:
        twin.name = self.name
        twin.info = dict(self.info)
        twin.input_info = {index: dict(info) for index, info in self.input_info.items()}
        for mine, its in zip(self._outputs, twin._outputs, strict=True):
            its._names = set(mine._names)
            its.info = dict(mine.info)

    def validate_and_infer_types(self) -> None:
        self.infer()

    def constructor_validate_and_infer_types(self) -> None:
        self.infer()

    def evaluate(
        self, output_values: Sequence[Any], input_values: Sequence[Any], evaluation_context: Any = None
    ) -> bool:
        """Computes the node alone, from Tensors into Tensors, which take the shapes of the outputs.

        False for a node that can't be computed from its inputs, such as a Parameter.
        """
        return hooks().evaluate_node(self, output_values, input_values)

    def set_argument(self, index: int, source: Output) -> None:
        """Makes the node read `source` as input `index`; validate_and_infer_types() must follow."""
        if not isinstance(source, Output):
            raise TypeError(f"expected a node to read Outputs, got {type(source).__name__}")
        self.input(index).replace_source_output(source)

    def set_arguments(self, sources: Sequence[Any]) -> None:
        """Makes the node read these Outputs, or these nodes' only outputs."""
        self.set_sources([source._only() if isinstance(source, Node) else source for source in sources])

    def set_attribute(self, name: str, value: Any) -> None:
        """Gives the operator another attribute, in the type that it has; validate_and_infer_types() must follow."""
        self.op = with_attribute(self.op, name, value)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """get_<attribute>() and set_<attribute>(value) for each attribute of the operator."""
        kind, _, attribute = name.partition("_")
        if kind in ("get", "set") and "op" in vars(self) and attribute in self.get_attributes():
            return partial(self.set_attribute, attribute) if kind == "set" else lambda: self.get_attributes()[attribute]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def visit_attributes(self, visitor: Any) -> bool:
        """Shows the attributes to a visitor: visitor.on_attributes(dict)."""
        visitor.on_attributes(self.get_attributes())
        return True

    def set_output_size(self, size: int) -> None:
        """How many outputs there are, until they are inferred anew."""
        self._outputs[size:] = []
        while len(self._outputs) < size:
            self._outputs.append(Output(self, len(self._outputs)))

    def set_output_type(self, index: int, element_type: Any, shape: PartialShape) -> None:
        """The type and the shape of an output, until they are inferred anew."""
        self.set_output_size(max(index + 1, len(self._outputs)))
        self._outputs[index].become(TensorType(element_type, PartialShape(shape)), None)

    def __copy__(self) -> Node:
        raise TypeError("a node can't be copied without its model; Model.clone() copies both")

    def __deepcopy__(self, memo: dict[int, Any]) -> Node:
        raise TypeError("a node can't be copied without its model; Model.clone() copies both")

    def __reduce__(self) -> Any:
        raise TypeError("a node can't be pickled")

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **keywords: Any) -> Node:
        """The node of array + node and the like, which numpy asks for first."""
        name = ufunc.__name__
        if method != "__call__" or keywords or name not in ("add", "subtract", "multiply", "divide"):
            raise TypeError(f"numpy.{name} can't be applied to nodes; the operators + - * / and the opsets can")
        computed = self._computed(name, *operands)
        if computed is NotImplemented:
            raise TypeError(f"numpy.{name} takes nodes, numbers and arrays")
        return computed

    @staticmethod
    def _computed(name: str, left: Any, right: Any) -> Node:
        """The node of an operator, NotImplemented for operands that are none."""
        if not all(isinstance(value, (Node, int, float, np.ndarray, np.number)) for value in (left, right)):
            return NotImplemented  # type: ignore[no-any-return]  # what Python takes for "not this operand"
        # Numbers are as Python's are, whatever numpy calls them: i64 or f64.
        left, right = (
            value.item() if isinstance(value, np.number) else int(value) if isinstance(value, bool) else value
            for value in (left, right)
        )
        return hooks().arithmetic(name, left, right)

    def __add__(self, other: Any) -> Node:
        return self._computed("add", self, other)

    def __sub__(self, other: Any) -> Node:
        return self._computed("subtract", self, other)

    def __mul__(self, other: Any) -> Node:
        return self._computed("multiply", self, other)

    def __truediv__(self, other: Any) -> Node:
        return self._computed("divide", self, other)

    def __radd__(self, other: Any) -> Node:
        return self._computed("add", other, self)

    def __rsub__(self, other: Any) -> Node:
        return self._computed("subtract", other, self)

    def __rmul__(self, other: Any) -> Node:
        return self._computed("multiply", other, self)

    def __rtruediv__(self, other: Any) -> Node:
        return self._computed("divide", other, self)
