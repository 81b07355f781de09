"""Recurrent cells and sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.graph import Parameter
from ovlite.ops import factories
from ovlite.ops.recurrent import ACTIVATIONS
from ovlite.types import PartialShape, Type

from ..tolerances import sums
from .support import check, fixed, normal

N, T, D, H = 3, 4, 5, 6
CLOSE = sums(T * (D + H))
LENGTHS = np.array([4, 2, 3])


def weights(gates: int, *lead: int, bias: int = 0) -> list[fixed]:
    rows = gates * H
    return [fixed(normal(*lead, rows, D)), fixed(normal(*lead, rows, H)), fixed(normal(*lead, (bias or gates) * H))]


def states(count: int, *middle: int) -> list[np.ndarray]:
    return [normal(N, *middle, H) + i for i in range(count)]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def lstm(
    x: np.ndarray, h: np.ndarray, c: np.ndarray, w: np.ndarray, r: np.ndarray, b: np.ndarray, candidate: Any = np.tanh
) -> tuple[np.ndarray, np.ndarray]:
    """(h, c) after one step."""
    f, i, g, o = np.split(x @ w.T + h @ r.T + b, 4, 1)
    c = sigmoid(f) * c + sigmoid(i) * candidate(g)
    return sigmoid(o) * np.tanh(c), c


def test_lstm_by_its_formula() -> None:
    x, (h, c), parameters = normal(N, D), states(2), weights(4)
    check("lstm_cell", x, h, c, *parameters, H, expected=list(lstm(x, h, c, *[p.array for p in parameters])), **CLOSE)


def lstm_steps(
    x: np.ndarray, h: np.ndarray, c: np.ndarray, parameters: list[np.ndarray], backward: bool, candidate: Any = np.tanh
) -> list[np.ndarray]:
    """Outputs [N, 1, T, H], last h and c [N, 1, H] of one direction, step by step; h, c [N, H]."""
    outputs, lasts = np.zeros((N, 1, T, H), np.float32), []
    for n in range(N):
        state = h[n : n + 1], c[n : n + 1]
        for t in reversed(range(LENGTHS[n])) if backward else range(LENGTHS[n]):
            state = lstm(x[n : n + 1, t], *state, *parameters, candidate)
            outputs[n, 0, t] = state[0][0]
        lasts.append(state)
    return [outputs, *(np.stack(part) for part in zip(*lasts, strict=True))]


@pytest.mark.parametrize("backward", [False, True])
def test_sequence_is_its_steps(backward: bool) -> None:
    """The last states are those of each sequence's own end, and nothing comes out behind it."""
    x, parameters = normal(N, T, D), weights(4, 1)
    expected = lstm_steps(x, *states(2), [p.array[0] for p in parameters], backward)
    given = [state[:, np.newaxis] for state in states(2)]
    direction = "reverse" if backward else "forward"
    check("lstm_sequence", x, *given, LENGTHS, *parameters, H, direction, expected=expected, **CLOSE)


@pytest.mark.parametrize("clip", [0.0, 0.3])
@pytest.mark.parametrize("direction", ["forward", "REVERSE", "bidirectional"])
def test_sequences(direction: str, clip: float) -> None:
    d = 2 if direction == "bidirectional" else 1
    x, call = normal(N, T, D), {"hidden_size": H, "direction": direction, "clip": clip, **CLOSE}
    check("lstm_sequence", x, *states(2, d), LENGTHS, *weights(4, d), **call)
    check("lstm_sequence", x, *states(2, d), LENGTHS, *weights(4, d), activations=["sigmoid", "relu", "tanh"], **call)
    check("gru_sequence", x, *states(1, d), LENGTHS, *weights(3, d), activations=["sigmoid", "relu"], **call)
    check("gru_sequence", x, *states(1, d), LENGTHS, *weights(3, d, bias=4), linear_before_reset=True, **call)
    check("rnn_sequence", x, *states(1, d), LENGTHS, *weights(1, d), **call)


