from collections.abc import Sequence
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

_F32: TypeAlias = npt.NDArray[np.float32]
_Activation: TypeAlias = tuple[str, float, float]

def available_levels() -> tuple[str, ...]: ...
def built_levels() -> tuple[str, ...]: ...
def family(name: str, level: str | None = None) -> ModuleType: ...
def level() -> str: ...
def use_level(name: str) -> str: ...
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
def matmul(
    a: _F32, b: _F32, out: _F32 | None = None, *, bias: _F32 | None = None, activation: _Activation | None = None
) -> _F32: ...
def trees(x: _F32, ensemble: Any, out: _F32 | None = None, *, aggregate: str = "sum") -> _F32: ...
