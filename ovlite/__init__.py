"""ovlite: CPU inference for ONNX and OpenVINO IR models behind OpenVINO's Python API.

The names here are those of the `openvino` module; each is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import exceptions as exceptions
    from . import frontend as frontend
    from . import helpers as helpers
    from . import layout_helpers as layout_helpers
    from . import op as op
    from . import opset1 as opset1
    from . import opset2 as opset2
    from . import opset3 as opset3
    from . import opset4 as opset4
    from . import opset5 as opset5
    from . import opset6 as opset6
    from . import opset7 as opset7
    from . import opset8 as opset8
    from . import opset9 as opset9
    from . import opset10 as opset10
    from . import opset11 as opset11
    from . import opset12 as opset12
    from . import opset13 as opset13
    from . import opset14 as opset14
    from . import opset15 as opset15
    from . import opset16 as opset16
    from . import opset17 as opset17
    from . import passes as passes
    from . import preprocess as preprocess
    from . import properties as properties
    from . import utils as utils
    from .convert.convert_model import convert_model as convert_model
    from .frontend.ir import save_model as save_model
    from .frontend.ir import serialize as serialize
    from .graph import DiscreteTypeInfo as DiscreteTypeInfo
    from .graph import Input as Input
    from .graph import Node as Node
    from .graph import Output as Output
    from .graph import RTMap as RTMap
    from .graph.batch import get_batch as get_batch
    from .graph.batch import set_batch as set_batch
    from .runtime.compiled_model import CompiledModel as CompiledModel
    from .runtime.core import Core as Core
    from .runtime.core import compile_model as compile_model
    from .runtime.extension import Op as Op
    from .runtime.extension import OpExtension as OpExtension
    from .runtime.infer_queue import AsyncInferQueue as AsyncInferQueue
    from .runtime.infer_request import InferRequest as InferRequest
    from .runtime.infer_request import ProfilingInfo as ProfilingInfo
    from .runtime.pickling import Model as Model
    from .runtime.ports import ConstOutput as ConstOutput
    from .runtime.tensor import Tensor as Tensor
    from .runtime.tensor import tensor_from_file as tensor_from_file
    from .runtime.unsupported import Extension as Extension
    from .runtime.unsupported import RemoteContext as RemoteContext
    from .runtime.unsupported import RemoteTensor as RemoteTensor
    from .runtime.unsupported import TensorVector as TensorVector
    from .runtime.unsupported import VAContext as VAContext
    from .runtime.unsupported import VASurfaceTensor as VASurfaceTensor
    from .runtime.unsupported import shutdown as shutdown
    from .types import AxisSet as AxisSet
    from .types import AxisVector as AxisVector
    from .types import Coordinate as Coordinate
    from .types import CoordinateDiff as CoordinateDiff
    from .types import Dimension as Dimension
    from .types import Layout as Layout
    from .types import PartialShape as PartialShape
    from .types import Shape as Shape
    from .types import Strides as Strides
    from .types import Symbol as Symbol
    from .types import Type as Type
    from .types.any import OVAny as OVAny
    from .version import Version as Version
    from .version import get_version as get_version

    __version__: str

_MODULES = {
    "runtime.unsupported": (
        "Extension",
        "RemoteContext",
        "RemoteTensor",
        "TensorVector",
        "VAContext",
        "VASurfaceTensor",
        "shutdown",
    ),  # fmt: skip
    "graph.batch": ("get_batch", "set_batch"),
    "runtime.compiled_model": ("CompiledModel",),
    "runtime.extension": ("Op", "OpExtension"),
    "convert.convert_model": ("convert_model",),
    "runtime.core": ("Core", "compile_model"),
    "frontend.ir": ("save_model", "serialize"),
    "graph": ("DiscreteTypeInfo", "RTMap", "Input", "Node", "Output"),
    "runtime.pickling": ("Model",),
    "runtime.ports": ("ConstOutput",),
    "types.any": ("OVAny",),
    "runtime.infer_queue": ("AsyncInferQueue",),
    "runtime.infer_request": ("InferRequest", "ProfilingInfo"),
    "runtime.tensor": ("Tensor", "tensor_from_file"),
    "types": (
        "AxisSet",
        "AxisVector",
        "Coordinate",
        "CoordinateDiff",
        "Dimension",
        "Layout",
        "PartialShape",
        "Shape",
        "Strides",
        "Symbol",
        "Type",
    ),  # fmt: skip
    "version": ("Version", "get_version"),
}
_SUBMODULES = (
    "exceptions",
    "frontend",
    "layout_helpers",
    "helpers",
    "op",
    "passes",
    "preprocess",
    "properties",
    "utils",
    *(f"opset{number}" for number in range(1, 18)),
)
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
