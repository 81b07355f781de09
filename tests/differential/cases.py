"""A case: nodes, the tensors they are given, and what the model declares of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from .draw import Array, element_number

DECLARATIONS = ("static", "dims", "rank")  # shapes known, only ranks known, nothing known


@dataclass(frozen=True)
class Error:
    """How far a result may be off: eps * (ulps * |expected| + terms * magnitude), eps that of the element type.

    terms: how many numbers a sum has; magnitude: how large they are at most. exact: not at all, whatever the type.
    """

    ulps: float = 8
    terms: float = 0
    magnitude: float = 0
    exact: bool = False


@dataclass
class Made:
    """A random node. inputs: None for one left out. steering: places of inputs that are constants more often.

    key: what an exception is looked up by, beside the attributes.
    """

    op_type: str
    domain: str
    inputs: list[Array | None]
    attributes: dict[str, Any]
    outputs: list[bool]
    steering: Sequence[int] = ()
    error: Error = field(default_factory=Error)
    variadic: bool = False


@dataclass(frozen=True)
class Case:
    """Nodes with named inputs and outputs; tensors by name.

    constants: names of tensors that are initializers; declaration: one of DECLARATIONS.
    wanted: names of the outputs of the model.
    """

    label: str
    nodes: list[Any]
    tensors: dict[str, Array]
    constants: frozenset[str]
    wanted: list[str]
    opsets: Mapping[str, int]
    error: Error
    declaration: str = "static"
    made: Made | None = None

    def declared(self, declaration: str) -> Case:
        return replace(self, declaration=declaration)

    @property
    def inputs(self) -> dict[str, Array]:
        """What is given when the model runs."""
        return {name: array for name, array in self.tensors.items() if name not in self.constants}

    def model(self) -> Any:
        """The ModelProto; outputs are declared without type and shape."""
        values = [self._value(name, array) for name, array in self.inputs.items()]
        outputs = [onnx.ValueInfoProto(name=name) for name in self.wanted]
        fixed = [_tensor(self.tensors[name], name) for name in self.tensors if name in self.constants]
        graph = helper.make_graph(self.nodes, "case", values, outputs, fixed)
        opsets = [helper.make_opsetid(domain, version) for domain, version in self.opsets.items()]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)

    def _value(self, name: str, array: Array) -> Any:
        dims = {"static": list(array.shape), "dims": [f"{name}{i}" for i in range(array.ndim)], "rank": None}
        return helper.make_tensor_value_info(name, element_number(array.dtype), dims[self.declaration])

    def text(self) -> str:
        """The model and its inputs, enough to write the case down."""
        lines = [onnx.printer.to_text(self.model())]
        for name, array in self.inputs.items():
            elements = np.array2string(array, threshold=400, separator=",", floatmode="unique", max_line_width=110)
            lines.append(f"{name}: {array.dtype}{list(array.shape)} = {elements}")
        return "\n".join(lines)


def _tensor(array: Array, name: str) -> Any:
    return numpy_helper.from_array(np.asarray(array), name)


def named(made: Made, prefix: str, first: str | None = None) -> tuple[Any, dict[str, Array], list[str]]:
    """The NodeProto of a made node, its tensors by name, and the names of its outputs. first: the name that its first
    input has already."""
    tensors: dict[str, Array] = {}
    names = []
    for i, array in enumerate(made.inputs):
        if array is None:
            names.append("")
        elif i == 0 and first is not None:
            names.append(first)
        else:
            names.append(f"{prefix}i{i}")
            tensors[names[-1]] = array
    while names and not names[-1]:
        names.pop()
    outputs = [f"{prefix}o{i}" if wanted else "" for i, wanted in enumerate(made.outputs)]
    while outputs and not outputs[-1]:
        outputs.pop()
    attributes = {name: value for name, value in made.attributes.items() if value is not None}
    node = helper.make_node(made.op_type, names, outputs, domain=made.domain)
    for name, value in sorted(attributes.items()):
        node.attribute.append(attribute(name, value))
    return node, tensors, [name for name in outputs if name]


def attribute(name: str, value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return helper.make_attribute(name, numpy_helper.from_array(value))
    if isinstance(value, bool):
        return helper.make_attribute(name, int(value))
    if isinstance(value, list) and not value:
        return onnx.AttributeProto(name=name, type=onnx.AttributeProto.INTS)
    return helper.make_attribute(name, value)
