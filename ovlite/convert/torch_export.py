"""Models of torch, by way of the ONNX model that torch's own exporter makes."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from ..errors import ConversionError

ADVICE = (
    "give convert_model() an example_input: a tensor, a tuple of them, or a dict by the names of forward()'s arguments"
)


def is_torch_module(value: Any) -> bool:
    """Return whether a value is a torch.nn.Module; asking doesn't import torch."""
    return any(
        base.__module__ == "torch.nn.modules.module" and base.__name__ == "Module" for base in type(value).__mro__
    )


# Which dimensions of inputs may be dynamic, in the order in which an export is tried.
FREEDOMS: tuple[tuple[str, Callable[[int], bool]], ...] = (
    ("all", lambda axis: True),
    ("all but the first", lambda axis: axis > 0),
    ("the first", lambda axis: axis == 0),
    ("no", lambda axis: False),
)


def exported(
    module: Any, example: Any, shapes: Sequence[Sequence[int]], free: Callable[[int], bool] = FREEDOMS[0][1]
) -> bytes:
    """The ONNX model of a torch.nn.Module, whose lengths are dynamic as far as the module and `free` allow.

    free: whether a dimension, by its place, may be dynamic.
    example: what it is traced on; without one, f32 tensors of zeros of these shapes. Inputs are named after the
    arguments of forward(), outputs after the keys when it returns a dict. Raises ConversionError.
    """
    torch = import_module("torch")
    args, kwargs = _arguments(example, [torch.zeros(tuple(shape)) for shape in shapes])
    given = [*args, *kwargs.values()]
    lengths = [dict.fromkeys(filter(free, range(value.dim())), torch.export.Dim.AUTO) for value in given]
    mode = module.training
    module.eval()
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module, args, kwargs=kwargs, dynamo=True, verbose=False, input_names=_input_names(module, args, kwargs),
                output_names=_output_names(module(*args, **kwargs)),
                dynamic_shapes=tuple(lengths) if args else dict(zip(kwargs, lengths, strict=True)),
            )  # fmt: skip
    except ImportError as error:
        raise ConversionError(f"torch's exporter needs a package: {error}") from error
    except Exception as error:
        raise ConversionError(f"torch could not export the model: {type(error).__name__}: {error}") from error
    finally:
        module.train(mode)
    content: bytes = program.model_proto.SerializeToString()
    return content


def _arguments(example: Any, zeros: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The positional arguments and the keyword arguments of forward()."""
    torch = import_module("torch")
    if example is None:
        example = tuple(zeros)
    args = () if isinstance(example, Mapping) else tuple(example) if isinstance(example, (list, tuple)) else (example,)
    kwargs = dict(example) if isinstance(example, Mapping) else {}
    if not args and not kwargs or not all(isinstance(value, torch.Tensor) for value in [*args, *kwargs.values()]):
        raise ConversionError(ADVICE)
    return args, kwargs


def _input_names(module: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[str]:
    parameters = inspect.signature(module.forward).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    named = [parameter.name for parameter in parameters if parameter.kind in kinds][: len(args)]
    return [*named, *(f"input_{position}" for position in range(len(named), len(args))), *kwargs]


def _output_names(found: Any) -> list[str]:
    """Names for outputs that come with names; the exporter finds some for others."""
    return [str(name) for name, value in found.items() if hasattr(value, "dim")] if isinstance(found, Mapping) else []
