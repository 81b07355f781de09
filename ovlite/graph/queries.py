"""Queries about a node and its ports, by OpenVINO's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..records import dataclass
from ..types import PartialShape, Shape, Type
from .operator import Operator
from .ports import DescriptorTensor, Input, Output
from .runtime_info import RTMap


@dataclass(frozen=True)
class DiscreteTypeInfo:
    """The operation that a node carries out, and the opset that defines it."""

    name: str
    version_id: str
    parent: DiscreteTypeInfo | None = None

    def __repr__(self) -> str:
        return f"<DiscreteTypeInfo: {self.name} {self.version_id}>"


class NodeQueries:
    """The reading half of Node. `number` counts nodes in the order in which they are made."""

    op: Operator
    name: str
    number: int
    info: dict[str, Any]
    input_info: dict[int, dict[str, Any]]
    _friendly_name: str | None
    _sources: list[Output]
    _outputs: list[Output]

    @property
    def friendly_name(self) -> str:
        return self.name if self._friendly_name is None else self._friendly_name

    @friendly_name.setter
    def friendly_name(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"expected a name to be a str, got {name!r}")
        self._friendly_name = name

    @property
    def is_named(self) -> bool:
        """Whether somebody gave a name, so that it is not only made of the type and a number."""
        return self._friendly_name is not None

    def get_friendly_name(self) -> str:
        return self.friendly_name

    def set_friendly_name(self, name: str) -> None:
        self.friendly_name = name

    def get_name(self) -> str:
        return self.name

    def get_instance_id(self) -> int:
        return self.number

    def get_type_name(self) -> str:
        return self.op.type

    @property
    def type_info(self) -> DiscreteTypeInfo:
        return DiscreteTypeInfo(self.op.type, self.op.opset)

    def get_type_info(self) -> DiscreteTypeInfo:
        return self.type_info

    def get_attributes(self) -> dict[str, Any]:
        """The operator's attributes as numbers, str and lists."""
        return {name: _plain(value) for name, value in self.op.attributes().items()}

    @property
    def rt_info(self) -> RTMap:
        return RTMap(self.info)

    def get_rt_info(self) -> RTMap:
        return self.rt_info

    def set_rt_info(self, value: Any, key: str) -> None:
        self.rt_info[key] = value

    @property
    def shape(self) -> Shape:
        """The shape of the only output; RuntimeError when it is dynamic, or one of several."""
        return self._only().shape

    def get_element_type(self) -> Type:
        return self._only().element_type

    def _only(self) -> Output:
        if len(self._outputs) != 1:
            raise RuntimeError(f"{self} has {len(self._outputs)} outputs; say which one with .output(i)")
        return self._outputs[0]

    def inputs(self) -> list[Input]:
        return [Input(self, i) for i in range(len(self._sources))]  # type: ignore[arg-type]  # every Node is one

    def input(self, input_index: int) -> Input:
        self.input_value(input_index)
        return self.inputs()[input_index]

    def input_values(self) -> list[Output]:
        return list(self._sources)

    def input_value(self, index: int) -> Output:
        return self._port(self._sources, index, "input")

    def outputs(self) -> list[Output]:
        return list(self._outputs)

    def output(self, output_index: int) -> Output:
        return self._port(self._outputs, output_index, "output")

    def _port(self, ports: Sequence[Output], index: int, kind: str) -> Output:
        if not hasattr(index, "__index__") or index < 0:
            raise TypeError(f"{kind}s are counted from 0; there is no {index!r}")
        if index >= len(ports):
            raise RuntimeError(f"{self} has no {kind} {index}: it has {len(ports)}")
        return ports[index]

    def get_input_size(self) -> int:
        return len(self._sources)

    def get_input_element_type(self, index: int) -> Type:
        return self.input_value(index).element_type

    def get_input_partial_shape(self, index: int) -> PartialShape:
        return self.input_value(index).partial_shape

    def get_input_shape(self, index: int) -> Shape:
        return self.input_value(index).shape

    def get_input_tensor(self, index: int) -> DescriptorTensor:
        return self.input_value(index).tensor

    def get_output_size(self) -> int:
        return len(self._outputs)

    def get_output_element_type(self, index: int) -> Type:
        return self.output(index).element_type

    def get_output_partial_shape(self, index: int) -> PartialShape:
        return self.output(index).partial_shape

    def get_output_shape(self, index: int) -> Shape:
        return self.output(index).shape

    def get_output_tensor(self, index: int) -> DescriptorTensor:
        return self.output(index).tensor

    def __repr__(self) -> str:
        shapes = ", ".join(str(output.partial_shape) for output in self._outputs)
        return f"<{self.op.type}: '{self.friendly_name}' ({shapes})>"


def _plain(value: Any) -> Any:
    if isinstance(value, Type):
        return value.get_type_name()
    if isinstance(value, PartialShape):
        return list(value.to_shape()) if value.is_static else str(value)
    return [_plain(item) for item in value] if isinstance(value, (tuple, list)) else value
