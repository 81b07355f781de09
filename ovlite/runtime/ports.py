"""ConstOutput: a port of a compiled model. CompiledPorts: all of them, and the lookup by name and by port."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import total_ordering
from typing import Any

from ..graph import DescriptorTensor, Node, Output, Parameter, TensorType
from ..graph.lookup import no_port
from ..graph.runtime_info import RTMap
from ..kernels.runtime.results import Ports
from ..types import PartialShape, Shape, Type


def _nobody() -> None:
    """The default listener for changes of a port's names: does nothing."""


class PortTensor(DescriptorTensor):
    """The tensor that a port of a compiled model stands for: its type and shape as they are compiled, and its names."""

    __slots__ = ("_port",)

    def __init__(self, port: ConstOutput) -> None:
        super().__init__(port._as_output)
        self._port = port

    @property
    def names(self) -> set[str]:
        return self._port.names

    @names.setter
    def names(self, names: set[str]) -> None:
        self.set_names(names)

    @property
    def any_name(self) -> str:
        return self._port.any_name

    @property
    def element_type(self) -> Type:
        return self._port.element_type

    @property
    def partial_shape(self) -> PartialShape:
        return self._port.partial_shape

    @property
    def shape(self) -> Shape:
        return self._port.shape

    def become(self, tensor: TensorType) -> None:
        """RuntimeError: what is compiled stays."""
        raise RuntimeError("the type of a compiled model's tensor can't be changed; change the model, and compile it")

    def __repr__(self) -> str:
        return repr(self._port).replace("ConstOutput", "DescriptorTensor", 1)

    def set_names(self, names: set[str]) -> None:
        """Gives the port other names, by which inputs are given and results are found from then on."""
        if not isinstance(names, set):
            raise TypeError(f"expected names to be a set of str, got {type(names).__name__}")
        self._port._tensor_names = set(names)
        self._port._renamed()

    def add_names(self, names: set[str]) -> None:
        self.set_names(self.names | names)


@total_ordering
class ConstOutput:
    """An input or output of a compiled model; equal to nothing but itself, and a key of inputs and results."""

    __slots__ = ("__weakref__", "_find", "_kind", "_position", "_renamed", "_tensor_names")

    def __init__(self, find: Callable[[int], Output], kind: TensorType, position: int, names: set[str]) -> None:
        self._find = find  # the port of the model, by its position, which may have to be read first
        self._position = position
        self._tensor_names = names
        self._renamed: Callable[[], None] = _nobody
        self._kind = kind

    @property
    def _output(self) -> Output:
        return self._find(self._position)

    @property
    def names(self) -> set[str]:
        return set(self._tensor_names)

    @property
    def any_name(self) -> str:
        """The first name in byte order; RuntimeError when there is none."""
        if not self._tensor_names:
            raise RuntimeError(f"{self!r} has no name")
        return min(self._tensor_names, key=str.encode)

    @property
    def element_type(self) -> Type:
        return self._kind.element_type

    @property
    def partial_shape(self) -> PartialShape:
        return PartialShape(self._kind.shape)

    @property
    def node(self) -> Node:
        """The Parameter or Result that the port belongs to."""
        return self._output.node

    @property
    def index(self) -> int:
        return self._output.index

    @property
    def shape(self) -> Shape:
        return self.partial_shape.to_shape()

    @property
    def tensor(self) -> PortTensor:
        """The object that holds the port's names."""
        return PortTensor(self)

    @property
    def target_inputs(self) -> set[Any]:
        return self._output.target_inputs

    @property
    def rt_info(self) -> RTMap:
        return self._output.rt_info

    @property
    def _as_output(self) -> Output:
        return self._output

    def get_any_name(self) -> str:
        return self.any_name

    def get_names(self) -> set[str]:
        return self.names

    def get_node(self) -> Node:
        return self.node

    def get_index(self) -> int:
        return self.index

    def get_shape(self) -> Shape:
        return self.shape

    def get_partial_shape(self) -> PartialShape:
        return self.partial_shape

    def get_element_type(self) -> Type:
        return self.element_type

    def get_tensor(self) -> PortTensor:
        return self.tensor

    def get_target_inputs(self) -> set[Any]:
        return self.target_inputs

    def get_rt_info(self) -> RTMap:
        return self.rt_info

    def __lt__(self, other: object) -> bool:
        return self._position < other._position if isinstance(other, ConstOutput) else NotImplemented

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    def __copy__(self) -> ConstOutput:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> ConstOutput:
        raise TypeError("a port of a compiled model can't be copied deeply")

    def __reduce__(self) -> tuple[Any, ...]:
        return _detached, (self._tensor_names, self.element_type, str(self.partial_shape), self._position)

    def __repr__(self) -> str:
        names = ", ".join(sorted(self.names))
        return f"<ConstOutput: names[{names}] shape{self.partial_shape} type: {self.element_type.name}>"


def _detached(names: set[str], element_type: Type, shape: str, position: int) -> ConstOutput:
    """A port from its pickle: a key of the results that were pickled with it, and of nothing else."""
    kind = TensorType(element_type, PartialShape(shape))
    output = Parameter(*kind).output(0)
    output.set_names(names)
    return ConstOutput(lambda _: output, kind, position, set(names))


# What an output's elements are handed out as, when text is to be decoded or not.
Form = Callable[[Any, bool], Any]


class CompiledPorts(Ports):
    """The inputs and outputs of a compiled model, and the keys that name them.

    forms: for each output that is not handed out as its array, what makes of its elements what is, and whether text is
    decoded; None for the others.
    """

    inputs: tuple[ConstOutput, ...]
    outputs: tuple[ConstOutput, ...]

    def __init__(
        self, inputs: Sequence[ConstOutput], outputs: Sequence[ConstOutput], forms: Sequence[Form | None]
    ) -> None:
        self.forms = forms
        packed = any(0 < port.element_type.bitwidth < 8 for port in outputs)
        super().__init__(inputs, outputs, ConstOutput, packed or any(form is not None for form in forms))
        for port in [*inputs, *outputs]:
            port._renamed = self.rename

    def find(self, port: Any) -> tuple[bool, int]:
        """(whether it is an input, its index) of what a tensor name, or a port of this model or its source, tells."""
        if not isinstance(port, (str, ConstOutput, Output)):
            raise TypeError(f"expected a tensor to be named by str or by a port, got {type(port).__name__}")
        for is_input, keys in ((True, self.input_keys), (False, self.output_keys)):
            if port in keys:
                return is_input, keys[port]
        if not isinstance(port, str):
            for is_input, ports in ((True, self.inputs), (False, self.outputs)):
                for index, mine in enumerate(ports):
                    if mine.node is port.node or (port.names and port.names == mine.names):
                        return is_input, index
        raise RuntimeError(no_port([*self.inputs, *self.outputs], port, "port"))

    def text(self) -> str:
        """A line for each port."""
        inputs, outputs = (",\n".join(map(repr, ports)) for ports in (self.inputs, self.outputs))
        return "\n".join(["inputs[", inputs, "]", "outputs[", outputs, "]"])
