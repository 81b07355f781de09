"""Compilation: what all requests of one compiled model share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..graph import Constant, Model, Node, Output, TensorType
from ..graph.elements import bound_type, held_as_objects
from ..plan import Executable, Plan
from ..types import OptionalType, SequenceType, Type
from .config import Config
from .ports import CompiledPorts, ConstOutput, Form
from .string_ports import StringExecutable, make_executable
from .tensor import from_strings, is_foreign, packed_bits
from .threads import shared_streams

if TYPE_CHECKING:
    from .blob import Blob


class Names(NamedTuple):
    """The names of a model, of the tensors that it is given, and of those that it gives."""

    model: str
    inputs: Sequence[Sequence[str]]
    outputs: Sequence[Sequence[str]]

    @classmethod
    def of(cls, model: Model) -> Names:
        inputs, outputs = ([sorted(port.names) for port in ports] for ports in (model.inputs, model.outputs))
        return cls(model.get_friendly_name(), inputs, outputs)

    def give_to(self, model: Model) -> Model:
        """The model, with these names."""
        model.set_friendly_name(self.model)
        for port, names in zip([*model.inputs, *model.outputs], [*self.inputs, *self.outputs], strict=True):
            port.set_names(set(names))
        return model


class Origin:
    """The model that was compiled: one that is given, or a file that holds it until it is asked for.

    Ports refer to this, and not to the compilation: with the last who can run it, all its memory goes at once, and
    the collector of garbage finds the graph alone.
    """

    def __init__(self, names: Names, model: Model | None = None, blob: Blob | None = None) -> None:
        self.names = names
        self._model = model
        self._blob = blob

    @property
    def model(self) -> Model:
        if self._model is None:
            assert self._blob is not None
            self._model = self.names.give_to(self._blob.model())
        return self._model

    def input(self, position: int) -> Output:
        return self.model.inputs[position]

    def output(self, position: int) -> Output:
        return self.model.outputs[position]


class Compilation:
    """State shared by all requests of one compiled model.

    model: as it was when it was compiled. owned: nobody else changes the model that is given.
    types: what Request needs to know of each input's element type. packed: elements of some output are packed.
    """

    def __init__(self, model: Model, config: Config, *, owned: bool = False) -> None:
        model = model if owned else model.clone()
        with model.order_kept():
            self.sources = _sources(model)
            self._initial = _initial_values(model)
            forms = [_form(result) for result in model.results]
            executable = make_executable(model, config.options())
        self._open(executable, Origin(Names.of(model), model), forms, config)

    @classmethod
    def restored(cls, blob: Blob, names: Names, config: Config) -> Compilation:
        """What a file holds. The model is made of it when it is asked for, and has these names."""
        self = cls.__new__(cls)
        about = blob.document
        self.sources = tuple(None if pair is None else (bool(pair[0]), int(pair[1])) for pair in about["sources"])
        self._initial = {name: np.array(blob.array(place)) for name, place in about["initial"].items()}
        executable = blob.executable(config.options())
        ends = len(executable.outputs), len(executable.inputs)
        known = all(pair is None or 0 <= pair[1] < ends[pair[0]] for pair in self.sources)
        if not known or not len(self.sources) == len(executable.outputs) == len(names.outputs):
            raise ValueError("the names are not those of the ports")
        self._open(executable, Origin(names, blob=blob), [None] * len(executable.outputs), config)
        return self

    def _open(
        self, executable: Executable | StringExecutable, origin: Origin, forms: Sequence[Form | None], config: Config
    ) -> None:
        self.config = config
        self.name = origin.names.model
        self._origin = origin
        streams, threads = config.streams(), config.threads_per_stream()
        self.executable = executable
        self.streams = shared_streams(streams, threads, bool(config["ENABLE_CPU_PINNING"]))
        self.variables = executable.variables
        self.profiled = config.profiled()
        inputs = _ports(origin.input, origin.names.inputs, executable.inputs)
        outputs = _ports(origin.output, origin.names.outputs, executable.outputs)
        self.types = tuple(_numpy_type(port.element_type) for port in inputs)
        self.packed = any(packed_bits(port.element_type) for port in outputs)
        self.ports = CompiledPorts(inputs, outputs, forms)

    @property
    def model(self) -> Model:
        return self._origin.model

    @property
    def names(self) -> Names:
        """The names as they are now; programs may give ports others."""
        inputs, outputs = ([sorted(port.names) for port in ports] for ports in (self.ports.inputs, self.ports.outputs))
        return Names(self.name, inputs, outputs)

    def write(self, file: IO[bytes], about: Mapping[str, Any]) -> bytes:
        """Writes what restored() reads, and gives a digest of the model's constants. about: what else the file tells.
        Unfrozen where that can't be done."""
        from ..plan.frozen import Unfrozen
        from .blob import write

        if not isinstance(self.executable, Executable) or any(self.ports.forms):
            raise Unfrozen("strings, sequences or maps")
        return write(file, self.executable, self.model, self._initial, {**about, "sources": self.sources})

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


def _ports(
    find: Callable[[int], Output], names: Sequence[Sequence[str]], kinds: Sequence[TensorType]
) -> list[ConstOutput]:
    pairs = zip(names, kinds, strict=True)
    return [ConstOutput(find, kind, position, set(known)) for position, (known, kind) in enumerate(pairs)]


def _numpy_type(element_type: Type) -> tuple[int, bool]:
    """(numpy's type number, whether values need more than a cast) for an input of this type."""
    if held_as_objects(element_type):
        return np.dtype(object).num, True
    return bound_type(element_type).to_dtype().num, is_foreign(element_type)


def _form(result: Node) -> Form | None:
    """The conversion of an output's value: to text, a list of arrays, or a list of dicts; None for its array."""
    source = result.sources[0]
    op = source.node.op
    if op.type == "ZipMap":
        from ..ops.maps import ZipMap

        if isinstance(op, ZipMap):
            return lambda scores, decode: op.maps(scores)
    return partial(_shown, source.element_type) if held_as_objects(source.element_type) else None


def _shown(kind: Type, value: npt.NDArray[Any], decode: bool) -> Any:
    """Text, a list of what a sequence holds, or what an optional holds."""
    if not isinstance(kind, SequenceType):
        return from_strings(value, decode) if kind is Type.string else value
    items = [_shown(kind.element, item, decode) for item in value.tolist()]
    return next(iter(items), None) if isinstance(kind, OptionalType) else items


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
