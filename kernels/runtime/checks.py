"""Whether operands have the element types and the shapes that kernels take."""

from __future__ import annotations

from typing import Any

import numpy as np

from .step import BF16, View, type_name

_F32 = np.dtype(np.float32)


def check_f32(*, bf16: bool = False, **views: View | None) -> None:
    """TypeError for other element types than f32, or bf16 where it is allowed."""
    for name, view in views.items():
        if view is not None and view.dtype != _F32 and not (bf16 and view.dtype == BF16):
            raise TypeError(f"{name} is {type_name(view.dtype)}; this kernel takes float32")


def check_images(x: View, y: View, packed: Any, residual: View | None, groups: int) -> None:
    """ValueError where shapes or strides don't fit packed weights, which tell groups, depth, columns and window."""
    rank, x_shape, y_shape = len(packed.window), x.shape, y.shape
    if not 1 <= rank <= 3 or len(x_shape) != rank + 2 or len(y_shape) != rank + 2:
        raise ValueError(
            f"expected x, y and a kernel of 1 to 3 spatial dimensions, got {x_shape}, {y_shape} and {packed.window}"
        )
    if packed.groups != groups:
        raise ValueError(f"expected weights packed for {groups} groups, got {packed.groups}")
    if x_shape[0] != y_shape[0] or x_shape[1] != groups * packed.depth or y_shape[1] != groups * packed.columns:
        raise ValueError(
            f"expected x and y for weights of {groups} groups of {packed.depth} to {packed.columns} channels, "
            f"got {x_shape} and {y_shape}"
        )
    _check_channels(x, y, residual)


def check_depthwise(x: View, y: View, residual: View | None, packed: Any) -> None:
    """The same for depthwise.Packed weights, which tell channels and window."""
    rank, x_shape, y_shape = len(packed.window), x.shape, y.shape
    if len(x_shape) != rank + 2 or len(y_shape) != rank + 2:
        raise ValueError(
            f"expected x and y of {rank + 2} dimensions for a kernel {packed.window}, got {x_shape} and {y_shape}"
        )
    if x_shape[:2] != y_shape[:2] or x_shape[1] != packed.channels:
        raise ValueError(f"expected x and y of one batch and {packed.channels} channels, got {x_shape} and {y_shape}")
    _check_channels(x, y, residual)


def _check_channels(x: View, y: View, residual: View | None) -> None:
    for name, view in (("x", x), ("y", y), ("residual", residual)):
        if view is not None and view.strides[1] != 1 and view.size and view.shape[1] > 1:
            raise ValueError(
                f"expected {name} with its channels side by side, got a channel stride of {view.strides[1]}"
            )
