"""LSTM, GRU and RNN.

ONNX has the sequence first (layout 0) or the batch first (layout 1); here the batch is always first.
Weights are [directions, gates * hidden, ...] in both; the gates of an LSTM are input, output, forget,
cell in ONNX and forget, input, cell, output here.

Source of the equations and of the activations' parameters: the operators' specification.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from ....errors import ModelError
from ....graph import Node, Output
from ....ops.quantized_recurrent import DYNAMIC_QUANTIZATION
from ....types import Type
from ..build import converted, dim_of, ints, joined, of_type, one, ops, parts, static_dims, transposed, typed
from ..call import Call, Translated, Translation, known
from .lstm_loop import Activations, Weights, lstm_loop

LSTM_ORDER = (2, 0, 3, 1)
DEFAULTS = {
    "LSTM": ["Sigmoid", "Tanh", "Tanh"],
    "DynamicQuantizeLSTM": ["Sigmoid", "Tanh", "Tanh"],
    "GRU": ["Sigmoid", "Tanh"],
    "RNN": ["Tanh"],
}
# Activations by the names that sequences have for them: the defaults of their parameters alpha and beta, as far as
# they have them; None where a model has to give one.
PARAMETERS: dict[str, tuple[float | None, ...]] = {
    "affine": (1.0, 0.0), "elu": (1.0,), "hardsigmoid": (0.2, 0.5), "leakyrelu": (0.01,), "relu": (),
    "scaledtanh": (None, None), "sigmoid": (), "softplus": (), "softsign": (), "tanh": (), "thresholdedrelu": (1.0,),
}  # fmt: skip


class Layer(NamedTuple):
    """Base of the three operators, with the batch first."""

    data: Output  # [batch, length, inputs]
    lengths: Output | None  # [batch]
    directions: list[str]
    hidden: int
    activations: list[Activations]  # one a direction
    clip: float
    batch_first: bool


# Makes [batch, directions, length, hidden] and the last states of a direction, its activations, states and weights.
Make = Callable[[str, Activations, Sequence[Output], Sequence[Output]], Sequence[Output]]


def _layer(call: Call, recurrence: Output) -> Layer:
    direction = call.text("direction", "forward")
    if direction not in ("forward", "reverse", "bidirectional"):
        raise ModelError(f"expected direction to be forward, reverse or bidirectional, got {direction!r}")
    directions = ["forward", "reverse"] if direction == "bidirectional" else [direction]
    batch_first = bool(call.integer("layout", 0))
    data = call.input(0) if batch_first else transposed(call.input(0), [1, 0, 2])
    clip = call.decimal("clip", None)
    if clip is not None and not clip > 0:
        raise ModelError(f"expected clip to be positive, got {clip}")
    activations, hidden = _activations(call, len(directions)), _hidden(call, recurrence)
    return Layer(data, call.optional(4), directions, hidden, activations, clip or 0.0, batch_first)


def _hidden(call: Call, recurrence: Output) -> int:
    """The number of hidden units, which is the last dimension of the recurrence weights."""
    given, found = call.integer("hidden_size", None), (static_dims(recurrence) or [None])[-1]
    if given is not None and found is not None and given != found:
        raise ModelError(f"expected hidden_size to be {found}, as the recurrence weights have it, got {given}")
    hidden = found if given is None else given
    if hidden is None:
        raise ModelError("hidden_size is missing, and the shape of the recurrence weights is not known")
    return hidden


def _activations(call: Call, directions: int) -> list[Activations]:
    """The activations of each direction. Parameters are consumed in order by the activations that have them."""
    usual = DEFAULTS[call.op_type]
    names = call.texts("activations", usual * directions)
    if call.op_type == "RNN" and directions == 1 and names == usual * 2:  # the attribute's default
        names = usual
    if len(names) != len(usual) * directions:
        raise ModelError(f"expected {len(usual)} activations for each of {directions} directions, got {names}")
    alphas, betas = (iter(call.decimals(f"activation_{name}", [])) for name in ("alpha", "beta"))
    found = [_activation(name, alphas, betas) for name in names]
    if any(PARAMETERS[name] for name, _, _ in found) and [*alphas, *betas]:
        raise ModelError(f"activation_alpha and activation_beta have more values than activations {names} take")
    return [
        Activations(*zip(*found[first : first + len(usual)], strict=True)) for first in range(0, len(found), len(usual))
    ]


def _activation(name: str, alphas: Iterator[float], betas: Iterator[float]) -> tuple[str, float, float]:
    """An activation with its parameters, 0 for those it has not."""
    if name.lower() not in PARAMETERS:
        raise ModelError(f"expected activation to be one of {', '.join(PARAMETERS)}, got {name!r}")
    values = [0.0, 0.0]
    for place, default in enumerate(PARAMETERS[name.lower()]):
        value = next((alphas, betas)[place], default)
        if value is None:
            raise ModelError(f"activation {name} needs activation_alpha and activation_beta")
        values[place] = value
    return name.lower(), values[0], values[1]


def _state(call: Call, index: int, layer: Layer) -> Output:
    """An initial state as [batch, directions, hidden]; zeros when it is left out."""
    state = call.optional(index)
    if state is not None:
        return state if layer.batch_first else transposed(state, [1, 0, 2])
    shape = ops.concat([dim_of(layer.data, 0), ints([len(layer.directions)]), ints([layer.hidden])], 0)
    return one(ops.broadcast(typed(0, layer.data), shape))


def _gates(weights: Output) -> Output:
    """The gates of an LSTM in [directions, 4 * hidden, ...] in the order of LSTMSequence."""
    found = parts(weights, 4, 1)
    return joined([found[i] for i in LSTM_ORDER], 1)


def _bias(call: Call, layer: Layer, gates: int) -> list[Output]:
    """The biases of input and of state, each [directions, gates * hidden]; zeros when they are left out."""
    bias = call.optional(3)
    if bias is not None:
        return parts(bias, 2, 1)
    zeros = one(ops.broadcast(typed(0, layer.data), ints([len(layer.directions), gates * layer.hidden])))
    return [zeros, zeros]


def _summed(left: Output, right: Output) -> Output:
    a, b = known(left), known(right)
    if a is not None and b is not None:
        return of_type(a + b, left.element_type)
    return one(ops.add(left, right))


def _sequence(
    layer: Layer, factory: str, states: Sequence[Output], weights: Sequence[Output],
    info: Mapping[str, Any] = MappingProxyType({}), **more: object,
) -> Translated:  # fmt: skip
    """The results of an operator that has the whole layer; of one for each direction where activations differ.

    info: what their run-time information is to hold.
    """
    lengths = _full_lengths(layer.data) if layer.lengths is None else layer.lengths

    def make(
        direction: str, used: Activations, states: Sequence[Output], weights: Sequence[Output]
    ) -> Sequence[Output]:
        node: Node = getattr(ops, factory)(
            layer.data, *states, lengths, *weights, layer.hidden, direction, activations=used.names, clip=layer.clip,
            **_parameters(used), **more,
        )  # fmt: skip
        node.info.update(info)
        return node.outputs()

    if len(layer.directions) == 2 and layer.activations[0] == layer.activations[1]:
        return _results(layer, make("bidirectional", layer.activations[0], states, weights))
    return _results(layer, _each_way(layer, states, weights, make))


def _parameters(used: Activations) -> dict[str, object]:
    """The attributes of a sequence for parameters that its activations take."""
    if not any(PARAMETERS[name] for name in used.names):
        return {}
    return {"activations_alpha": used.alphas, "activations_beta": used.betas}


def _each_way(layer: Layer, states: Sequence[Output], weights: Sequence[Output], make: Make) -> Sequence[Output]:
    """Joins what `make` gives for each direction."""
    count = len(layer.directions)
    if count == 1:
        return make(layer.directions[0], layer.activations[0], states, weights)
    of_states, of_weights = [parts(state, count, 1) for state in states], [parts(value, count, 0) for value in weights]
    runs = [
        make(layer.directions[i], layer.activations[i], [p[i] for p in of_states], [p[i] for p in of_weights])
        for i in range(count)
    ]
    return [joined(pair, 1) for pair in zip(*runs, strict=True)]


def _full_lengths(data: Output) -> Output:
    """The length of sequences [batch, length, inputs], for each of the batch."""
    length = one(ops.squeeze(dim_of(data, 1), ints([0])))
    return one(ops.broadcast(converted(length, Type.i32), dim_of(data, 0)))


def _results(layer: Layer, outputs: Sequence[Output]) -> list[Output]:
    """[batch, directions, length, hidden] and [batch, directions, hidden] in ONNX's order of axes."""
    whole, *states = outputs
    if layer.batch_first:
        return [transposed(whole, [0, 2, 1, 3]), *states]
    return [transposed(whole, [2, 1, 0, 3]), *(transposed(state, [1, 0, 2]) for state in states)]


