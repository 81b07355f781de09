"""The ports of nodes: the tensors that they produce, and the places where they read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import total_ordering
from typing import TYPE_CHECKING, Any
from weakref import ref

from ..records import dataclass
from ..types import PartialShape, Shape, Symbol, Type
from .hooks import hooks
from .operator import Argument, PartialValue, TensorType
from .runtime_info import RTMap, plain

if TYPE_CHECKING:
    from .node import Node


class DescriptorTensor:
    """The tensor of an output: its type, shape and names."""

    __slots__ = ("_output",)

    def __init__(self, output: Output) -> None:
        self._output = output

    @property
    def names(self) -> set[str]:
        return self._output.names

    @names.setter
    def names(self, names: set[str]) -> None:
        self._output.set_names(names)

    @property
    def any_name(self) -> str:
        return self._output.any_name

    @property
    def element_type(self) -> Type:
        return self._output.element_type

    @property
    def partial_shape(self) -> PartialShape:
        return self._output.partial_shape

    @property
    def shape(self) -> Shape:
        return self._output.shape

    @property
    def size(self) -> int:
        """Bytes of the elements; RuntimeError when the shape is dynamic."""
        count = 1
        for length in self.shape:
            count *= length
        return (count * self.element_type.bitwidth + 7) // 8

    @property
    def rt_info(self) -> RTMap:
        return self._output.rt_info

    def get_names(self) -> set[str]:
        return self.names

    def set_names(self, names: set[str]) -> None:
        self._output.set_names(names)

    def add_names(self, names: set[str]) -> None:
        self._output.add_names(names)

    def get_any_name(self) -> str:
        return self.any_name

    def get_element_type(self) -> Type:
        return self.element_type

    def get_partial_shape(self) -> PartialShape:
        return self.partial_shape

    def get_shape(self) -> Shape:
        return self.shape

    def get_size(self) -> int:
        return self.size

    def get_rt_info(self) -> RTMap:
        return self.rt_info

    def get_lower_value(self) -> Any:
        """A Tensor of the least that each element can be; None where that is not known."""
        return hooks().bounds(self._output)[0]

    def get_upper_value(self) -> Any:
        """A Tensor of the greatest that each element can be; None where that is not known."""
        return hooks().bounds(self._output)[1]

    def set_lower_value(self, lower_bound: Any) -> None:
        """Says the least that each element can be, until the tensor is inferred anew."""
        hooks().set_bound(self._output, False, lower_bound)

    def set_upper_value(self, upper_bound: Any) -> None:
        """Says the greatest that each element can be, until the tensor is inferred anew."""
        hooks().set_bound(self._output, True, upper_bound)

    def get_value_symbol(self) -> list[Symbol]:
        """The symbols of the elements, which mark equal ones; none when they were not set."""
        return list(self._output.symbols)

    def set_value_symbol(self, value_symbol: Sequence[Symbol]) -> None:
        self._output.symbols = tuple(value_symbol)

    def become(self, tensor: TensorType) -> None:
        """Takes another type and shape, until they are inferred anew."""
        self._output.become(tensor, None)

    def __repr__(self) -> str:
        return repr(self._output).replace("Output", "DescriptorTensor", 1)


_UNKNOWN = PartialShape.dynamic()  # nobody changes the shapes that outputs hold


@total_ordering
class Output:
    """A tensor that a node produces: an element type, a shape, and names. Equal to itself alone."""

    __slots__ = (
        "__weakref__", "_names", "_shape", "_users", "element_type", "index", "info", "limits", "node", "partial",
        "symbols",
    )  # fmt: skip

    def __init__(self, node: Node, index: int) -> None:
        self.node = node
        self.index = index
        self.element_type = Type.dynamic
        self.partial: PartialValue | None = None
        self.info: dict[str, Any] = {}  # what rt_info shows
        self.limits: tuple[Any, Any] = (None, None)  # Tensors that programs set as bounds of the elements
        self.symbols: Sequence[Symbol] = ()
        self._shape = _UNKNOWN
        self._names: set[str] = set()
        self._users: dict[int, ref[Node]] = {}  # by id, also of such as are gone

    @classmethod
    def _from_node(cls, node: Node) -> Output:
        """The only output of a node."""
        return node._only()

    @property
    def names(self) -> set[str]:
        """The tensor's names. A Result shows its own, or else those of the tensor that it reads, which shows both."""
        if self.node.op.type == "Result":
            return set(self._names) or self.node.sources[0].names
        if not self._users:
            return set(self._names)
        results = [user.output(0) for user in self.users if user.op.type == "Result"]
        return self._names.union(*(result._names for result in results))

    @property
    def users(self) -> list[Node]:
        """The nodes that read the tensor, in the order in which they began to. It does not keep them alive."""
        return [user for found in self._users.values() if (user := found()) is not None]

    def begin_use(self, user: Node) -> None:
        """Says that a node reads the tensor."""
        users = self._users
        if len(users) >= 15 and not len(users) & (len(users) + 1):  # now and then, and seldom while there are many
            self._users = users = {key: found for key, found in users.items() if found() is not None}
        users.pop(id(user), None)  # one that is gone may have had the id
        users[id(user)] = ref(user)

    def end_use(self, user: Node) -> None:
        self._users.pop(id(user), None)

    @property
    def shown(self) -> Output:
        """The tensor that this output shows: that which a Result reads, for all else the output itself."""
        return self.node.sources[0] if self.node.op.type == "Result" else self

    @property
    def own_names(self) -> set[str]:
        """The names that were given to this output itself."""
        return set(self._names)

    @property
    def any_name(self) -> str:
        """The first name in byte order; RuntimeError when there is none."""
        names = self.names
        if not names:
            raise RuntimeError(f"output {self.index} of {self.node} has no name")
        return min(names, key=str.encode)

    def set_names(self, names: set[str]) -> None:
        if not isinstance(names, (set, frozenset)) or not all(isinstance(name, str) for name in names):
            raise TypeError(f"expected names to be a set of str, got {names!r}")
        self._names.clear()
        self._names.update(names)

    def add_names(self, names: set[str]) -> None:
        if not isinstance(names, (set, frozenset)):
            raise TypeError(f"expected names to be a set of str, got {names!r}")
        self.set_names(self._names | names)

    def add_name(self, name: str) -> None:
        """Gives the tensor one name more."""
        self._names.add(name)

    @property
    def partial_shape(self) -> PartialShape:
        """A copy of the shape, for the caller to change."""
        return PartialShape(self._shape)

    @property
    def shape(self) -> Shape:
        return self._shape.to_shape()

    @property
    def tensor(self) -> DescriptorTensor:
        return DescriptorTensor(self)

    @property
    def rt_info(self) -> RTMap:
        return RTMap(self.info)

    def set_rt_info(self, value: Any, key: str) -> None:
        self.info[key] = plain(value)

    @property
    def target_inputs(self) -> set[Input]:
        return {Input(user, i) for user in self.users for i, source in enumerate(user.sources) if source is self}

    def replace(self, replacement: Output) -> None:
        """Makes all who read this output read `replacement`, which gets its names too."""
        if not isinstance(replacement, Output):
            raise TypeError(f"expected an Output as the replacement, got {type(replacement).__name__}")
        replacement._names |= self._names
        for user in self.users:
            user.set_sources([replacement if source is self else source for source in user.sources])

    def remove_target_input(self, target_input: Input) -> None:
        """Makes a reader of this output disappear from those it is listed for, until it is given a source again."""
        if not isinstance(target_input, Input):
            raise TypeError(f"expected an Input that reads the output, got {type(target_input).__name__}")
        self.end_use(target_input.node)

    def argument(self) -> Argument:
        return Argument(self.element_type, self._shape, self.partial)

    def become(self, tensor: TensorType, partial: PartialValue | None) -> None:
        """Takes the type and the known elements that were inferred."""
        self.element_type, self._shape = tensor
        self.partial = partial
        self.limits = (None, None)

    def get_node(self) -> Node:
        return self.node

    def get_index(self) -> int:
        return self.index

    def get_names(self) -> set[str]:
        return self.names

    def get_any_name(self) -> str:
        return self.any_name

    def get_element_type(self) -> Type:
        return self.element_type

    def get_partial_shape(self) -> PartialShape:
        return self.partial_shape

    def get_shape(self) -> Shape:
        return self.shape

    def get_tensor(self) -> DescriptorTensor:
        return self.tensor

    def get_target_inputs(self) -> set[Input]:
        return self.target_inputs

    def get_rt_info(self) -> RTMap:
        return self.rt_info

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    def __lt__(self, other: object) -> bool:
        """Outputs are in the order in which their nodes were made."""
        if not isinstance(other, Output):
            return NotImplemented
        return (self.node.number, self.index) < (other.node.number, other.index)

    def __copy__(self) -> Output:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Output:
        raise TypeError("an Output can't be copied without its model; Model.clone() copies both")

    def __reduce__(self) -> Any:
        raise TypeError("an Output can't be pickled")

    def __repr__(self) -> str:
        return f"<Output: names[{', '.join(sorted(self.names))}] shape{self._shape} type: {self.element_type.name}>"


@dataclass(frozen=True, repr=False)
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

    @property
    def rt_info(self) -> RTMap:
        return RTMap(self.node.input_info.setdefault(self.index, {}))

    def set_rt_info(self, value: Any, key: str) -> None:
        self.rt_info[key] = value

    def replace_source_output(self, new_source_output: Output) -> None:
        """Makes the node read `new_source_output` here."""
        if not isinstance(new_source_output, Output):
            raise TypeError(f"expected a node to read an Output, got {type(new_source_output).__name__}")
        sources = list(self.node.sources)
        sources[self.index] = new_source_output
        self.node.set_sources(sources)

    def get_node(self) -> Node:
        return self.node

    def get_index(self) -> int:
        return self.index

    def get_source_output(self) -> Output:
        return self.source

    def get_element_type(self) -> Type:
        return self.element_type

    def get_partial_shape(self) -> PartialShape:
        return self.partial_shape

    def get_shape(self) -> Shape:
        return self.shape

    def get_tensor(self) -> DescriptorTensor:
        return self.source.tensor

    def get_rt_info(self) -> RTMap:
        return self.rt_info

    def __repr__(self) -> str:
        return f"<Input: shape{self.source.partial_shape} type: {self.element_type.name}>"
