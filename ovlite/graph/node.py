"""Nodes and their ports."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np

from ..errors import ModelError
from ..types import PartialShape, Shape, Type
from .operator import Argument, Array, Operator, PartialValue, TensorType
from .values import propagate

_counter = itertools.count()


class Output:
    """A tensor that a node produces: an element type, a shape, and names."""

    __slots__ = ("__weakref__", "_names", "_users", "element_type", "index", "node", "partial", "partial_shape", "rt_info")

    def __init__(self, node: Node, index: int) -> None:
        self.node = node
        self.index = index
        self.element_type = Type.dynamic
        self.partial_shape = PartialShape.dynamic()
        self.partial: PartialValue | None = None
        self.rt_info: dict[str, Any] = {}
        self._names: set[str] = set()
        self._users: WeakKeyDictionary[Node, None] = WeakKeyDictionary()

    @property
    def names(self) -> set[str]:
        return set(self._names)

    @property
    def any_name(self) -> str:
        """The first name in byte order; RuntimeError when there is none."""
        if not self._names:
            raise RuntimeError(f"output {self.index} of {self.node} has no name")
        return min(self._names, key=str.encode)

    def set_names(self, names: set[str]) -> None:
        if not isinstance(names, set):
            raise TypeError(f"names are a set of str, not {type(names).__name__}")
        self._names.clear()
        self._names.update(names)

    def add_names(self, names: set[str]) -> None:
        self.set_names(self._names | names)

    @property
    def shape(self) -> Shape:
        return self.partial_shape.to_shape()

    @property
    def target_inputs(self) -> set[Input]:
        return {Input(user, i) for user in self._users for i, source in enumerate(user.sources) if source is self}

    def replace(self, other: Output) -> None:
        """Makes all who read this output read `other`."""
        for user in list(self._users):
            user.set_sources([other if source is self else source for source in user.sources])

    def argument(self) -> Argument:
        return Argument(self.element_type, self.partial_shape, self.partial)

    def __repr__(self) -> str:
        return f"<Output: names[{', '.join(sorted(self._names))}] shape{self.partial_shape} type: {self.element_type.name}>"


@dataclass(frozen=True)
class Input:
    """Place `index` among the inputs of `node`."""

    node: Node
    index: int

    @property
    def source(self) -> Output:
        return self.node.sources[self.index]

    @property
    def element_type(self) -> Type:
        return self.source.element_type

    @property
    def partial_shape(self) -> PartialShape:
        return self.source.partial_shape

    @property
    def shape(self) -> Shape:
        return self.source.shape

    def replace_source_output(self, source: Output) -> None:
        sources = list(self.node.sources)
        sources[self.index] = source
        self.node.set_sources(sources)


class Node:
    """An operator applied to tensors.

    Types and shapes are inferred at once; ModelError names the node and its inputs when they don't fit.
    """

    # Makes the node for `left + right` and the like; set by ovlite.ops, which knows the operators.
    arithmetic: ClassVar[Callable[[str, Any, Any], Node]]

    op: Operator

    def __init__(self, op: Operator, sources: Sequence[Output], name: str | None = None) -> None:
        self.op = op
        self.name = f"{op.type}_{next(_counter)}"
        self._friendly_name = name
        self.rt_info: dict[str, Any] = {}
        self._sources: list[Output] = []
        self._outputs: list[Output] = []
        self.set_sources(sources)
        self.infer()

    @property
    def sources(self) -> Sequence[Output]:
        """The outputs that this node reads."""
        return self._sources

    def set_sources(self, sources: Iterable[Output]) -> None:
        """Makes the node read other outputs; infer() must follow when their types differ."""
        for source in self._sources:
            source._users.pop(self, None)
        self._sources = list(sources)
        for source in self._sources:
            source._users[self] = None

    @property
    def friendly_name(self) -> str:
        return self.name if self._friendly_name is None else self._friendly_name

    @friendly_name.setter
    def friendly_name(self, name: str) -> None:
        self._friendly_name = name

    def infer(self) -> None:
        """Infers the types of the outputs anew."""
        arguments = [source.argument() for source in self._sources]
        try:
            found = self._infer(arguments)
        except (ModelError, ValueError) as error:
            given = ", ".join(map(str, arguments)) or "nothing"
            raise ModelError(f"{self.op.type} {self.friendly_name!r} ({self.op.opset}) of {given}: {error}") from None
        values = propagate(self.op, arguments, found)
        while len(self._outputs) < len(found):
            self._outputs.append(Output(self, len(self._outputs)))
        for output, tensor, value in zip(self._outputs, found, values, strict=False):
            output.element_type, output.partial_shape = tensor
            output.partial = value

    def _infer(self, arguments: Sequence[Argument]) -> Sequence[TensorType]:
        return self.op.infer(arguments)

    def copy(self, sources: Sequence[Output]) -> Node:
        """The same operator on other tensors, with this node's names."""
        twin = Node(self.op, sources, self._friendly_name)
        self._copy_names(twin)
        return twin

    def _copy_names(self, twin: Node) -> None:
        twin.name = self.name
        twin.rt_info = dict(self.rt_info)
        for mine, its in zip(self._outputs, twin._outputs, strict=True):
            its._names = set(mine._names)
            its.rt_info = dict(mine.rt_info)

    def inputs(self) -> list[Input]:
        return [Input(self, i) for i in range(len(self._sources))]

    def input(self, index: int) -> Input:
        return self.inputs()[index]

    def input_values(self) -> list[Output]:
        return list(self._sources)

    def input_value(self, index: int) -> Output:
        return self._sources[index]

    def outputs(self) -> list[Output]:
        return list(self._outputs)

    def output(self, index: int) -> Output:
        if not 0 <= index < len(self._outputs):
            raise RuntimeError(f"{self} has no output {index}: it has {len(self._outputs)}")
        return self._outputs[index]

    def get_type_name(self) -> str:
        return self.op.type

    def __repr__(self) -> str:
        outputs = ", ".join(f"{output.element_type.name}{output.partial_shape}" for output in self._outputs)
        return f"<{self.op.type}: '{self.friendly_name}' ({outputs})>"

    def __add__(self, other: Any) -> Node:
        return Node.arithmetic("add", self, other)

    def __sub__(self, other: Any) -> Node:
        return Node.arithmetic("subtract", self, other)

    def __mul__(self, other: Any) -> Node:
        return Node.arithmetic("multiply", self, other)

    def __truediv__(self, other: Any) -> Node:
        return Node.arithmetic("divide", self, other)

    def __radd__(self, other: Any) -> Node:
        return Node.arithmetic("add", other, self)

    def __rsub__(self, other: Any) -> Node:
        return Node.arithmetic("subtract", other, self)

    def __rmul__(self, other: Any) -> Node:
        return Node.arithmetic("multiply", other, self)

    def __rtruediv__(self, other: Any) -> Node:
        return Node.arithmetic("divide", other, self)


