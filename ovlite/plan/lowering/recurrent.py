"""LSTM, GRU and RNN over time, with constant weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...graph.operator import Array
from ...kernels.runtime.step import View
from ..builder import Builder, Lowering
from ..calls import Call, Tensor

# Activations of cells that the kernels have, by the names that the kernels have for them.
_ACTIVATIONS = {
    "elu": "elu", "hardsigmoid": "hard_sigmoid", "leakyrelu": "leaky_relu", "relu": "clamp", "sigmoid": "sigmoid",
    "softplus": "softplus", "tanh": "tanh",
}  # fmt: skip


def _sequence(builder: Builder, call: Call) -> bool:
    """Two steps: the inputs of all times times W at once, then the walk through the time."""
    op: Any = call.op
    data, *states = call.inputs[: 1 + op.state_count]
    lengths, *weights = call.inputs[1 + op.state_count :]
    arrays = [tensor.array for tensor in weights]
    if data.dtype != np.float32 or any(name not in _ACTIVATIONS for name in op.activations) or data.size == 0:
        return False
    if any(array is None for array in arrays):
        return False
    w, r, b = (array for array in arrays if array is not None)
    family = builder.family("recurrent")
    batch, times, _ = data.shape
    gates = builder.scratch(data.dtype, (batch, times, w.shape[0] * w.shape[1]))
    kernel = builder.product_kernel(batch * times, w.shape[0] * w.shape[1], w.shape[2])
    inputs = builder.packed_weights.get(
        w, ("recurrent inputs", builder.level, kernel.name), lambda array: family.pack_inputs(array, kernel)
    )
    bias = b[:, : w.shape[1]]
    builder.emit(family.Projection(builder.view(data), gates, W=inputs, B=bias))
    kind = {"LSTMSequence": "LSTM", "GRUSequence": "GRU", "RNNSequence": "RNN"}[op.type]
    parts = 2 if kind == "GRU" else 1
    packed = builder.packed_weights.get(
        r, ("recurrent states", builder.level), lambda array: family.pack_states(array, parts)
    )
    activations = [_described(op, place) for place in range(len(op.default_activations))]
    extra: dict[str, Array] = {}
    if kind == "GRU" and op.linear_before_reset:
        extra["reset_bias"] = np.asarray(b[:, w.shape[1] :], order="C")
    step = getattr(family, kind)(
        gates, *(builder.plain(state) for state in states), *(builder.wanted(tensor) for tensor in call.outputs),
        R=packed, direction=op.direction, lengths=_lengths(builder, lengths, times),
        activations=activations, clip=op.clip, **extra,
    )  # fmt: skip
    builder.emit(step)
    return True


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


LOWERINGS: dict[str, Lowering] = dict.fromkeys(("LSTMSequence", "GRUSequence", "RNNSequence"), _sequence)
