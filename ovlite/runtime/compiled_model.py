"""CompiledModel: a model that is ready to run."""

from __future__ import annotations

import copy
import io
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..graph import Model
from ..graph.lookup import port_index
from ..imports import forks_wait
from ..kernels.runtime.compiled import Compiled
from ..kernels.runtime.results import OVDict
from .compilation import Compilation
from .config import Config
from .infer_request import InferRequest
from .ports import ConstOutput
from .variable_state import VariableState

if TYPE_CHECKING:
    from .profiling import Profile

Mapping.register(OVDict)
_IMPORTING = threading.Lock()


class CompiledModel(Compiled):
    """A model compiled by Core.compile_model(); call it, or make requests of it."""

    def __init__(self, other: Compilation | CompiledModel) -> None:
        if not isinstance(other, (Compilation, CompiledModel)):
            raise TypeError(f"expected a CompiledModel, which Core.compile_model() makes, got {type(other).__name__}")
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
        with forks_wait(), _IMPORTING:
            if "_compilation" not in vars(self):
                from .exported_model import unpack

                self._compilation = unpack(exported, Config({}))
        return self._compilation

    @forks_wait()
    def export_model(self, model_stream: io.BytesIO | None = None) -> io.BytesIO | None:
        """Writes what Core.import_model() reads to a stream, whose position stays, or to a new one that is returned."""
        from .exported_model import pack

        if model_stream is None:
            return io.BytesIO(pack(self._compilation))
        if not isinstance(model_stream, io.BytesIO):
            raise TypeError(f"expected a BytesIO to export the model to, got {type(model_stream).__name__}")
        position = model_stream.tell()
        model_stream.write(pack(self._compilation))
        model_stream.seek(position)
        return None

    def _new_request(self, internal: bool) -> InferRequest:
        return InferRequest(self._compilation, CompiledModel, internal)

    def _inlined(self, inputs: Any) -> Any:
        """Results for inputs that write down what is done with them (tracing); None for all others."""
        values = (
            inputs.values() if isinstance(inputs, dict) else inputs if isinstance(inputs, (list, tuple)) else [inputs]
        )
        write = next((value._write_model for value in values if hasattr(type(value), "_write_model")), None)
        return None if write is None else write(self, inputs)

    def create_infer_request(self) -> InferRequest:
        return InferRequest(self._compilation, CompiledModel)

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
        ports = self._compilation.ports.inputs
        return ports[port_index(ports, index if tensor_name is None else tensor_name, "input")]

    def output(self, index: int | str | None = None, *, tensor_name: str | None = None) -> ConstOutput:
        """The output of this index or name, or the only one."""
        ports = self._compilation.ports.outputs
        return ports[port_index(ports, index if tensor_name is None else tensor_name, "output")]

    def get_property(self, property: str) -> Any:
        return self._compilation.config.compiled_property(property, self._compilation.name)

    def set_property(self, properties: dict[str, Any] | tuple[str, Any]) -> None:
        if not isinstance(properties, (dict, tuple)):
            raise TypeError("properties are a dict or a (key, value) pair")
        raise RuntimeError("properties of a compiled model can't be changed; pass them to compile_model()")

    def query_state(self) -> list[VariableState]:
        """The variables of the request that calls go to."""
        request: InferRequest = self._internal_request()
        return request.query_state()

    def reset_state(self) -> None:
        self._internal_request().reset_state()

    @forks_wait()
    def get_runtime_model(self) -> Model:
        """The execution graph: a model of nodes of type ExecutionNode, described by their rt_info."""
        from .execution_graph import execution_graph

        request: InferRequest | None = self._infer_request
        used = None if request is None else request.plan
        times = [] if request is None else request.step_times()
        return execution_graph(self._compilation.model, used or self._compilation.static_plan(), times)

    def profile(self, inputs: Any, runs: int = 10) -> Profile:
        """What each step does and takes for these inputs: the least time of several runs of a request of its own.

        The first profile on a machine measures what it can do at most, which takes seconds, and keeps it.
        """
        with forks_wait():
            from .profiling import profile

        profiled = copy.copy(self._compilation)
        profiled.profiled = True
        return profile(profiled, InferRequest(profiled, CompiledModel), inputs, runs)

    def sharing(self, inputs: Any, share_inputs: bool = True) -> dict[ConstOutput, str]:
        """Whether a call with these inputs would read them in place: "shared", or "copied: " and why, by port.

        Raises the errors of such a call.
        """
        with forks_wait():
            from .sharing import sharing

        return sharing(self._compilation.ports, inputs, share_inputs)

    def release_memory(self) -> None:
        """Drops the buffers that idle requests for simultaneous calls hold."""
        self._drop_idle()

    def __copy__(self) -> Any:
        raise TypeError("a CompiledModel can't be copied; it can be used from many threads as it is")

    def __deepcopy__(self, memo: Any) -> CompiledModel:
        """Another CompiledModel of the same compilation: with requests, and values of variables, of its own."""
        return CompiledModel(self)

    @forks_wait()
    def __reduce__(self) -> tuple[Any, ...]:
        from .exported_model import pack

        made = vars(self).get("_compilation")
        return CompiledModel._imported_later, (vars(self)["_exported"] if made is None else pack(made, plain=True),)

    def __repr__(self) -> str:
        return f"<CompiledModel:\n{self._compilation.ports.text()}>"

    @forks_wait()
    def _repr_html_(self) -> str:
        from ..graph import html

        compilation = self._compilation
        shown = ("INFERENCE_NUM_THREADS", "NUM_STREAMS", "PERFORMANCE_HINT", "INFERENCE_PRECISION_HINT")
        settings = [(name, self.get_property(name)) for name in shown]
        return html.model(
            compilation.name, self.inputs, self.outputs, compilation.model.get_ordered_ops()
        ) + html.table(("property", "value"), settings)
