from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

MOST_DIMENSIONS: int
BF16: np.dtype[Any]

class View:
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def slot(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def strides(self) -> tuple[int, ...]: ...
    @property
    def size(self) -> int: ...
    @property
    def contiguous(self) -> bool: ...
    def __init__(
        self,
        slot: int,
        dtype: npt.DTypeLike,
        shape: Sequence[int],
        strides: Sequence[int] | None = None,
        offset: int = 0,
    ) -> None: ...
    def like(
        self,
        shape: Sequence[int] | None = None,
        strides: Sequence[int] | None = None,
        offset: int | None = None,
        slot: int | None = None,
    ) -> View: ...

def are_channels_last(*views: View) -> bool: ...
def are_planar(*views: View) -> bool: ...

class Step:
    @property
    def scratch(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def reads(self) -> tuple[View, ...]: ...
    @property
    def writes(self) -> tuple[View, ...]: ...
