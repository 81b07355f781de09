"""LSTM, GRU and RNN.

ONNX has the sequence first (layout 0) or the batch first (layout 1); here the batch is always first.
Weights are [directions, gates * hidden, ...] in both; the gates of an LSTM are input, output, forget,
cell in ONNX and forget, input, cell, output here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ....errors import ModelError
from ....graph import Constant, Output
from ....types import Type
from ..build import converted, dim_of, ints, of_type, one, ops, static_dims, transposed, typed
from ..call import Call, Translated, Translation, known

LSTM_ORDER = (2, 0, 3, 1)
DEFAULTS = {
    "LSTM": ["Sigmoid", "Tanh", "Tanh"],
    "DynamicQuantizeLSTM": ["Sigmoid", "Tanh", "Tanh"],
    "GRU": ["Sigmoid", "Tanh"],
    "RNN": ["Tanh"],
}
ACTIVATIONS = {"Sigmoid": "sigmoid", "Tanh": "tanh", "Relu": "relu", "HardSigmoid": "hardsigmoid"}


class Sequence(NamedTuple):
    """What the three operators share, with the batch first."""

    data: Output  # [batch, length, inputs]
    lengths: Output  # [batch]
    direction: str
    directions: int
    hidden: int
    attributes: dict[str, object]
    batch_first: bool


def _sequence(call: Call) -> Sequence | None:
    """The shared parts; None when they can't be expressed."""
    direction = call.text("direction", "forward")
    if direction not in ("forward", "reverse", "bidirectional"):
        raise ModelError(f"direction is {direction!r}")
    directions = 2 if direction == "bidirectional" else 1
    activations = call.texts("activations", DEFAULTS[call.op_type] * directions)
    per_direction = len(DEFAULTS[call.op_type])
    alphas, betas = call.decimals("activation_alpha", []), call.decimals("activation_beta", [])
    if any(name not in ACTIVATIONS for name in activations) or alphas or betas:
        return None
    if len(activations) != per_direction * directions or activations[:per_direction] != activations[-per_direction:]:
        return None
    if "HardSigmoid" in activations:
        return None
    batch_first = bool(call.integer("layout", 0))
    data = call.input(0) if batch_first else transposed(call.input(0), [1, 0, 2])
    lengths = call.optional(4)
    if lengths is None:
        lengths = one(ops.broadcast(scalar_length(data), dim_of(data, 0)))
    hidden = call.integer("hidden_size", None) or (static_dims(call.input(2)) or [None])[-1]
    if hidden is None:
        raise ModelError("hidden_size is missing")
    attributes = {
        "activations": [ACTIVATIONS[name] for name in activations[:per_direction]],
        "clip": call.decimal("clip", 0.0),
    }
    return Sequence(data, lengths, direction, directions, hidden, attributes, batch_first)


def scalar_length(data: Output) -> Output:
    """The length of sequences [batch, length, inputs] as an i32 scalar."""
    length = one(ops.squeeze(dim_of(data, 1), ints([0])))
    return converted(length, Type.i32)


def _state(call: Call, index: int, sequence: Sequence) -> Output:
    """An initial state as [batch, directions, hidden]; zeros when it is left out."""
    state = call.optional(index)
    if state is not None:
        return state if sequence.batch_first else transposed(state, [1, 0, 2])
    shape = ops.concat([dim_of(sequence.data, 0), ints([sequence.directions]), ints([sequence.hidden])], 0)
    return one(ops.broadcast(typed(0, sequence.data), shape))


def _gates(weights: Output, order: tuple[int, ...]) -> Output:
    """Gates of [directions, gates * hidden, ...] in another order."""
    if order == tuple(range(len(order))):
        return weights
    node = weights.node
    if isinstance(node, Constant) and known(weights) is not None:
        parts = np.split(node.array, len(order), axis=1)
        return Constant.of(np.concatenate([parts[i] for i in order], axis=1), weights.element_type).output(0)
    found = ops.split(weights, ints(1), len(order)).outputs()
    return one(ops.concat([found[i] for i in order], 1))


