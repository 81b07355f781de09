"""convert_model: an ONNX file, or a model of torch, with other input shapes and types, and fewer outputs."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..errors import ConversionError, ModelError, warn
from ..frontend import ConversionExtension, read_model
from ..graph import Model
from ..graph.lookup import named_index
from ..records import dataclass
from ..types import Dimension, PartialShape, Shape, Type
from .torch_export import ADVICE, FREEDOMS, exported, is_torch_module


@dataclass(frozen=True)
class _Wanted:
    """The requested properties of an input; those that are None stay as they are."""

    name: str | None = None
    shape: PartialShape | None = None
    element_type: Type | None = None


# What to do with models of other packages, by the package.
_EXPORTS = {
    "onnx": "io.BytesIO(model.SerializeToString()) is one",
    "torch": "a torch.nn.Module is taken too, and torch.onnx.export(program, f='model.onnx') writes one of a program",
    "tensorflow": "the package tf2onnx writes one",
    "keras": "model.export('model.onnx', format='onnx') writes one",
    "paddle": "the package paddle2onnx writes one",
    "jax": "the package jax2onnx writes one",
}


def convert_model(
    input_model: Any,
    input: Any = None,
    output: str | Sequence[str] | None = None,
    example_input: Any = None,
    extension: Any = None,
    verbose: bool = False,
    share_weights: bool = True,
    dynamo: bool = False,
) -> Model:
    """The Model of an ONNX file, of a binary stream of one, such as io.BytesIO, or of a torch.nn.Module.

    input: shapes and element types of inputs: "name", a shape, a type, (name, shape), (name, shape, type), a list of
        these, or a dict from names to shapes, types or (shape, type). Without names they go by the model's order.
    output: names of the outputs to keep.
    example_input: for torch, what the module is traced on: a tensor, a tuple or list of them, or a dict by the names of
        forward()'s arguments. Without it, `input` has to give the shapes of all inputs.
    extension: ConversionExtension or OpExtension of frontend, or a list of them, for operators of the ONNX model.
    verbose, share_weights, dynamo: what they tell other frontends changes nothing here.

    Raises ConversionError for all that can't be converted.
    """
    wanted = _wanted(input)
    read = partial(read_model, extensions=_extensions(extension))
    try:
        if is_torch_module(input_model):
            model = _torch(input_model, example_input, wanted, read)
        else:
            model = read(_onnx(input_model))
        _change_inputs(model, wanted)
        return _with_outputs(model, output)
    except ModelError as error:
        raise ConversionError(str(error)) from error


def _extensions(given: Any) -> list[ConversionExtension]:
    """What convert_model(extension=) takes: one that translates an ONNX operator, or a list of them."""
    if given is None:
        return []
    found = list(given) if isinstance(given, (list, tuple)) else [given]
    if not found or not all(isinstance(item, ConversionExtension) for item in found):
        raise ConversionError(
            f"expected extension to be a ConversionExtension or an OpExtension of frontend, got {given!r}"
        )
    return found


def _torch(module: Any, example: Any, wanted: Sequence[_Wanted], read: Callable[[bytes], Model]) -> Model:
    """The model of a module, with as many dynamic dimensions as torch's exporter and its ONNX model allow."""
    shapes = [item.shape.to_shape() for item in wanted if item.shape is not None and item.shape.is_static]
    if example is None and len(shapes) < len(wanted):
        raise ConversionError(ADVICE)
    first: Exception | None = None
    for name, free in FREEDOMS:
        try:
            model = read(exported(module, example, shapes, free))
        except (ConversionError, ModelError) as error:
            first = error if first is None else first
            continue
        if first is not None:
            warn("%s: %s dimensions of its inputs may change; with more it can't be converted: %s",
                 type(module).__name__, name, str(first).partition("\n")[0])  # fmt: skip
        return model
    assert first is not None
    raise first


def _onnx(given: Any) -> str | bytes:
    """The path or the bytes of the ONNX model that is given. Raises ConversionError for anything else."""
    if isinstance(given, (list, tuple)) and len(given) == 1:
        (given,) = given
    if isinstance(given, (io.BufferedIOBase, io.RawIOBase)):
        return bytes(given.read() or b"")
    if not isinstance(given, (str, os.PathLike)):
        packages = [base.__module__.partition(".")[0] for base in type(given).__mro__]
        advice = [f"; {_EXPORTS[package]}" for package in packages if package in _EXPORTS][:1]
        text = f"expected the path of an ONNX file or a binary stream of one, got {type(given).__name__}"
        raise ConversionError("".join([text, *advice]))
    path = os.fspath(given)
    if not os.path.isfile(path):
        raise ConversionError(f"expected a file, got {path!r}")
    if path.endswith(".xml"):
        raise ConversionError(f"{path!r} is an IR already; read_model() reads it")
    return path


def _change_inputs(model: Model, wanted: Sequence[_Wanted]) -> None:
    unnamed = [item for item in wanted if item.name is None]
    if unnamed and len(unnamed) != len(wanted):
        raise ConversionError("either all entries of input have a name, or none")
    if len(unnamed) > len(model.parameters):
        raise ConversionError(f"{len(unnamed)} entries of input for a model of {len(model.parameters)} inputs")
    changed = (
        model.parameters
        if unnamed
        else [
            model.parameters[named_index(model.inputs, str(item.name), "input", unknown=ConversionError)]
            for item in wanted
        ]
    )
    for parameter, item in zip(changed, wanted, strict=False):
        if item.shape is not None:
            parameter.set_partial_shape(item.shape)
        if item.element_type is not None:
            parameter.set_element_type(item.element_type)
    if wanted:
        model.infer()


def _with_outputs(model: Model, output: Any) -> Model:
    if output is None:
        return model
    names = [output] if isinstance(output, str) else output
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise ConversionError(f"expected output to be a name or a list of names, got {output!r}")
    kept = {named_index(model.outputs, name, "output", unknown=ConversionError) for name in names}
    results = [result for position, result in enumerate(model.results) if position in kept]
    return Model(results, model.sinks, model.parameters, model.get_friendly_name())


def _wanted(given: Any) -> list[_Wanted]:
    """The entries of `input`."""
    if given is None:
        return []
    if isinstance(given, Mapping):
        return [_entry((name, *(value if _is_pair(value) else (value,)))) for name, value in given.items()]
    if isinstance(given, list) and not _is_shape(given):
        return [_entry(item) for item in given]
    return [_entry(given)]


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple) and not _is_shape(value)


def _entry(given: Any) -> _Wanted:
    parts = (given,) if not isinstance(given, tuple) or _is_shape(given) else given
    fields: dict[str, Any] = {}
    for part in parts:
        kind, value = _part(part)
        if kind in fields:
            raise ConversionError(f"{given!r} says the {kind} of an input twice")
        fields[kind] = value
    return _Wanted(**fields)


def _part(value: Any) -> tuple[str, Any]:
    if isinstance(value, str):
        return "name", value
    if isinstance(value, (Type, np.dtype, type)):
        return "element_type", value if isinstance(value, Type) else Type(value)
    if _is_shape(value):
        return "shape", PartialShape(value)
    raise ConversionError(f"expected a name, a shape or an element type of an input, got {value!r}")


def _is_shape(value: Any) -> bool:
    """Return whether a value lists dimensions; numpy's integers are none."""
    if isinstance(value, (PartialShape, Shape)):
        return True
    return isinstance(value, (list, tuple)) and all(_is_dimension(item) for item in value)


def _is_dimension(value: Any) -> bool:
    return isinstance(value, (int, Dimension)) and not isinstance(value, bool) or value == "?"
