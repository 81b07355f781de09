"""CompiledModel: a model that is ready to run."""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import suggestion
from ..graph import Constant, Model, Node, Output, TensorType
from ..kernels.runtime.compiled import Compiled
from ..kernels.runtime.results import OVDict, Ports
from ..ops.maps import ZipMap
from ..plan import Options, Plan
from ..types import Type
from .config import Config
from .infer_request import InferRequest, list_ports, port_index
from .ports import ConstOutput
from .string_ports import make_executable
from .tensor import packed_bits
from .threads import shared_streams
from .variable_state import VariableState

Mapping.register(OVDict)
_IMPORTING = threading.Lock()


class Compilation:
    """What all requests of one compiled model share.

    model: as it was when it was compiled. owned: nobody else changes the model that is given.
    types: what Request needs to know of each input's element type.
    """

    def __init__(self, model: Model, config: Config, *, owned: bool = False) -> None:
        self.config = config
        self.model = model = model if owned else model.clone()
        self.name = model.get_friendly_name()
        streams, threads = config.streams(), config.threads_per_stream()
        self.executable = make_executable(model, Options(threads=threads, precision=config.precision()))
        self.streams = shared_streams(streams, threads)
        self.variables = self.executable.variables
        self.profiled = config.profiled()
        inputs, outputs = _ports(model.inputs, self.executable.inputs), _ports(model.outputs, self.executable.outputs)
        self.types = tuple(_numpy_type(port.element_type) for port in inputs)
        self.maps = [_maps(result) for result in model.results]
        decoded = any(self.maps) or any(port.element_type is Type.string for port in outputs)
        self.ports = Ports(inputs, outputs, ConstOutput, decoded)
        for port in [*inputs, *outputs]:
            port._renamed = self.ports.rename
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

    def export(self) -> bytes:
        """The model and its properties, as import_model() reads them."""
        from .exported_model import pack

        tensors = [*self.model.inputs, *self.model.outputs]
        for tensor, port in zip(tensors, [*self.ports.inputs, *self.ports.outputs], strict=True):
            tensor.set_names(port.names)
        return pack(self.model, self.config)

    def wrapper(self) -> CompiledModel:
        """Another CompiledModel on this compilation."""
        return CompiledModel(self)


