"""Recurrent cells and sequences: LSTM, GRU, and the plain RNN.

N batch, T time, I input size, H hidden size, D directions, G gates of the cell. A cell has X [N, I],
states [N, H], W [G * H, I], R [G * H, H], B [G * H]. A sequence has X [N, T, I], states [N, D, H],
sequence_lengths [N], and D sets of weights: W [D, G * H, I], R [D, G * H, H], B [D, G * H].
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np

from ..errors import ModelError
from ..graph import Argument, Constant, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape
from .activation import sigmoid
from .axes import merged_type, one_of, require
from .declare import Declared, as_output

DIRECTIONS = ("forward", "reverse", "bidirectional")
CELL = "activations=None, activations_alpha=None, activations_beta=None, clip=0.0"


# name: (function of x, alpha, beta; default alpha; default beta)
ACTIVATIONS: dict[str, tuple[Callable[[Array, float, float], Array], float, float]] = {
    "sigmoid": (lambda x, a, b: sigmoid(x), 0, 0),
    "tanh": (lambda x, a, b: np.tanh(x), 0, 0),
    "relu": (lambda x, a, b: np.maximum(x, 0), 0, 0),
    "hardsigmoid": (lambda x, a, b: np.clip(a * x + b, 0, 1), 0.2, 0.5),
    "elu": (lambda x, a, b: np.where(x < 0, a * np.expm1(np.minimum(x, 0)), x), 1, 0),
    "affine": (lambda x, a, b: a * x + b, 1, 0),
    "leakyrelu": (lambda x, a, b: np.where(x < 0, a * x, x), 0.01, 0),
    "thresholdedrelu": (lambda x, a, b: np.where(x > a, x, 0), 1, 0),
    "scaledtanh": (lambda x, a, b: a * np.tanh(b * x), 1, 1),
    "softsign": (lambda x, a, b: x / (1 + np.abs(x)), 0, 0),
    "softplus": (lambda x, a, b: np.logaddexp(x, 0), 0, 0),
}


@dataclass(frozen=True)
class Recurrent(Declared):
    """Base of all cells and sequences.

    activations: names, in the order the cell uses them; activations_alpha, activations_beta: their
    parameters at the same places. clip: bound of what the gates' activations are given, 0 for none.
    """

    hidden_size: int
    activations: tuple[str, ...] = ()
    activations_alpha: tuple[float, ...] = ()
    activations_beta: tuple[float, ...] = ()
    clip: float = 0.0

    gates: ClassVar[int]
    state_count: ClassVar[int] = 1
    default_activations: ClassVar[tuple[str, ...]]

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "activations", tuple(name.lower() for name in self.activations) or self.default_activations
        )
        for name in self.activations:
            one_of(name, tuple(ACTIVATIONS), "an activation")
        self._check_activations()
        require(self.hidden_size > 0, f"expected hidden_size to be positive, got {self.hidden_size}")

    def _check_activations(self) -> None:
        wanted = len(self.default_activations)
        require(
            len(self.activations) == wanted,
            f"expected {self.type} to have {wanted} activations, got {list(self.activations)}",
        )

    def parameters(self, index: int) -> tuple[float, float]:
        """Alpha and beta of an activation, its defaults where they are not given."""
        _, alpha, beta = ACTIVATIONS[self.activations[index]]
        given = (self.activations_alpha[index : index + 1], self.activations_beta[index : index + 1])
        return (given[0] or (alpha,))[0], (given[1] or (beta,))[0]

    def activation(self, index: int) -> Callable[[Array], Array]:
        """The function with its parameters."""
        return partial(_activated, ACTIVATIONS[self.activations[index]][0], *self.parameters(index))

    def clipped(self, gate: Array) -> Array:
        return np.clip(gate, -self.clip, self.clip) if self.clip > 0 else gate

    @property
    def bias_gates(self) -> int:
        return self.gates

    @abstractmethod
    def step(self, inputs: Array, states: Sequence[Array], recurrence: Array, bias: Array) -> list[Array]:
        """The next states. inputs: X @ W^T [N, G * H], without the bias."""

    def _check_weights(self, weights: Sequence[Argument], lead: Sequence[Dimension], size: Dimension) -> None:
        """Checks W, R and B against `lead` (directions) and the input size."""
        hidden = self.hidden_size
        wanted = {
            "W": [*lead, Dimension(self.gates * hidden), size],
            "R": [*lead, Dimension(self.gates * hidden), Dimension(hidden)],
            "B": [*lead, Dimension(self.bias_gates * hidden)],
        }
        for (name, dims), argument in zip(wanted.items(), weights, strict=True):
            shape = PartialShape(dims)
            require(argument.shape.compatible(shape), f"expected {name} to have shape {shape}, got {argument.shape}")


def _activated(function: Callable[[Array, float, float], Array], alpha: float, beta: float, x: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.asarray(function(x, alpha, beta), x.dtype)


class LSTM(Recurrent):
    """f, i, o gates use the first activation, the candidate c the second, the output the third.

    f, i, c, o = gates(X @ W^T + H @ R^T + B); C' = f * C + i * c; H' = o * act3(C').
    """

    gates: ClassVar[int] = 4
    state_count: ClassVar[int] = 2
    default_activations: ClassVar[tuple[str, ...]] = ("sigmoid", "tanh", "tanh")

    def step(self, inputs: Array, states: Sequence[Array], recurrence: Array, bias: Array) -> list[Array]:
        hidden, cell = states
        gates = self.clipped(inputs + hidden @ recurrence.T + bias)
        f, i, c, o = np.split(gates, 4, axis=1)
        gate, candidate = self.activation(0), self.activation(1)
        cell = gate(f) * cell + gate(i) * candidate(c)
        return [gate(o) * self.activation(2)(cell), cell]


@dataclass(frozen=True)
class GRU(Recurrent):
    """z, r gates use the first activation, the candidate h the second.

    H' = (1 - z) * h + z * H, with h = act2(Xh + (r * H) @ Rh^T + Bh), or with linear_before_reset
    h = act2(Xh + Wbh + r * (H @ Rh^T + Rbh)), where B has four parts: z, r, Wbh, Rbh.
    """

    linear_before_reset: bool = False

    gates: ClassVar[int] = 3
    default_activations: ClassVar[tuple[str, ...]] = ("sigmoid", "tanh")

    @property
    def bias_gates(self) -> int:
        return 4 if self.linear_before_reset else 3

    def step(self, inputs: Array, states: Sequence[Array], recurrence: Array, bias: Array) -> list[Array]:
        (hidden,) = states
        size = self.hidden_size
        zr = self.clipped(inputs[:, : 2 * size] + hidden @ recurrence[: 2 * size].T + bias[: 2 * size])
        z, r = np.split(self.activation(0)(zr), 2, axis=1)
        candidate = inputs[:, 2 * size :] + bias[2 * size : 3 * size]
        if self.linear_before_reset:
            candidate = candidate + r * (hidden @ recurrence[2 * size :].T + bias[3 * size :])
        else:
            candidate = candidate + (r * hidden) @ recurrence[2 * size :].T
        return [(1 - z) * self.activation(1)(self.clipped(candidate)) + z * hidden]


class RNN(Recurrent):
    """H' = act(X @ W^T + H @ R^T + B)."""

    gates: ClassVar[int] = 1
    default_activations: ClassVar[tuple[str, ...]] = ("tanh",)

    def step(self, inputs: Array, states: Sequence[Array], recurrence: Array, bias: Array) -> list[Array]:
        return [self.activation(0)(self.clipped(inputs + states[0] @ recurrence.T + bias))]


class Cell(Recurrent):
    """One step of time: X, the states, W, R, B."""

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, *rest = inputs
        states, weights = rest[: self.state_count], rest[self.state_count : self.state_count + 3]
        element_type = merged_type([data, *states, *weights], "inputs")
        batch, size = merged_dims([data.shape], 2, "X")
        hidden = Dimension(self.hidden_size)
        for state in states:
            batch, _ = merged_dims([state.shape, PartialShape([batch, hidden])], 2, "a state")
        self._check_weights(weights, [], size)
        return [TensorType(element_type, PartialShape([batch, hidden]))] * self.state_count

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, *rest = inputs
        weights, recurrence, bias = rest[self.state_count : self.state_count + 3]
        return self.step(data @ weights.T, rest[: self.state_count], recurrence, bias)


@dataclass(frozen=True)
class SequenceBase(Recurrent):
    """All steps of time: X, the states, sequence_lengths, W, R, B to Y [N, D, T, H] and the last states [N, D, H].

    direction: "reverse" goes from the last element of each sequence to the first; "bidirectional" has
    D = 2, forward first. Y is 0 behind the end of a sequence. Both directions have the same activations,
    which may be listed once for each, as models from ONNX have them.
    """

    direction: str = "forward"

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of(self.direction, DIRECTIONS, "direction")

    def _check_activations(self) -> None:
        count = len(self.default_activations)
        twice = self.direction == "bidirectional" and len(self.activations) == 2 * count
        require(
            not twice or all(listed[:count] == listed[count:] or len(listed) <= count for listed in self._listed()),
            f"the {self.type} has other activations in each direction, {list(self.activations)}: "
            "write a forward and a reverse one",
        )
        if self.direction != "bidirectional":  # those behind the first ones are of no direction
            require(
                len(self.activations) >= count,
                f"expected {self.type} to have {count} activations, got {list(self.activations)}",
            )
        elif not twice:
            super()._check_activations()

    def _listed(self) -> tuple[tuple[Any, ...], ...]:
        return self.activations, self.activations_alpha, self.activations_beta

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, *rest = inputs
        states, lengths, weights = rest[: self.state_count], rest[self.state_count], rest[self.state_count + 1 :]
        element_type = merged_type([data, *states, *weights], "inputs")
        batch, time, size = merged_dims([data.shape], 3, "X")
        directions, hidden = Dimension(2 if self.direction == "bidirectional" else 1), Dimension(self.hidden_size)
        for state in states:
            batch, _, _ = merged_dims([state.shape, PartialShape([batch, directions, hidden])], 3, "a state")
        (batch,) = merged_dims([lengths.shape, PartialShape([batch])], 1, "sequence_lengths")
        self._check_weights(weights, [directions], size)
        last = TensorType(element_type, PartialShape([batch, directions, hidden]))
        return [TensorType(element_type, PartialShape([batch, directions, time, hidden]))] + [last] * self.state_count

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, *rest = inputs
        states, lengths = rest[: self.state_count], rest[self.state_count]
        weights = rest[self.state_count + 1 :]
        backwards = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[self.direction]
        runs = [
            self._run(data, [state[:, d] for state in states], lengths, [array[d] for array in weights], backward)
            for d, backward in enumerate(backwards)
        ]
        return [np.stack(parts, axis=1) for parts in zip(*runs, strict=True)]

    def _run(
        self, data: Array, states: list[Array], lengths: Array, weights: list[Array], backward: bool
    ) -> list[Array]:
        """One direction: Y [N, T, H] and the last states [N, H]."""
        times = data.shape[1]
        gates = data @ weights[0].T
        outputs = np.zeros((data.shape[0], times, self.hidden_size), data.dtype)
        for time in reversed(range(times)) if backward else range(times):
            going = (time < lengths)[:, np.newaxis]
            following = self.step(gates[:, time], states, *weights[1:])
            states = [np.where(going, new, old) for new, old in zip(following, states, strict=True)]
            outputs[:, time] = np.where(going, states[0], 0)
        return [outputs, *states]


def merged_dims(shapes: Sequence[PartialShape], rank: int, what: str) -> list[Dimension]:
    """The dimensions that all shapes of `rank` dimensions agree on."""
    dims = [Dimension()] * rank
    for shape in shapes:
        if not shape.has_rank:
            continue
        require(len(shape) == rank, f"expected {what} to have rank {rank}, got shape {shape}")
        found = [a.intersect(b) for a, b in zip(dims, shape, strict=True)]
        if any(dim is None for dim in found):
            raise ModelError(f"expected the shapes of {what} to agree, got {PartialShape(dims)} and {shape}")
        dims = [dim for dim in found if dim is not None]
    return dims


@dataclass(frozen=True)
class LSTMCell(Cell, LSTM):
    """One step of an LSTM. Gates lie in the weights as f, i, c, o."""

    type = "LSTMCell"
    opset = "opset4"
    factory = "lstm_cell"
    since = 4
    signature = f"X, initial_hidden_state, initial_cell_state, W, R, B, hidden_size, {CELL}"
    inputs: ClassVar[tuple[str, ...]] = ("X", "initial_hidden_state", "initial_cell_state", "W", "R", "B")


@dataclass(frozen=True)
class LSTMCellV1(Cell, LSTM):
    """One step of an LSTM. weights_format: the order of the gates in the weights. Peepholes P are 0."""

    weights_format: str = "fico"
    input_forget: bool = False

    type = "LSTMCell"
    factory = "lstm_cell"
    until = 3
    signature = f"X, initial_hidden_state, initial_cell_state, W, R, B, hidden_size, {CELL}"
    inputs: ClassVar[tuple[str, ...]] = ("X", "initial_hidden_state", "initial_cell_state", "W", "R", "B", "P")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            sorted(self.weights_format) == sorted("fico"),
            f"weights_format orders f, i, c, o; {self.weights_format!r} does not",
        )
        require(not self.input_forget, "input_forget is not supported")

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        element_type = as_output(given["X"]).element_type
        peepholes = np.zeros(3 * given["hidden_size"], element_type.to_dtype())
        return {**given, "P": Constant.of(peepholes, element_type)}

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, hidden, cell, *weights = inputs
        if len(weights) > 3 and weights[3].any():
            raise ModelError("peepholes of an LSTMCell are not supported: P holds other numbers than 0")
        order = ["fico".index(gate) for gate in self.weights_format]
        split = [np.split(array, 4) for array in weights[:3]]
        ordered = [np.concatenate([parts[order.index(gate)] for gate in range(4)]) for parts in split]
        return super().evaluate(data, hidden, cell, *ordered)


