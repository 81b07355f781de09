"""LSTM, GRU and RNN over time, or for one step of it, with constant weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...graph.operator import Array
from ...kernels.runtime.step import View
from ..builder import Builder, Lowering
from ..calls import Call, Tensor
from .copy import with_axis

# Activations of cells that the kernels have, by the names that the kernels have for them.
_ACTIVATIONS = {
    "elu": "elu", "hardsigmoid": "hard_sigmoid", "leakyrelu": "leaky_relu", "relu": "clamp", "sigmoid": "sigmoid",
    "softplus": "softplus", "tanh": "tanh",
}  # fmt: skip

CODE_ZERO = 128  # of rows that recurrent.QuantizeRows makes


def _sequence(builder: Builder, call: Call) -> bool:
    op: Any = call.op
    count = op.state_count
    states, lengths, weights = call.inputs[1 : 1 + count], call.inputs[1 + count], call.inputs[2 + count :]
    if call.inputs[0].size == 0 or not _fits(call, weights):
        return False
    times = call.inputs[0].shape[1]
    _emit(
        builder, call, builder.view(call.inputs[0]), [builder.plain(state) for state in states],
        _lengths(builder, lengths, times), weights, [builder.wanted(tensor) for tensor in call.outputs],
    )  # fmt: skip
    return True


def _cell(builder: Builder, call: Call) -> bool:
    """A sequence of one step, in one direction. Some cells have peepholes behind the bias, and an order of gates."""
    op: Any = call.op
    end = 1 + op.state_count
    states, weights, peepholes = call.inputs[1:end], call.inputs[end : end + 3], call.inputs[end + 3 :]
    if any(tensor.array is None or tensor.array.any() for tensor in peepholes):
        return False
    if call.inputs[0].size == 0 or getattr(op, "weights_format", "fico") != "fico" or not _fits(call, weights):
        return False
    ends = [None if view is None else with_axis(view, 1) for view in map(builder.wanted, call.outputs)]
    starts = [with_axis(builder.plain(state), 1) for state in states]
    _emit(builder, call, with_axis(builder.view(call.inputs[0]), 1), starts, None, weights, [None, *ends])
    return True


def _fits(call: Call, weights: Sequence[Tensor]) -> bool:
    """True for f32, constant weights, and activations that the kernels have."""
    op: Any = call.op
    known = all(name in _ACTIVATIONS for name in op.activations)
    return known and call.inputs[0].dtype == np.float32 and all(tensor.array is not None for tensor in weights)


def _emit(
    builder: Builder, call: Call, data: View, states: Sequence[View], lengths: View | None, weights: Sequence[Tensor],
    outputs: Sequence[View | None],
) -> None:  # fmt: skip
    """Two steps: the inputs of all times times W at once, then the walk through the time.

    weights: W, R and B of one or two directions, or of one without an axis for it.
    """
    op: Any = call.op
    w, r, b = (tensor.array for tensor in weights if tensor.array is not None)
    lead = (1,) * (3 - w.ndim)
    bias = b.reshape(*lead, *b.shape)
    shape = (*lead, *w.shape)
    rows = shape[1]
    family = builder.family("recurrent")
    batch, times, _ = data.shape
    gates = builder.scratch(data.dtype, (batch, times, shape[0] * rows))
    kernel = builder.product_kernel(batch * times, shape[0] * rows, shape[2])
    inputs = builder.packed_weights.get(
        w, ("recurrent inputs", builder.level, kernel.name),
        lambda array: family.pack_inputs(array.reshape(shape), kernel),
    )  # fmt: skip
    builder.emit(family.Projection(data, gates, W=inputs, B=bias[:, :rows]))
    kind = op.type.removesuffix("Sequence").removesuffix("Cell")
    parts = 2 if kind == "GRU" else 1
    packed = builder.packed_weights.get(
        r, ("recurrent states", builder.level, builder.matrix_kernel.name, parts),
        lambda array: family.pack_states(array.reshape(*lead, *array.shape), parts),
    )  # fmt: skip
    activations = [_described(op, place) for place in range(len(op.default_activations))]
    extra: dict[str, Array] = {}
    if kind == "GRU" and op.linear_before_reset:
        extra["reset_bias"] = np.asarray(bias[:, rows:], order="C")
    step = getattr(family, kind)(
        gates, *states, *outputs, R=packed, direction=getattr(op, "direction", "forward"), lengths=lengths,
        activations=activations, clip=op.clip, **extra,
    )  # fmt: skip
    builder.emit(step)


def _quantized(builder: Builder, call: Call) -> bool:
    """Three steps: inputs to bytes, these times W, and the walk."""
    op: Any = call.op
    lengths, w, r, bias, *scales = call.inputs[3:]
    arrays = [tensor.array for tensor in (w, r, bias, *scales)]
    known = all(name in _ACTIVATIONS for name in op.activations)
    if call.inputs[0].size == 0 or not known or any(array is None for array in arrays):
        return False
    weights, recurrence, biases, w_scales, r_scales = (array for array in arrays if array is not None)
    family = builder.family("recurrent")
    kernel = builder.family("matmul_weights").kernel_for("u8", "i8", split=False)
    products = builder.family("matmul")
    inputs = builder.packed_weights.get(
        weights, ("quantized recurrent inputs", builder.level, kernel.name),
        lambda array: products.pack_int8(array.reshape(-1, array.shape[2]).T, kernel),
    )  # fmt: skip
    packed = builder.packed_weights.get(
        recurrence, ("quantized recurrent states", builder.level, kernel.name),
        lambda array: [products.pack_int8(matrix.T, kernel) for matrix in array],
    )  # fmt: skip
    data, states = builder.plain(call.inputs[0]), [builder.plain(state) for state in call.inputs[1:3]]
    codes, steps = builder.scratch(np.dtype(np.uint8), data.shape), builder.scratch(data.dtype, data.shape[:2])
    gates = builder.scratch(data.dtype, (*data.shape[:2], weights.shape[0] * weights.shape[1]))
    builder.emit(family.QuantizeRows(data, codes, steps))
    shifts, scale = _centring(builder, weights).reshape(-1), w_scales.reshape(-1)
    builder.emit(products.QuantizedMatMul(codes, gates, weights=inputs, shifts=shifts, scales=scale))
    activations = [_described(op, place) for place in range(len(op.default_activations))]
    builder.emit(
        family.QuantizedLSTM(
            gates, steps, *states, *[builder.wanted(tensor) for tensor in call.outputs], R=packed,
            shifts=_centring(builder, recurrence), scales=r_scales, B=biases, direction=op.direction,
            lengths=_lengths(builder, lengths, data.shape[1]), activations=activations, clip=op.clip,
        )
    )  # fmt: skip
    return True


def _centring(builder: Builder, weights: Array) -> Array:
    """What corrects sums of products of weights [D, rows, columns] with codes whose zero is CODE_ZERO."""
    return (-CODE_ZERO * builder.packed_weights.sums(weights, weights.shape, (2,))).astype(np.int32)


def _described(op: Any, place: int) -> tuple[str, float, float]:
    """An activation with its parameters, as the kernels describe it."""
    name = op.activations[place]
    alpha, beta = (0.0, math.inf) if name == "relu" else op.parameters(place)
    return _ACTIVATIONS[name], alpha, beta


def _lengths(builder: Builder, lengths: Tensor, times: int) -> View | None:
    """View of the lengths of the sequences; None when each is as long as the data."""
    if lengths.array is not None and (lengths.array >= times).all():
        return None
    return builder.plain(lengths)


LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(("LSTMSequence", "GRUSequence", "RNNSequence"), _sequence),
    "QuantizedLSTM": _quantized,
    **dict.fromkeys(("LSTMCell", "GRUCell", "RNNCell"), _cell),
}