def _bias(call: Call, sequence: Sequence, gates: int) -> tuple[Output, Output]:
    """The biases of input and of state, each [directions, gates * hidden]; zeros when they are left out."""
    bias = call.optional(3)
    if bias is None:
        zeros = typed(np.zeros((sequence.directions, gates * sequence.hidden), np.float32), sequence.data)
        return zeros, zeros
    values = known(bias)
    if values is not None:
        half = values.shape[1] // 2
        return of_type(values[:, :half], bias.element_type), of_type(values[:, half:], bias.element_type)
    parts = ops.split(bias, ints(1), 2).outputs()
    return parts[0], parts[1]


def _summed(left: Output, right: Output) -> Output:
    a, b = known(left), known(right)
    if a is not None and b is not None:
        return of_type(a + b, left.element_type)
    return one(ops.add(left, right))


def _results(call: Call, sequence: Sequence, outputs: list[Output]) -> list[Output]:
    """[batch, directions, length, hidden] and [batch, directions, hidden] in ONNX's order of axes."""
    whole, *states = outputs
    if sequence.batch_first:
        return [transposed(whole, [0, 2, 1, 3]), *states]
    return [transposed(whole, [2, 1, 0, 3]), *(transposed(state, [1, 0, 2]) for state in states)]


def lstm(call: Call) -> Translated:
    """Inputs: X, W, R, B, sequence lengths, initial h, initial c, peepholes."""
    return lstm_of(call, call.input(1), call.input(2))


def lstm_of(call: Call, weights: Output, state_weights: Output) -> Translated:
    """An LSTM whose W and R are these; the other inputs are the call's."""
    peepholes = call.optional(7)
    sequence = _sequence(call)
    if sequence is None or call.flag("input_forget"):
        return None
    if peepholes is not None and ((given := known(peepholes)) is None or given.any()):
        return None
    bias = _summed(*_bias(call, sequence, 4))
    found = ops.lstm_sequence(
        sequence.data, _state(call, 5, sequence), _state(call, 6, sequence), sequence.lengths,
        _gates(weights, LSTM_ORDER), _gates(state_weights, LSTM_ORDER), _gates(bias, LSTM_ORDER),
        sequence.hidden, sequence.direction, **sequence.attributes,
    )  # fmt: skip
    return _results(call, sequence, found.outputs())


def gru(call: Call) -> Translated:
    """The hidden gate's two biases stay apart with linear_before_reset."""
    sequence = _sequence(call)
    if sequence is None:
        return None
    apart = call.flag("linear_before_reset")
    left, right = _bias(call, sequence, 3)
    bias = _gru_bias(left, right, sequence.hidden) if apart else _summed(left, right)
    found = ops.gru_sequence(
        sequence.data, _state(call, 5, sequence), sequence.lengths, call.input(1), call.input(2), bias,
        sequence.hidden, sequence.direction, linear_before_reset=apart, **sequence.attributes,
    )  # fmt: skip
    return _results(call, sequence, found.outputs())


def _gru_bias(left: Output, right: Output, hidden: int) -> Output:
    """[update, reset, hidden's of the input, hidden's of the state]."""
    a, b = known(left), known(right)
    if a is not None and b is not None:
        both = np.concatenate([a[:, : 2 * hidden] + b[:, : 2 * hidden], a[:, 2 * hidden :], b[:, 2 * hidden :]], axis=1)
        return of_type(both, left.element_type)
    (gates, own), (state_gates, state_own) = (
        ops.variadic_split(value, ints(1), ints([2 * hidden, hidden])).outputs() for value in (left, right)
    )
    return one(ops.concat([ops.add(gates, state_gates), own, state_own], 1))


def rnn(call: Call) -> Translated:
    sequence = _sequence(call)
    if sequence is None:
        return None
    bias = _summed(*_bias(call, sequence, 1))
    found = ops.rnn_sequence(
        sequence.data, _state(call, 5, sequence), sequence.lengths, call.input(1), call.input(2), bias, sequence.hidden,
        sequence.direction, **sequence.attributes,
    )  # fmt: skip
    return _results(call, sequence, found.outputs())


OPERATORS: dict[str, Translation] = {"GRU": gru, "LSTM": lstm, "RNN": rnn}
