"""Compilation: what all requests of one compiled model share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph import Constant, Model, Node, Output, TensorType
from ..graph.elements import bound_type, held_as_objects
from ..ops.maps import ZipMap
from ..plan import Plan
from ..types import SequenceType, Type
from .config import Config
from .ports import CompiledPorts, ConstOutput, Form
from .string_ports import make_executable
from .tensor import from_strings, is_foreign, packed_bits
from .threads import shared_streams


class Compilation:
    """State shared by all requests of one compiled model.

    model: as it was when it was compiled. owned: nobody else changes the model that is given.
    types: what Request needs to know of each input's element type. packed: elements of some output are packed.
    """

    def __init__(self, model: Model, config: Config, *, owned: bool = False) -> None:
        self.config = config
        self.model = model = model if owned else model.clone()
        self.name = model.get_friendly_name()
        streams, threads = config.streams(), config.threads_per_stream()
        self.executable = make_executable(model, config.options())
        self.streams = shared_streams(streams, threads, bool(config["ENABLE_CPU_PINNING"]))
        self.variables = self.executable.variables
        self.profiled = config.profiled()
        inputs = _ports_of(model.inputs, self.executable.inputs)
        outputs = _ports_of(model.outputs, self.executable.outputs)
        self.types = tuple(_numpy_type(port.element_type) for port in inputs)
        self.packed = any(packed_bits(port.element_type) for port in outputs)
        self.ports = CompiledPorts(inputs, outputs, [_form(result) for result in model.results])
        self.sources = _sources(model)
        self._initial = _initial_values(model)

    def initial_state(self, index: int) -> npt.NDArray[Any]:
        """The value that a variable has before the first run, as far as it does not follow from inputs: zeros then."""
        variable = self.variables[index]
        found = self._initial.get(variable.name)
        if found is not None:
            return found
        shape = tuple(dim.min_length for dim in variable.shape.dims) if variable.shape.has_rank else (0,)
        return np.zeros(shape, variable.element_type.to_dtype())

    def static_plan(self) -> Plan | None:
        """The plan of a first run; None when shapes follow from what it is given."""
        shapes = [kind.shape for kind in self.executable.inputs]
        if not all(shape.is_static for shape in shapes):
            return None
        fresh = frozenset(variable.name for variable in self.variables)
        plan = self.executable.plan(tuple(tuple(shape.to_shape()) for shape in shapes), fresh)
        return plan if isinstance(plan, Plan) else None

    def export(self, *, plain: bool = False) -> bytes:
        """The model and its properties, as import_model() reads them. plain: whole and not encrypted in any case."""
        from .exported_model import pack

        tensors = [*self.model.inputs, *self.model.outputs]
        for tensor, port in zip(tensors, [*self.ports.inputs, *self.ports.outputs], strict=True):
            tensor.set_names(port.names)
        return pack(self.model, self.config, plain=plain)


def _ports_of(outputs: Sequence[Output], kinds: Sequence[TensorType]) -> list[ConstOutput]:
    return [
        ConstOutput(output, kind, position) for position, (output, kind) in enumerate(zip(outputs, kinds, strict=True))
    ]


def imported(exported: bytes, config: Config) -> Compilation:
    """Compiles what export_model() wrote, with its properties and others that replace them.

    RuntimeError for any other bytes.
    """
    from .exported_model import unpack
    from .weightless import from_file, from_model

    path, model = config["WEIGHTS_PATH"], config["MODEL_PTR"]
    source = from_file(path) if path else None if model is None else from_model(model)
    found = unpack(exported, config.callbacks(), source)
    return Compilation(found.model, config.with_defaults(found.properties), owned=True)


def _numpy_type(element_type: Type) -> tuple[int, bool]:
    """(numpy's type number, whether values need more than a cast) for an input of this type."""
    if held_as_objects(element_type):
        return np.dtype(object).num, True
    return bound_type(element_type).to_dtype().num, is_foreign(element_type)


def _form(result: Node) -> Form | None:
    """The conversion of an output's value: to text, a list of arrays, or a list of dicts; None for its array."""
    source = result.sources[0]
    op = source.node.op
    if isinstance(op, ZipMap):
        return lambda scores, decode: op.maps(scores)
    if isinstance(source.element_type, SequenceType):
        text = source.element_type.element is Type.string
        return lambda items, decode: [from_strings(item, decode) if text else item for item in items.tolist()]
    return from_strings if source.element_type is Type.string else None


def _sources(model: Model) -> tuple[tuple[bool, int] | None, ...]:
    """(is an input, index) of the port whose elements each output shows again; None for those of its own."""
    known = {parameter.output(0): (True, index) for index, parameter in enumerate(model.parameters)}
    found = []
    for index, result in enumerate(model.results):
        source = result.sources[0]
        found.append(known.get(source))
        known.setdefault(source, (False, index))
    return tuple(found)


def _initial_values(model: Model) -> dict[str, npt.NDArray[Any]]:
    """Initial values of the variables whose ReadValue reads a constant, by name."""
    return {
        _variable(node): node.sources[0].node.array
        for node in model.get_ordered_ops()
        if node.get_type_name() == "ReadValue" and node.sources and isinstance(node.sources[0].node, Constant)
    }


def _variable(node: Node) -> str:
    return str(node.op.attributes().get("variable_id"))
