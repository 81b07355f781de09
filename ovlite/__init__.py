"""ovlite: CPU inference for ONNX and OpenVINO IR models behind OpenVINO's Python API.

The names here are those of the `openvino` module; each is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .absent import Extension, RemoteContext, RemoteTensor, TensorVector
    from .absent import VAContext, VASurfaceTensor, shutdown
    from .batch import get_batch, set_batch
    from .compiled import CompiledModel
    from .convert import convert_model
    from .core import Core, compile_model
    from .custom import Op, OpExtension
    from .frontend.ir import save_model, serialize
    from .graph import DiscreteTypeInfo, RTMap, Input, Node, Output
    from .pickling import Model
    from .ports import ConstOutput
    from .types.any import OVAny
    from .queue import AsyncInferQueue
    from .request import InferRequest, ProfilingInfo
    from .tensor import Tensor, tensor_from_file
    from .types import AxisSet, AxisVector, Coordinate, CoordinateDiff, Dimension, Layout, PartialShape, Shape, Strides
    from .types import Symbol, Type
    from .version import Version, get_version

_MODULES = {
    "absent": (
        "Extension", "RemoteContext", "RemoteTensor", "TensorVector", "VAContext", "VASurfaceTensor",
        "shutdown",
    ),  # fmt: skip
    "batch": ("get_batch", "set_batch"),
    "compiled": ("CompiledModel",),
    "custom": ("Op", "OpExtension"),
    "convert": ("convert_model",),
    "core": ("Core", "compile_model"),
    "frontend.ir": ("save_model", "serialize"),
    "graph": ("DiscreteTypeInfo", "RTMap", "Input", "Node", "Output"),
    "pickling": ("Model",),
    "ports": ("ConstOutput",),
    "types.any": ("OVAny",),
    "queue": ("AsyncInferQueue",),
    "request": ("InferRequest", "ProfilingInfo"),
    "tensor": ("Tensor", "tensor_from_file"),
    "types": (
        "AxisSet", "AxisVector", "Coordinate", "CoordinateDiff", "Dimension", "Layout", "PartialShape", "Shape",
        "Strides", "Symbol", "Type",
    ),  # fmt: skip
    "version": ("Version", "get_version"),
}
_SUBMODULES = ("exceptions", "frontend", "layout_helpers", "helpers", "op", "passes", "preprocess", "properties", "utils", *(f"opset{number}" for number in range(1, 18)))
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [*_HOMES, *_SUBMODULES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    elif name in _SUBMODULES:
        value = import_module(f".{name}", __name__)
    elif name == "__version__":
        value = __getattr__("get_version")()
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, "__version__"])
