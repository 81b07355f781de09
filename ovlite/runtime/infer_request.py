"""InferRequest: one set of inputs, outputs and variables of a compiled model, and its runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..graph import Output
from ..graph.elements import decode, encode
from ..graph.lookup import label, port_index
from ..imports import forks_wait
from ..kernels.runtime.request import Request
from ..kernels.runtime.results import OVDict
from ..kernels.runtime.storage import Storage
from ..plan import StepTime, of_step, seconds_of
from ..types import PartialShape, SequenceType, Type
from .compilation import Compilation
from .inputs import as_input, given_inputs
from .outputs import given_outputs, refuse_output
from .ports import CompiledPorts, ConstOutput
from .tensor import Tensor, new_storage, on_memory
from .variable_state import VariableState

if TYPE_CHECKING:
    from .compiled_model import CompiledModel

Array = npt.NDArray[Any]


class ProfilingInfo:
    """The cost of one step of a run."""

    class Status(Enum):
        NOT_RUN = 0
        OPTIMIZED_OUT = 1
        EXECUTED = 2

        def __int__(self) -> int:
            return int(self.value)

    def __init__(
        self, node_name: str = "", node_type: str = "", seconds: float = 0.0, status: Status = Status.NOT_RUN
    ) -> None:
        self.node_name = node_name
        self.node_type = node_type
        self.exec_type = node_type
        self.real_time = self.cpu_time = timedelta(seconds=seconds)
        self.status = status

    def __repr__(self) -> str:
        return f"<ProfilingInfo: {self.node_name} {self.node_type} {self.status.name} {self.real_time}>"


class InferRequest(Request):
    """Runs a compiled model on inputs of its own; made by CompiledModel.create_infer_request()."""

    ports: CompiledPorts

    def __init__(
        self, compilation: Compilation, make_model: Callable[[Compilation], CompiledModel], internal: bool = False
    ) -> None:
        self._compilation = compilation
        self._make_model = make_model
        names = tuple(variable.name for variable in compilation.variables)
        super().__init__(
            compilation.executable, compilation.ports, compilation.types, Tensor, names, compilation.sources,
            compilation.streams, internal and not compilation.packed, compilation.profiled,
            compilation.config["KEEP_SHARED_OUTPUTS"], compilation.config["PLAN_MEMORY_LIMIT"],
        )  # fmt: skip

    # What the compiled base class asks for.

    def _convert(self, index: int, value: Any, share: bool) -> None:
        self._bind(True, index, as_input(self.ports.inputs[index], index, value), share)

    def _bind_container(self, inputs: Any, share: bool) -> None:
        for is_input, index, value in given_inputs(self.ports, inputs, share):
            self._bind(is_input, index, value, share)

    def _bind(self, is_input: bool, index: int, value: Array | Tensor, share: bool) -> None:
        if not is_input:
            self.set_output_tensor(index, value)
        elif isinstance(value, Tensor):
            self.set_input_tensor(index, value)
        else:
            self.bind_array(index, value, share)

    def _check_shape(self, index: int, shape: tuple[int, ...]) -> None:
        port = self.ports.inputs[index]
        expected: PartialShape = port.partial_shape
        if isinstance(port.element_type, SequenceType):
            return
        if not expected.relaxes(PartialShape(shape)):
            raise RuntimeError(f"input {label(port, index)} has shape {expected}; the value given has {list(shape)}")

    def _missing(self, indices: Sequence[int]) -> None:
        """Inputs that were never given are an error, but for those that nothing reads."""
        inputs = self.ports.inputs
        needed = [index for index in indices if inputs[index].target_inputs]
        if needed:
            names = ", ".join(label(inputs[index], index) for index in needed)
            raise RuntimeError(
                f"no value was ever given for input {names}; pass it to the call, or fill "
                f"request.get_input_tensor({needed[0]}).data before the first run"
            )
        for index in indices:
            self.input_storage(index)

    def _input_memory(self, index: int) -> Storage:
        return _memory(self.ports.inputs[index], None)

    def _output_memory(self, index: int, shape: tuple[int, ...] | None) -> Storage:
        return _memory(self.ports.outputs[index], shape)

    def _storage_on(self, index: int, array: Array) -> Storage:
        return Storage(self.ports.inputs[index].element_type, array)

    def _unpacked(self, storage: Storage) -> Array:
        return decode(storage.array, storage.element_type, storage.shape)

    def _packed(self, storage: Storage, array: Array) -> Array:
        return encode(array, storage.element_type)

    def _tensor(self, storage: Storage) -> Tensor:
        tensor = Tensor._on(storage)
        tensor._viewed = storage.memory
        return tensor

    def _decode(self, arrays: list[Array], decode: bool) -> list[Array]:
        return [
            array if form is None else form(array, decode) for array, form in zip(arrays, self.ports.forms, strict=True)
        ]

    def _given_outputs(self, out: Any) -> list[Any]:
        return given_outputs(self.ports, out)

    def _refuse_output(self, index: int, array: Any, shape: tuple[int, ...]) -> None:
        refuse_output(self.ports.outputs[index], index, array, shape)

    def initial_state(self, index: int) -> Array:
        return self._compilation.initial_state(index)

    # Tensors.

    @property
    def model_inputs(self) -> list[ConstOutput]:
        return list(self.ports.inputs)

    @property
    def model_outputs(self) -> list[ConstOutput]:
        return list(self.ports.outputs)

    @property
    def input_tensors(self) -> list[Tensor]:
        return [self.get_input_tensor(index) for index in range(len(self.ports.inputs))]

    @property
    def output_tensors(self) -> list[Tensor]:
        return [self.get_output_tensor(index) for index in range(len(self.ports.outputs))]

    @property
    def results(self) -> OVDict:
        """Copies of the output tensors, as a mapping by port, index and name."""
        return self.copies()

    def get_input_tensor(self, index: int | None = None) -> Tensor:
        self.ensure_idle()
        return Tensor._on(self.input_storage(_tensor_index(self.ports.inputs, index, "input")))

    def get_output_tensor(self, index: int | None = None) -> Tensor:
        self.ensure_idle()
        return Tensor._on(self.output_storage(_tensor_index(self.ports.outputs, index, "output")))

    def get_tensor(self, port: str | ConstOutput | Output | None = None, *, name: str | None = None) -> Tensor:
        is_input, index = self.ports.find(port if name is None else name)
        return self.get_input_tensor(index) if is_input else self.get_output_tensor(index)

    def set_tensor(
        self, port: str | ConstOutput | Output | None = None, tensor: Tensor | None = None, *, name: str | None = None
    ) -> None:
        """Makes the request read or write the memory of a tensor, or of what a Tensor can share memory with."""
        tensor = on_memory(tensor)
        is_input, index = self.ports.find(port if name is None else name)
        if is_input:
            self.set_input_tensor(index, tensor)
        else:
            self.set_output_tensor(index, tensor)

    def set_input_tensor(self, *args: Any, **kwargs: Any) -> None:
        """set_input_tensor(tensor) or set_input_tensor(index, tensor): makes the request read its memory.

        tensor: a Tensor, or what a Tensor can share memory with, such as a C-contiguous writable array.
        """
        index, tensor = _index_and_tensor(args, kwargs)
        self.ensure_idle()
        index = _tensor_index(self.ports.inputs, index, "input")
        _check_type(self.ports.inputs[index], index, tensor, "input")
        self.set_input_storage(index, tensor._storage)

    def set_output_tensor(self, *args: Any, **kwargs: Any) -> None:
        """set_output_tensor(tensor) or set_output_tensor(index, tensor): makes the request write its memory.

        tensor: a Tensor, or what a Tensor can share memory with, such as a C-contiguous writable array.
        """
        index, tensor = _index_and_tensor(args, kwargs)
        self.ensure_idle()
        index = _tensor_index(self.ports.outputs, index, "output")
        port = self.ports.outputs[index]
        _check_type(port, index, tensor, "output")
        if port.partial_shape.is_static and tuple(port.shape) != tensor._storage.shape:
            raise RuntimeError(f"output {label(port, index)} has shape {port.shape}; the tensor has {tensor.shape}")
        self.set_output_storage(index, tensor._storage)

    def set_input_tensors(self, *args: Any, **kwargs: Any) -> None:
        """set_input_tensors(inputs), a dict of tensors by index; or set_input_tensors(tensors) and
        set_input_tensors(index, tensors), a list of tensors, one for each element of an input's batch."""
        index, tensors = _index_and(args, kwargs, "inputs", "tensors")
        if index is None and isinstance(tensors, dict):
            for position, tensor in _by_index(tensors).items():
                self.set_input_tensor(position, tensor)
            return
        if not isinstance(tensors, list):
            raise TypeError("set_input_tensors takes a dict of Tensors by index, or a list of Tensors for a batch")
        tensors = [on_memory(tensor) for tensor in tensors]
        index = _tensor_index(self.ports.inputs, index, "input")
        if len(tensors) == 1:
            return self.set_input_tensor(index, tensors[0])
        layout = getattr(self.ports.inputs[index].node, "layout", None)
        if layout is None or layout.empty or not layout.has_name("N"):
            raise RuntimeError(f"input {index} has no layout with a batch dimension N for {len(tensors)} tensors")
        batch = layout.get_index_by_name("N")
        whole = np.concatenate([tensor._storage.array for tensor in tensors], axis=batch)
        self.set_input_tensor(index, Tensor(whole, shared_memory=True))

    def set_output_tensors(self, outputs: dict[int, Tensor]) -> None:
        for index, tensor in _by_index(outputs).items():
            self.set_output_tensor(index, tensor)

    def set_tensors(self, inputs: dict[str, Tensor]) -> None:
        if not isinstance(inputs, dict):
            raise TypeError(f"expected set_tensors to take a dict of Tensors by name, got {type(inputs).__name__}")
        for port, tensor in inputs.items():
            self.set_tensor(port, tensor)

    # On an event loop.

    async def infer_async(
        self,
        inputs: Any = None,
        share_inputs: bool = False,
        share_outputs: bool = False,
        *,
        decode_strings: bool = True,
    ) -> OVDict:
        """infer() for coroutines: the run is on a stream's thread, and the asyncio loop goes on meanwhile.

        Arguments, results and errors are those of infer(). Cancelling the task cancels the run, and leaves the
        request idle.
        """
        with forks_wait():
            from .event_loop import ended

        self.start_async(inputs, share_inputs=share_inputs)
        await ended(self.wait_with_future, self.cancel)
        return self.finished(share_outputs, decode_strings)

    # States, profile.

    def query_state(self) -> list[VariableState]:
        self.ensure_idle()
        return [VariableState(self, index, variable) for index, variable in enumerate(self._compilation.variables)]

    def reset_state(self) -> None:
        """Gives all variables their initial values."""
        for state in self.query_state():
            state.reset()

    def get_profiling_info(self) -> list[ProfilingInfo]:
        """A record for each step of the plan; its times are those of the last run when PERF_COUNT is on.

        Steps of a plan in stages are known when it has run with PERF_COUNT; before, the operations of the model stand
        for them.
        """
        timed = self.timed_steps()
        if timed:
            executed = ProfilingInfo.Status.EXECUTED
            return [ProfilingInfo(step.node, step.kernel, step.seconds, executed) for step in timed]
        plan = self.plan or self._compilation.static_plan()
        if plan is None or plan.program is None:
            nodes = self._compilation.model.get_ordered_ops()
            return [ProfilingInfo(node.friendly_name, node.get_type_name()) for node in nodes]
        return [ProfilingInfo(origin, step.name) for origin, step in zip(plan.origins, plan.program.steps, strict=True)]

    def step_times(self) -> list[float]:
        """Seconds that each step of the last run took; empty without PERF_COUNT, or a run."""
        return seconds_of(self.step_spans()) or [step.seconds for step in self.stage_times or ()]

    def timed_steps(self) -> list[StepTime]:
        """What each step of the last run took, those of all its stages; empty without PERF_COUNT, or a run."""
        self.ensure_idle()
        times = self.step_times()
        if not times:
            return []
        if self.plan.program is None:
            return list(self.stage_times or ())
        return list(map(of_step, self.plan.origins, self.plan.program.steps, times))

    @property
    def profiling_info(self) -> list[ProfilingInfo]:
        return self.get_profiling_info()

    def get_compiled_model(self) -> CompiledModel:
        return self._make_model(self._compilation)

    def __copy__(self) -> Any:
        raise TypeError("a request can't be copied; make another one with create_infer_request()")

    __deepcopy__ = __reduce__ = __copy__

    def __repr__(self) -> str:
        return f"<InferRequest:\n{self.ports.text()}>"


