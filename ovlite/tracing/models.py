"""A compiled model that is called within a traced function becomes a part of the function's model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..graph.lookup import label, no_port, port_index
from ..runtime.compiled_model import CompiledModel
from ..runtime.ports import ConstOutput
from .array import WRITE_MODEL, Traced, lift, refuse


class TracedResults:
    """Results by index, name or port, in the model's order."""

    def __init__(self, ports: list[ConstOutput], values: list[Traced]) -> None:
        self._ports, self._values = ports, values

    def __getitem__(self, key: Any) -> Traced:
        try:
            return self._values[_index(self._ports, key, "output")]
        except RuntimeError as error:
            raise KeyError(str(error)) from None

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[ConstOutput]:
        return iter(self._ports)

    def keys(self) -> list[ConstOutput]:
        return self._ports

    def values(self) -> list[Traced]:
        return self._values

    def items(self) -> list[tuple[ConstOutput, Traced]]:
        return list(zip(self._ports, self._values, strict=True))

    def to_tuple(self) -> tuple[Traced, ...]:
        return tuple(self._values)


def _write_model(compiled: CompiledModel, inputs: Any) -> TracedResults:
    """The results of the model for such inputs, of which all are given.

    It is computed as the function is: in plain f32 sums, whatever precision the compiled model has.
    """
    model = compiled._compilation.model.clone()
    if model.get_variables():
        refuse("a model with a state can't be traced; call it outside of the function")
    given = _by_index(compiled, inputs)
    values: list[Traced] = []
    for index, port in enumerate(compiled.inputs):
        if index not in given:
            refuse(f"input {label(port, index)} of the model is not given")
        value = lift(given[index], _dtype(port))
        if not port.partial_shape.compatible(value.output.get_partial_shape()):
            refuse(f"input {label(port, index)} has the shape {port.partial_shape}, not {list(value.shape)}")
        values.append(value)
    model.reshape({index: list(value.shape) for index, value in enumerate(values)})
    for parameter, value in zip(model.inputs, values, strict=True):
        parameter.replace(value.output)
    sources = [result.input_value(0) for result in model.get_results()]
    for index, (port, source) in enumerate(zip(compiled.outputs, sources, strict=True)):
        if source.get_partial_shape().is_dynamic:
            refuse(f"the shape of output {label(port, index)} of the model depends on elements")
    found = [Traced(source, _dtype(port)) for port, source in zip(compiled.outputs, sources, strict=True)]
    return TracedResults(compiled.outputs, found)


def _by_index(compiled: CompiledModel, inputs: Any) -> dict[int, Any]:
    ports = compiled.inputs
    if isinstance(inputs, dict):
        return {_index(ports, key, "input"): value for key, value in inputs.items()}
    values = inputs if isinstance(inputs, (list, tuple)) else [inputs]
    if len(values) != len(ports):
        refuse(f"{len(values)} inputs are given to a model that has {len(ports)}")
    return dict(enumerate(values))


def _index(ports: list[ConstOutput], key: Any, kind: str) -> int:
    """The index of the port that a port, an index or a name tells. Raises RuntimeError when there is none."""
    if not isinstance(key, ConstOutput):
        return port_index(ports, key, kind)
    if key not in ports:
        raise RuntimeError(no_port(ports, key, kind))
    return ports.index(key)


def _dtype(port: ConstOutput) -> Any:
    kind = port.element_type
    if kind.is_dynamic() or kind.name in ("string", "bf16") or kind.bitwidth < 8:
        refuse(f"tensors of {kind.name} can't be traced")
    return kind.to_dtype()


WRITE_MODEL.append(_write_model)
