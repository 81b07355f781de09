"""Whether operands have the element types and the shapes that kernels take."""

from __future__ import annotations

from collections.abc import Sequence
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


def check_recurrent(
    name: str, gate_count: int, gates: View, states: Sequence[View], y: View | None, lasts: Sequence[View | None],
    direction: str, lengths: View | None,
) -> None:  # fmt: skip
    """The operands of recurrent.Recurrent."""
    if direction not in ("forward", "reverse", "bidirectional"):
        raise ValueError(f"{name}: expected forward, reverse or bidirectional, got {direction!r}")
    directions = 2 if direction == "bidirectional" else 1
    batch, time, width = gates.shape
    hidden = states[0].shape[2]
    expected: list[tuple[tuple[int, ...], View | None]] = [
        ((batch, directions, hidden), view) for view in (*states, *lasts)
    ]
    expected.append(((batch, directions, time, hidden), y))
    for shape, view in expected:
        if view is not None and view.shape != shape:
            raise ValueError(f"{name}: expected a tensor of shape {list(shape)}, got {list(view.shape)}")
    if width != directions * hidden * gate_count:
        raise ValueError(f"{name}: gates of shape {list(gates.shape)} for {hidden} hidden units")
    for view in (gates, *states, *lasts, y):
        if view is not None and view.size and view.shape[-1] > 1 and view.strides[-1] != 1:
            raise ValueError(f"{name}: takes hidden units side by side, not strides {view.strides}")
    named: dict[str, Any] = {f"state {i}": view for i, view in enumerate((*states, *lasts))}
    check_f32(gates=gates, y=y, **named)
    if lengths is not None and (lengths.dtype.name not in ("int32", "int64") or lengths.shape != (batch,)):
        raise ValueError(
            f"{name}: expected lengths to be int32 or int64 [{batch}], got {lengths.dtype.name}{list(lengths.shape)}"
        )


def check_quantized_rows(x: View, codes: View, steps: View) -> None:
    """The operands of recurrent.QuantizeRows."""
    fits = codes.shape == x.shape and steps.shape == x.shape[:2] and codes.contiguous and steps.contiguous
    if not fits or codes.dtype != np.uint8 or (x.shape[2] > 1 and x.strides[2] != 1):
        raise ValueError(
            f"QuantizeRows: expected rows side by side, contiguous uint8 codes and steps of {x.shape}, got strides "
            f"{x.strides}, {codes.dtype.name} {codes.shape} and {steps.shape}"
        )
    check_f32(x=x, steps=steps)


def check_quantized_lstm(gates: View, steps: View, directions: int, width: int, bias: Any, direction: str) -> None:
    """What recurrent.QuantizedLSTM takes beside the operands of an LSTM."""
    check_f32(steps=steps)
    count = 2 if direction == "bidirectional" else 1
    if steps.shape != gates.shape[:2] or np.shape(bias) != (count, width) or directions != count:
        raise ValueError(
            f"QuantizedLSTM: expected steps {gates.shape[:2]}, R of {count} directions, a bias {(count, width)}; got "
            f"{steps.shape}, {directions} and {np.shape(bias)}"
        )