def _tensor_index(ports: Sequence[ConstOutput], index: int | None, kind: str) -> int:
    """The index of a port given by index, or of the only one."""
    if isinstance(index, str):
        raise TypeError(
            f"expected an {kind} to be told by a non-negative int here, got {index!r}; get_tensor() takes names"
        )
    return port_index(ports, index, kind)


def _check_type(port: ConstOutput, index: int, tensor: Tensor, kind: str) -> None:
    expected, found = port.element_type.name, tensor.element_type.name
    if expected != found:
        raise RuntimeError(f"{kind} {label(port, index)} holds {expected}; the tensor holds {found}")


def _memory(port: ConstOutput, shape: tuple[int, ...] | None) -> Storage:
    """Memory for a port's tensor, of zeros; dynamic dimensions start as small as they can be."""
    expected: PartialShape = port.partial_shape
    if shape is None:
        shape = tuple(dim.min_length for dim in expected.dims) if expected.has_rank else (0,)
    storage = new_storage(port.element_type, shape)
    if port.element_type is not Type.string:
        storage.array.fill(0)
    return storage


def _index_and(args: tuple[Any, ...], kwargs: dict[str, Any], *names: str) -> tuple[Any, Any]:
    """(index or None, value) of a call f(value) or f(index, value), where the value has one of the names."""
    values = [*args, *(kwargs.pop(name) for name in ("index", "idx", *names) if name in kwargs)]
    if kwargs or not 0 < len(values) < 3:
        raise TypeError(f"takes {' or '.join(names)}, or an index before it")
    return (None, values[0]) if len(values) == 1 else (values[0], values[1])


def _index_and_tensor(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Tensor]:
    index, tensor = _index_and(args, kwargs, "tensor")
    if isinstance(index, str):
        raise TypeError("set_input_tensor and set_output_tensor take a Tensor, or an index and a Tensor")
    return index, on_memory(tensor)


def _by_index(tensors: Any) -> dict[int, Tensor]:
    if not isinstance(tensors, dict) or not all(isinstance(index, int) for index in tensors):
        raise TypeError("tensors are given as a dict by index")
    return tensors