@dataclass(frozen=True)
class LSTMSequence(SequenceBase, LSTM):
    """An LSTM over time. Gates lie in the weights as f, i, c, o."""

    type = "LSTMSequence"
    opset = "opset5"
    factory = "lstm_sequence"
    since = 5
    signature = (
        f"X, initial_hidden_state, initial_cell_state, sequence_lengths, W, R, B, hidden_size, direction, {CELL}"
    )
    inputs: ClassVar[tuple[str, ...]] = (
        "X",
        "initial_hidden_state",
        "initial_cell_state",
        "sequence_lengths",
        "W",
        "R",
        "B",
    )


@dataclass(frozen=True)
class GRUCell(Cell, GRU):
    """One step of a GRU. Gates lie in the weights as z, r, h."""

    type = "GRUCell"
    opset = "opset3"
    factory = "gru_cell"
    since = 3
    signature = f"X, initial_hidden_state, W, R, B, hidden_size, {CELL}, linear_before_reset=False"
    inputs: ClassVar[tuple[str, ...]] = ("X", "initial_hidden_state", "W", "R", "B")


@dataclass(frozen=True)
class GRUSequence(SequenceBase, GRU):
    """A GRU over time. Gates lie in the weights as z, r, h."""

    type = "GRUSequence"
    opset = "opset5"
    factory = "gru_sequence"
    since = 5
    signature = (
        f"X, initial_hidden_state, sequence_lengths, W, R, B, hidden_size, direction, {CELL}, linear_before_reset=False"
    )
    inputs: ClassVar[tuple[str, ...]] = ("X", "initial_hidden_state", "sequence_lengths", "W", "R", "B")


@dataclass(frozen=True)
class RNNCell(Cell, RNN):
    """One step of a plain RNN."""

    type = "RNNCell"
    factory = "rnn_cell"
    since = 3
    signature = (
        "X, initial_hidden_state, W, R, B, hidden_size, activations, activations_alpha, activations_beta, clip=0.0"
    )
    inputs: ClassVar[tuple[str, ...]] = ("X", "initial_hidden_state", "W", "R", "B")


@dataclass(frozen=True)
class RNNSequence(SequenceBase, RNN):
    """A plain RNN over time."""

    type = "RNNSequence"
    opset = "opset5"
    factory = "rnn_sequence"
    since = 5
    signature = f"X, initial_hidden_state, sequence_lengths, W, R, B, hidden_size, direction, {CELL}"
    inputs: ClassVar[tuple[str, ...]] = ("X", "initial_hidden_state", "sequence_lengths", "W", "R", "B")