class CompiledModel(Compiled):
    """A model compiled by Core.compile_model(); call it, or make requests of it."""

    def __init__(self, other: Compilation | CompiledModel) -> None:
        if not isinstance(other, (Compilation, CompiledModel)):
            raise TypeError(f"a CompiledModel is made by Core.compile_model(), not from {type(other).__name__}")
        self._compilation: Compilation = other if isinstance(other, Compilation) else other._compilation

    @classmethod
    def _imported_later(cls, exported: bytes) -> CompiledModel:
        """A model that is made from its exported form when it is first used."""
        compiled = cls.__new__(cls)
        vars(compiled)["_exported"] = exported
        return compiled

    def __getattr__(self, name: str) -> Any:
        exported = vars(self).get("_exported")
        if name != "_compilation" or exported is None:
            raise AttributeError(f"a CompiledModel has no attribute {name!r}")
        with _IMPORTING:
            if "_compilation" not in vars(self):
                self._compilation = imported(exported, {})
        return self._compilation

    def export_model(self, model_stream: io.BytesIO | None = None) -> io.BytesIO | None:
        """Writes what Core.import_model() reads to a stream, whose position stays, or to a new one that is returned."""
        if model_stream is None:
            return io.BytesIO(self._compilation.export())
        if not isinstance(model_stream, io.BytesIO):
            raise TypeError(f"a model is exported to a BytesIO, not to {type(model_stream).__name__}")
        place = model_stream.tell()
        model_stream.write(self._compilation.export())
        model_stream.seek(place)
        return None

    def _new_request(self, hidden: bool) -> InferRequest:
        return InferRequest(self._compilation, hidden)

    def create_infer_request(self) -> InferRequest:
        return InferRequest(self._compilation)

    def infer_new_request(self, inputs: Any = None) -> OVDict:
        """Runs the model on a new request; inputs and results are copied."""
        return self.create_infer_request().infer(inputs)

    @property
    def inputs(self) -> list[ConstOutput]:
        return list(self._compilation.ports.inputs)

    @property
    def outputs(self) -> list[ConstOutput]:
        return list(self._compilation.ports.outputs)

    def input(self, index: int | str | None = None, *, tensor_name: str | None = None) -> ConstOutput:
        """The input of this index or name, or the only one."""
        return self._port("input", index if tensor_name is None else tensor_name)

    def output(self, index: int | str | None = None, *, tensor_name: str | None = None) -> ConstOutput:
        """The output of this index or name, or the only one."""
        return self._port("output", index if tensor_name is None else tensor_name)

    def _port(self, kind: str, key: int | str | None) -> ConstOutput:
        table = self._compilation.ports
        ports: tuple[ConstOutput, ...]
        ports, keys = (table.inputs, table.input_keys) if kind == "input" else (table.outputs, table.output_keys)
        if not isinstance(key, str):
            return ports[port_index(ports, key, kind)]
        if key not in keys:
            known = [name for name in keys if isinstance(name, str)]
            raise RuntimeError(f"the model has no {kind} {key!r}; it has {', '.join(known)}.{suggestion(key, known)}")
        return ports[keys[key]]

    def get_property(self, property: str) -> Any:
        return self._compilation.config.compiled_property(property, self._compilation.name)

    def set_property(self, properties: dict[str, Any] | tuple[str, Any]) -> None:
        if not isinstance(properties, (dict, tuple)):
            raise TypeError("properties are a dict or a (key, value) pair")
        raise RuntimeError("properties of a compiled model can't be changed; pass them to compile_model()")

    def query_state(self) -> list[VariableState]:
        """The variables of the request that calls go to."""
        request: InferRequest = self._hidden_request()
        return request.query_state()

    def reset_state(self) -> None:
        self._hidden_request().reset_state()

    def get_runtime_model(self) -> Model:
        """What runs: a model of nodes of type ExecutionNode, which tell of themselves in their rt_info."""
        from .execution_graph import runtime_model

        request: InferRequest | None = self._infer_request
        return runtime_model(self._compilation, request)

    def release_memory(self) -> None:
        """Drops the buffers that idle requests for simultaneous calls hold."""
        self._drop_idle()

    def __copy__(self) -> Any:
        raise TypeError("a CompiledModel can't be copied; it can be used from many threads as it is")

    def __deepcopy__(self, memo: Any) -> CompiledModel:
        """Another CompiledModel of the same compilation: with requests, and values of variables, of its own."""
        return CompiledModel(self)

    def __reduce__(self) -> tuple[Any, ...]:
        made = vars(self).get("_compilation")
        return CompiledModel._imported_later, (vars(self)["_exported"] if made is None else made.export(),)

    def __repr__(self) -> str:
        return f"<CompiledModel:\n{list_ports(self._compilation.ports.inputs, self._compilation.ports.outputs)}>"


def _ports(outputs: Sequence[Output], kinds: Sequence[TensorType]) -> list[ConstOutput]:
    return [ConstOutput(output, kind, place) for place, (output, kind) in enumerate(zip(outputs, kinds, strict=True))]


def imported(exported: bytes, properties: Mapping[str, Any]) -> Compilation:
    """What export_model() wrote, compiled with its properties and others that replace them.

    RuntimeError for any other bytes.
    """
    from .exported_model import unpack

    found = unpack(exported)
    return Compilation(found.model, Config({**found.properties, **properties}), owned=True)


def _numpy_type(element_type: Type) -> tuple[int, bool]:
    """(numpy's type number, whether values need more than a cast) for an input of this type."""
    if element_type is Type.string:
        return np.dtype(object).num, True
    return element_type.to_dtype().num, element_type is Type.bf16 or packed_bits(element_type) > 0


def _maps(result: Node) -> ZipMap | None:
    """What makes dicts of an output's elements, for one that is handed out as a list of dicts."""
    op = result.sources[0].node.op
    return op if isinstance(op, ZipMap) else None


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
