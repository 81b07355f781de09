from collections.abc import Sequence
from types import ModuleType
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

_F32: TypeAlias = npt.NDArray[np.float32]
_Array: TypeAlias = npt.NDArray[Any]
_Indices: TypeAlias = npt.NDArray[np.int32] | npt.NDArray[np.int64]
_Activation: TypeAlias = tuple[str, float, float]
_Axes: TypeAlias = int | Sequence[int]
_Reduction: TypeAlias = Literal["none", "sum", "sub", "prod", "min", "max"]

def available_levels() -> tuple[str, ...]: ...
def built_levels() -> tuple[str, ...]: ...
def family(name: str, level: str | None = None) -> ModuleType: ...
def level() -> str: ...
def use_level(name: str) -> str: ...
def activation(x: _F32, kind: str, alpha: float = 0.0, beta: float = 0.0, out: _F32 | None = None) -> _F32: ...
def attention(
    query: _F32,
    key: _F32,
    value: _F32,
    mask: _F32 | npt.NDArray[np.bool_] | None = None,
    *,
    scale: float | None = None,
    causal: bool = False,
    out: _F32 | None = None,
) -> _F32: ...
def avg_pool(
    x: _F32,
    kernel: Sequence[int],
    out: _F32 | None = None,
    *,
    strides: Sequence[int] = (1, 1),
    dilations: Sequence[int] = (1, 1),
    pads_begin: Sequence[int] = (0, 0),
    pads_end: Sequence[int] = (0, 0),
    count_include_pad: bool = False,
) -> _F32: ...
def convolution(
    x: _F32,
    weights: Any,
    out: _F32 | None = None,
    *,
    strides: Sequence[int] = (1, 1),
    dilations: Sequence[int] = (1, 1),
    pads_begin: Sequence[int] = (0, 0),
    pads_end: Sequence[int] = (0, 0),
    groups: int = 1,
    bias: _F32 | None = None,
    activation: _Activation | None = None,
    winograd: int = 0,
) -> _F32: ...
def cumsum(
    x: _Array, axis: int = -1, exclusive: bool = False, reverse: bool = False, out: _Array | None = None
) -> _Array: ...
def elementwise(program: str | list[tuple[Any, ...]], *arrays: _Array | float, out: _Array | None = None) -> _Array: ...
def group_norm(
    x: _F32,
    groups: int,
    gamma: _F32 | None = None,
    beta: _F32 | None = None,
    epsilon: float = 1e-5,
    out: _F32 | None = None,
) -> _F32: ...
def gru(x: _F32, W: _F32, R: _F32, B: _F32, h: _F32 | None = None, **options: Any) -> tuple[_F32, _F32]: ...
def layer_norm(
    x: _F32,
    gamma: _F32 | None = None,
    beta: _F32 | None = None,
    axes: _Axes = -1,
    epsilon: float = 1e-5,
    mode: str = "inside_sqrt",
    out: _F32 | None = None,
) -> _F32: ...
def log_softmax(x: _F32, axis: int = -1, out: _F32 | None = None) -> _F32: ...
def lrn(
    x: _F32,
    size: int,
    alpha: float = 1e-4,
    beta: float = 0.75,
    bias: float = 1.0,
    axis: int = 1,
    out: _F32 | None = None,
) -> _F32: ...
def lstm(
    x: _F32, W: _F32, R: _F32, B: _F32, h: _F32 | None = None, c: _F32 | None = None, **options: Any
) -> tuple[_F32, _F32, _F32]: ...
def matmul(
    a: _F32, b: _F32, out: _F32 | None = None, *, bias: _F32 | None = None, activation: _Activation | None = None
) -> _F32: ...
def mvn(
    x: _F32,
    axes: _Axes,
    epsilon: float = 1e-5,
    mode: str = "inside_sqrt",
    variance: bool = True,
    out: _F32 | None = None,
) -> _F32: ...
def normalize_l2(x: _F32, axes: _Axes, epsilon: float = 1e-10, mode: str = "add", out: _F32 | None = None) -> _F32: ...
def reduce(
    x: _Array, kind: str = "sum", axes: _Axes | None = None, keepdims: bool = False, out: _Array | None = None
) -> _Array: ...
def rms_norm(
    x: _F32, gamma: _F32 | None = None, axes: _Axes = -1, epsilon: float = 1e-5, out: _F32 | None = None
) -> _F32: ...
def rnn(x: _F32, W: _F32, R: _F32, B: _F32, h: _F32 | None = None, **options: Any) -> tuple[_F32, _F32]: ...
def softmax(x: _F32, axis: int = -1, out: _F32 | None = None) -> _F32: ...
def copy(x: _Array, out: _Array | None = None) -> _Array: ...
def depthwise(
    x: _F32,
    weights: Any,
    out: _F32 | None = None,
    *,
    strides: Sequence[int] = (1, 1),
    dilations: Sequence[int] = (1, 1),
    pads_begin: Sequence[int] = (0, 0),
    pads_end: Sequence[int] = (0, 0),
    bias: _F32 | None = None,
    activation: _Activation | None = None,
) -> _F32: ...
def gather(
    data: _Array, indices: _Indices, axis: int = 0, out: _Array | None = None, *, batch_dims: int = 0
) -> _Array: ...
def gather_elements(data: _Array, indices: _Indices, axis: int = 0, out: _Array | None = None) -> _Array: ...
def gather_nd(data: _Array, indices: _Indices, out: _Array | None = None, *, batch_dims: int = 0) -> _Array: ...
def max_pool(
    x: _F32,
    kernel: Sequence[int],
    out: _F32 | None = None,
    *,
    strides: Sequence[int] = (1, 1),
    dilations: Sequence[int] = (1, 1),
    pads_begin: Sequence[int] = (0, 0),
    pads_end: Sequence[int] = (0, 0),
) -> _F32: ...
def pad(
    x: _Array,
    begin: Sequence[int],
    end: Sequence[int],
    out: _Array | None = None,
    *,
    mode: Literal["constant", "edge", "reflect", "symmetric", "wrap"] = "constant",
    value: float = 0,
) -> _Array: ...
def resize_linear(
    x: _F32,
    size: Sequence[int] | None = None,
    out: _F32 | None = None,
    *,
    tables: Sequence[tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike]] | None = None,
) -> _F32: ...
def resize_nearest(
    x: _Array,
    size: Sequence[int] | None = None,
    out: _Array | None = None,
    *,
    tables: Sequence[npt.ArrayLike] | None = None,
) -> _Array: ...
def scatter_elements(
    data: _Array,
    indices: _Indices,
    updates: _Array,
    axis: int = 0,
    out: _Array | None = None,
    *,
    reduction: _Reduction = "none",
) -> _Array: ...
def scatter_nd(
    data: _Array, indices: _Indices, updates: _Array, out: _Array | None = None, *, reduction: _Reduction = "none"
) -> _Array: ...
def scatter_update(
    data: _Array, indices: _Indices, updates: _Array, axis: int = 0, out: _Array | None = None
) -> _Array: ...
def squared_distance(x: _F32, points: _F32, out: _F32 | None = None) -> _F32: ...
def topk(
    x: npt.NDArray[np.float32] | npt.NDArray[np.int32],
    k: int,
    axis: int = -1,
    *,
    mode: Literal["max", "min"] = "max",
    sort: Literal["value", "index"] = "value",
    index_type: npt.DTypeLike = ...,
    out: tuple[_Array, _Array] | None = None,
) -> tuple[_Array, _Array]: ...
def transpose(x: _Array, axes: Sequence[int] | None = None, out: _Array | None = None) -> _Array: ...
def trees(x: _F32, ensemble: Any, out: _F32 | None = None, *, aggregate: str = "sum") -> _F32: ...