@dataclass(frozen=True)
class ParameterOp(Operator):
    """A tensor that each inference is given."""

    type = "Parameter"


class Parameter(Node):
    """An input of a model."""

    def __init__(self, element_type: Type, shape: PartialShape, name: str | None = None) -> None:
        self._element_type = element_type
        self._shape = PartialShape(shape)
        super().__init__(ParameterOp(), [], name)

    def _infer(self, arguments: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(self._element_type, self._shape)]

    def copy(self, sources: Sequence[Output]) -> Parameter:
        twin = Parameter(self._element_type, self._shape, self._friendly_name)
        self._copy_names(twin)
        return twin

    def set_partial_shape(self, shape: PartialShape) -> None:
        self._shape = PartialShape(shape)

    def set_element_type(self, element_type: Type) -> None:
        self._element_type = element_type


@dataclass(frozen=True)
class ConstantOp(Operator):
    """A tensor that the model holds."""

    type = "Constant"


class Constant(Node):
    """A tensor of a model.

    array: its elements, in the dtype of element_type.to_dtype(). bf16 is bits viewed as float16;
    types of less than a byte are packed into a flat u8 array, and `shape` gives the shape.
    """

    def __init__(
        self, array: Array, element_type: Type | None = None, shape: Sequence[int] | None = None, name: str | None = None
    ) -> None:
        self.array = array
        self._element_type = Type(array.dtype) if element_type is None else element_type
        self._shape = tuple(array.shape if shape is None else shape)
        super().__init__(ConstantOp(), [], name)

    def _infer(self, arguments: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(self._element_type, PartialShape(self._shape))]

    def infer(self) -> None:
        super().infer()
        if self.array.shape == self._shape and self.array.dtype.kind in "biuf" and self._element_type is not Type.bf16:
            self._outputs[0].partial = PartialValue(self.array, np.broadcast_to(np.True_, self.array.shape))

    def copy(self, sources: Sequence[Output]) -> Constant:
        twin = Constant(self.array, self._element_type, self._shape, self._friendly_name)
        self._copy_names(twin)
        return twin


@dataclass(frozen=True)
class ResultOp(Operator):
    """A tensor that each inference returns."""

    type = "Result"


class Result(Node):
    """An output of a model."""

    def __init__(self, source: Output, name: str | None = None) -> None:
        super().__init__(ResultOp(), [source], name)

    def _infer(self, arguments: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(arguments[0].element_type, arguments[0].shape)]

    def copy(self, sources: Sequence[Output]) -> Result:
        twin = Result(sources[0], self._friendly_name)
        self._copy_names(twin)
        return twin