def test_activations_may_be_listed_for_both_directions() -> None:
    x, call = normal(N, T, D), {"hidden_size": H, "direction": "bidirectional", **CLOSE}
    lstm_names, alphas = ["sigmoid", "hardsigmoid", "tanh"], [0.0, 0.25, 0.0]
    parameters: dict[str, Any] = {"activations_alpha": alphas * 2, "activations_beta": [0.0, 0.5, 0.0] * 2}
    ways = [
        lstm_steps(
            x, *(state[:, way] for state in states(2, 2)), [p.array[way] for p in weights(4, 2)], way == 1,
            lambda g: np.clip(0.25 * g + 0.5, 0, 1),
        )
        for way in range(2)
    ]  # fmt: skip
    parameters["expected"] = [np.concatenate(part, 1) for part in zip(*ways, strict=True)]
    check(
        "lstm_sequence", x, *states(2, 2), LENGTHS, *weights(4, 2), activations=lstm_names * 2, peer="",
        **parameters, **call,
    )  # fmt: skip
    check("gru_sequence", x, *states(1, 2), LENGTHS, *weights(3, 2), activations=["sigmoid", "relu"] * 2, **call)
    check("rnn_sequence", x, *states(1, 2), LENGTHS, *weights(1, 2), activations=["relu"] * 2, **call)
    with pytest.raises(ModelError, match=r"other activations in each direction"):
        check("rnn_sequence", x, *states(1, 2), LENGTHS, *weights(1, 2), activations=["tanh", "relu"], **call)
    with pytest.raises(ModelError, match="to have 1 activations"):
        check("rnn_sequence", x, *states(1, 2), LENGTHS, *weights(1, 2), activations=["tanh"] * 3, **call)


def test_activations_behind_those_of_the_only_direction_have_no_effect() -> None:
    x, call = normal(N, T, D), {"hidden_size": H, "direction": "reverse", **CLOSE}
    check("rnn_sequence", x, *states(1, 1), LENGTHS, *weights(1, 1), activations=["relu", "tanh"], **call)
    check("gru_sequence", x, *states(1, 1), LENGTHS, *weights(3, 1), activations=["sigmoid", "relu", "tanh"], **call)
    with pytest.raises(ModelError, match="to have 2 activations"):
        check("gru_sequence", x, *states(1, 1), LENGTHS, *weights(3, 1), activations=["sigmoid"], **call)


@pytest.mark.parametrize("clip", [0.0, 0.3])
def test_cells(clip: float) -> None:
    x, call = normal(N, D), {"hidden_size": H, "clip": clip, **CLOSE}
    check("lstm_cell", x, *states(2), *weights(4), **call)
    check("lstm_cell", x, *states(2), *weights(4), opset=3, **call)
    check("gru_cell", x, *states(1), *weights(3), **call)
    check("gru_cell", x, *states(1), *weights(3, bias=4), linear_before_reset=True, **call)
    plain: dict[str, Any] = {"activations": ["sigmoid"], "activations_alpha": [], "activations_beta": []}
    check("rnn_cell", x, *states(1), *weights(1), **plain, **call)


def test_an_empty_sequence_keeps_its_state() -> None:
    (h,) = states(1, 1)
    lengths = np.zeros(N, np.int64)
    expected = [np.zeros((N, 1, T, H)), h]
    check("gru_sequence", normal(N, T, D), h, lengths, *weights(3, 1), H, "forward", expected=expected, peer="")


def test_activations() -> None:
    x = np.array([-2.0, -0.5, 0.0, 0.5, 2.0], np.float32)
    expected = {
        "hardsigmoid": np.clip(0.3 * x + 0.7, 0, 1),
        "elu": np.where(x < 0, 0.3 * (np.exp(x) - 1), x),
        "affine": 0.3 * x + 0.7,
        "leakyrelu": np.where(x < 0, 0.3 * x, x),
        "thresholdedrelu": np.where(x > 0.3, x, 0),
        "scaledtanh": 0.3 * np.tanh(0.7 * x),
        "softsign": x / (1 + abs(x)),
        "softplus": np.log(1 + np.exp(x)),
        "relu": np.maximum(x, 0),
        "tanh": np.tanh(x),
        "sigmoid": sigmoid(x),
    }
    assert set(expected) == set(ACTIVATIONS)
    for name, values in expected.items():
        np.testing.assert_allclose(ACTIVATIONS[name][0](x, 0.3, 0.7), values, rtol=1e-6, atol=1e-7, err_msg=name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_size": 5}, "shapes? .*, got"),
        ({"direction": "backward"}, "direction to be one of"),
        ({"activations": ["tanh"]}, "to have 3 activations"),
        ({"activations": ["sigmoid", "tanh", "cosine"]}, "an activation to be one of"),
    ],
    ids=str,
)
def test_wrong_attributes(change: dict[str, Any], message: str) -> None:
    shapes = [[N, T, D], [N, 1, H], [N, 1, H]]
    tensors = [Parameter(Type.f32, PartialShape(shape)) for shape in shapes]
    parameters = [p.array for p in weights(4, 1)]
    call: dict[str, Any] = {"hidden_size": H, "direction": "forward"} | change
    with pytest.raises(ModelError, match=message):
        factories(13)["lstm_sequence"](*tensors, LENGTHS, *parameters, **call)
