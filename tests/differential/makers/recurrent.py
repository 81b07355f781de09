"""LSTM, GRU and RNN."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cases import Error, Made
from ..draw import Draw
from .base import node, table

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
ACTIVATIONS = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}
OTHERS = ["Sigmoid", "Tanh", "Relu", "HardSigmoid", "Softsign", "Softplus", "LeakyRelu", "Elu", "ThresholdedRelu",
          "ScaledTanh", "Affine"]  # fmt: skip
NUMBERS = {"HardSigmoid": 2, "LeakyRelu": 1, "Elu": 1, "ThresholdedRelu": 1, "ScaledTanh": 2, "Affine": 2}


def recurrent(d: Draw) -> Made:
    gates, direction = GATES[d.op_type], d.pick(None, "forward", "reverse", "bidirectional")
    ways = 2 if direction == "bidirectional" else 1
    length, batch, width, hidden = d.integer(1, 5), d.integer(1, 3), d.integer(1, 4), d.integer(1, 5)
    layout = d.pick(None, None, 0, 1) if d.has("layout") else None
    data = d.tensor((batch, length, width) if layout else (length, batch, width), np.float32, (-2, 2))
    weights = [d.tensor((ways, gates * hidden, size), np.float32, (-1, 1)) for size in (width, hidden)]
    bias = d.maybe(d.tensor((ways, 2 * gates * hidden), np.float32, (-1, 1)))
    lengths = d.maybe(np.array(d.integers(1, length, batch), np.int32), 0.4)
    state = (batch, ways, hidden) if layout else (ways, batch, hidden)
    inputs = [data, *weights, bias, lengths, d.maybe(d.tensor(state, np.float32, (-1, 1)))]
    given: dict[str, Any] = {"hidden_size": hidden, "direction": direction, "layout": layout}
    if d.op_type == "LSTM":
        inputs.append(d.maybe(d.tensor(state, np.float32, (-1, 1))))
        inputs.append(d.maybe(d.tensor((ways, 3 * hidden), np.float32, (-1, 1)), 0.3))
        given["input_forget"] = d.pick(None, None, 0, 1)
    if d.op_type == "GRU":
        given["linear_before_reset"] = d.pick(None, 0, 1)
    if d.chance(0.3):
        given["clip"] = d.decimal(0.3, 2)
    if d.chance(0.4):
        given.update(_activations(d, ways))
    wanted = [d.chance(0.7), True, d.op_type == "LSTM" and d.chance(0.7)]
    return node(d, inputs, wanted, steering=(1, 2, 3, 4), error=Error(64, 256, 4), **given)


def _activations(d: Draw, ways: int) -> dict[str, Any]:
    """Names for each way, and the numbers that some of them need."""
    count = len(ACTIVATIONS[d.op_type])
    names = [d.pick(*OTHERS) for _ in range(count * ways)]
    alpha = [d.decimal(0.1, 1) for name in names if NUMBERS.get(name, 0) > 0]
    beta = [d.decimal(0.1, 1) for name in names if NUMBERS.get(name, 0) > 1]
    return {"activations": names, "activation_alpha": alpha or None, "activation_beta": beta or None}


MAKERS = table("", LSTM=recurrent, GRU=recurrent, RNN=recurrent)