def lstm(call: Call) -> Translated:
    """Inputs: X, W, R, B, sequence lengths, initial h, initial c, peepholes."""
    return lstm_of(call, call.input(1), call.input(2))


def lstm_of(call: Call, weights: Output, recurrence: Output, of_bytes: Sequence[Output] | None = None) -> Translated:
    """An LSTM whose W and R are these; the other inputs are the call's.

    of_bytes: the same in the order of LSTMSequence, whose inputs and states may be rounded to bytes too.
    """
    layer, peepholes, coupled = _layer(call, recurrence), call.optional(7), call.flag("input_forget")
    bias = _summed(*_bias(call, layer, 4))
    states = [_state(call, 5, layer), _state(call, 6, layer)]
    given = None if peepholes is None else known(peepholes)
    if given is not None and not given.any():
        peepholes = None
    if peepholes is None and not coupled:
        info = {} if of_bytes is None else {DYNAMIC_QUANTIZATION: {"version": "0"}}  # which IRs keep
        ordered = of_bytes or [_gates(weights), _gates(recurrence)]
        return _sequence(layer, "lstm_sequence", states, [*ordered, _gates(bias)], info)

    def make(
        direction: str, used: Activations, states: Sequence[Output], weights: Sequence[Output]
    ) -> Sequence[Output]:
        inputs, recurrence, bias, *seen = weights
        of_gates = Weights(inputs, recurrence, bias, seen[0] if seen else None, coupled)
        return lstm_loop(layer.data, layer.lengths, direction, states, of_gates, used, layer.clip)

    given_weights = [weights, recurrence, bias] + ([] if peepholes is None else [peepholes])
    return _results(layer, _each_way(layer, states, given_weights, make))


def gru(call: Call) -> Translated:
    """The hidden gate's two biases stay apart with linear_before_reset."""
    layer, apart = _layer(call, call.input(2)), call.flag("linear_before_reset")
    biases = _bias(call, layer, 3)
    bias = _gru_bias(*biases) if apart else _summed(*biases)
    weights = [call.input(1), call.input(2), bias]
    return _sequence(layer, "gru_sequence", [_state(call, 5, layer)], weights, linear_before_reset=apart)


def _gru_bias(left: Output, right: Output) -> Output:
    """[update, reset, hidden's of the input, hidden's of the state]."""
    (update, reset, own), (state_update, state_reset, state_own) = parts(left, 3, 1), parts(right, 3, 1)
    return joined([_summed(update, state_update), _summed(reset, state_reset), own, state_own], 1)


def rnn(call: Call) -> Translated:
    layer = _layer(call, call.input(2))
    weights = [call.input(1), call.input(2), _summed(*_bias(call, layer, 1))]
    return _sequence(layer, "rnn_sequence", [_state(call, 5, layer)], weights)


OPERATORS: dict[str, Translation] = {"GRU": gru, "LSTM": lstm, "RNN": rnn}
