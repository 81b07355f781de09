"""The families' functions on arrays of any rank, beside numpy in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ovlite import kernels

from .test_functions import assert_close, noise

pytestmark = pytest.mark.usefixtures("level")

SHAPES = [(0,), (1,), (15,), (16,), (17,), (3, 0), (4, 33), (2, 5, 16), (1, 3, 2, 17)]


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    e = np.exp(x - x.max(axis, keepdims=True, initial=-np.inf))
    return e / e.sum(axis, keepdims=True)


def normal(x: np.ndarray, axes: Any, epsilon: float) -> np.ndarray:
    mean = x.mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(axes, keepdims=True) + epsilon)


def responses(x: np.ndarray, size: int, axis: int) -> np.ndarray:
    """x / (2 + 0.5 / size * s)^0.75."""
    squares = np.moveaxis(x**2, axis, -1)
    padded = np.pad(squares, [(0, 0)] * (x.ndim - 1) + [((size - 1) // 2, size // 2)])
    sums = sum(padded[..., i : i + squares.shape[-1]] for i in range(size))
    return x / (2 + 0.5 / size * np.moveaxis(np.asarray(sums), -1, axis)) ** 0.75


# What takes an array and an axis: the function, and its definition on float64.
CASES: dict[str, tuple[Callable[..., Any], Callable[[np.ndarray, int], Any]]] = {
    "softmax": (lambda x, axis, **out: kernels.softmax(x, axis, **out), softmax),
    "log_softmax": (
        lambda x, axis, **out: kernels.log_softmax(x, axis, **out),
        lambda x, axis: np.log(softmax(x, axis)),
    ),
    "cumsum": (lambda x, axis, **out: kernels.cumsum(x, axis, **out), lambda x, axis: x.cumsum(axis)),
    "lrn": (
        lambda x, axis, **out: kernels.lrn(x, 3, 0.5, 0.75, 2.0, axis, **out),
        lambda x, axis: responses(x, 3, axis),
    ),
    "layer_norm": (
        lambda x, axis, **out: kernels.layer_norm(x, axes=axis, **out),
        lambda x, axis: normal(x, axis, 1e-5),
    ),
    "mvn": (lambda x, axis, **out: kernels.mvn(x, [axis], 1e-3, **out), lambda x, axis: normal(x, axis, 1e-3)),
    "rms_norm": (
        lambda x, axis, **out: kernels.rms_norm(x, axes=axis, **out),
        lambda x, axis: x / np.sqrt((x * x).mean(axis, keepdims=True) + 1e-5),
    ),
    "normalize_l2": (
        lambda x, axis, **out: kernels.normalize_l2(x, axis, 0.25, mode="max", **out),
        lambda x, axis: x / np.sqrt(np.maximum((x * x).sum(axis, keepdims=True), 0.25)),
    ),
    "reduce": (lambda x, axis, **out: kernels.reduce(x, "sum", axis, **out), lambda x, axis: x.sum(axis)),
    "activation": (lambda x, axis, **out: kernels.activation(x, "tanh", **out), lambda x, axis: np.tanh(x)),
    "elementwise": (lambda x, axis, **out: kernels.elementwise("mul", x, 2.0, **out), lambda x, axis: x * 2),
}
IN_PLACE = sorted(CASES.keys() - {"reduce", "lrn"})


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
def test_functions_follow_their_definitions(name: str, shape: tuple[int, ...]) -> None:
    function, definition = CASES[name]
    for axis in range(-len(shape), len(shape)):
        x = noise(*shape)
        assert_close(function(x, axis), definition(x.astype(float), axis), 40 * max(shape))  # differences cancel


@pytest.mark.parametrize("name", CASES)
def test_operands_may_have_any_strides(name: str) -> None:
    function, definition = CASES[name]
    x = noise(18, 5, 14)[::-2, :, ::2].T
    for axis in range(3):
        expected = definition(x.astype(float), axis)
        memory = np.full((*expected.shape[:-1], 2 * expected.shape[-1]), np.nan, np.float32)
        out = memory[..., ::2]
        assert function(x, axis, out=out) is out
        assert_close(out, expected, 20)
        assert np.isnan(memory[..., 1::2]).all()


@pytest.mark.parametrize("name", CASES)
def test_results_go_where_their_operand_lies_or_apart_from_it(name: str) -> None:
    function, _ = CASES[name]
    x = noise(6, 7)
    before = x.copy()
    if name in IN_PLACE:
        expected = function(x, 1)
        np.testing.assert_array_equal(function(x, 1, out=x), expected)
    elif name == "lrn":
        with pytest.raises(ValueError, match="expected out apart from x"):
            function(x, 1, out=x)
    x = before
    with pytest.raises(ValueError, match="expected out apart from"):
        function(np.broadcast_to(x, (2, 6, 7)) if name == "reduce" else x[:-1], 0, out=x if name == "reduce" else x[1:])


@pytest.mark.parametrize("name", CASES)
def test_functions_refuse_what_does_not_fit(name: str) -> None:
    function, definition = CASES[name]
    x = noise(3, 4)
    shape = np.shape(definition(x, 0))
    with pytest.raises(ValueError, match=r"expected out of shape .*, got \(2, 2\)"):
        function(x, 0, out=np.empty((2, 2), np.float32))
    with pytest.raises(TypeError, match="expected out of float32, got float64"):
        function(x, 0, out=np.empty(shape))
    with pytest.raises(TypeError, match="expected out to be a numpy array, got list"):
        function(x, 0, out=[0.0])
    with pytest.raises(TypeError, match="expected .* in this processor's byte order"):
        function(x.astype(">f4"), 0)
    with pytest.raises(ValueError, match="unaligned"):
        function(np.frombuffer(bytes(17), np.uint8)[1:].view(np.float32), 0)
    with pytest.raises(ValueError, match="at most 8"):
        function(noise(*[1] * 9), 0)
    if name not in ("activation", "elementwise"):
        with pytest.raises(ValueError, match="axis 2|axes of 2 dimensions, got 2"):
            function(x, 2)
    if name not in ("reduce", "cumsum", "elementwise", "activation"):
        with pytest.raises(TypeError, match="expected x of float32, got float64"):
            function(x.astype(float), 0)


@pytest.mark.parametrize("kind", ["sum", "mean", "max", "min", "prod", "l1", "l2", "sum_square", "log_sum_exp"])
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions(kind: str, keepdims: bool) -> None:
    definitions: dict[str, Callable[..., Any]] = {
        "l1": lambda x, *how: np.abs(x).sum(*how[:1], keepdims=keepdims),
        "l2": lambda x, *how: np.sqrt((x * x).sum(*how[:1], keepdims=keepdims)),
        "sum_square": lambda x, *how: (x * x).sum(*how[:1], keepdims=keepdims),
        "log_sum_exp": lambda x, *how: np.log(np.exp(x).sum(*how[:1], keepdims=keepdims)),
    }
    x = noise(4, 5, 33)
    for axes in (None, 1, (0, -1), ()):
        definition = definitions.get(kind) or (lambda x, how: getattr(x, kind)(how, keepdims=keepdims))
        expected = np.asarray(definition(x.astype(float), axes))
        found = kernels.reduce(x, kind, axes, keepdims)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["i4", "i8", "?"])
def test_reductions_and_sums_of_other_types(dtype: str) -> None:
    x = noise(5, 17) > 0 if dtype == "?" else (noise(5, 17) * 100).astype(dtype)
    if dtype == "?":
        np.testing.assert_array_equal(kernels.reduce(x, "logical_or", 0), x.any(0))
        return
    np.testing.assert_array_equal(kernels.reduce(x, "max", -1), x.max(-1))
    np.testing.assert_array_equal(kernels.cumsum(x, 0, reverse=True), x[::-1].cumsum(0)[::-1])
    np.testing.assert_array_equal(kernels.cumsum(x, 1, exclusive=True)[:, 1:], x.cumsum(1)[:, :-1])
    with pytest.raises(ValueError, match="there is no l2 of"):
        kernels.reduce(x, "l2")


def test_affine_normalization() -> None:
    x, gamma, beta = noise(2, 6, 5), noise(5), noise(5, 1)[:, 0]
    assert_close(kernels.layer_norm(x, gamma, beta), normal(x.astype(float), -1, 1e-5) * gamma + beta, 6)
    scale, shift = noise(6), noise(12)[::2]
    groups = normal(x.astype(float).reshape(2, 3, 2, 5), (2, 3), 1e-5).reshape(x.shape)
    assert_close(kernels.group_norm(x, 3, scale, shift), groups * scale[:, None] + shift[:, None], 10)
    with pytest.raises(ValueError, match=r"expected gamma and beta of shape \(6,\), got \(2,\)"):
        kernels.group_norm(x, 3, scale[:2])
    with pytest.raises(ValueError, match=r"expected x of shape \(N, C, ...\), got \(6,\)"):
        kernels.group_norm(scale, 3)
    with pytest.raises(ValueError, match="6 channels in 4 groups"):
        kernels.group_norm(x, 4)
    with pytest.raises(ValueError, match="expected a mode of .*, got 'inside'"):
        kernels.layer_norm(x, mode="inside")
    with pytest.raises(ValueError, match="can't be broadcast"):
        kernels.layer_norm(x, scale)


def test_elementwise_programs_of_several_types() -> None:
    x, y = noise(7, 1, 17), noise(5, 1)
    np.testing.assert_array_equal(kernels.elementwise("less", x, y), x < y)
    np.testing.assert_array_equal(kernels.elementwise("select", x < y, x, 0.0), np.where(x < y, x, 0))
    found = kernels.elementwise([("add", 0, 1), ("mul", 2, 2), ("convert", 3, "f8")], x, y)
    np.testing.assert_array_equal(found, np.square(x + y).astype(float))
    with pytest.raises(ValueError, match="there is no add of bool"):
        kernels.elementwise("add", x < y, x > y)
    with pytest.raises(ValueError, match="operands of types"):
        kernels.elementwise("add", x, y.astype(float))
    with pytest.raises(RuntimeError, match="an integer is divided by zero"):
        kernels.elementwise("floor_div", np.ones(3, np.int32), np.zeros(3, np.int32))
    with pytest.raises(ValueError, match="expected an activation of .*, got 'relu'"):
        kernels.activation(x, "relu")
    with pytest.raises(ValueError, match="no instruction"):
        kernels.elementwise([], x)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def lstm(x: np.ndarray, W: np.ndarray, R: np.ndarray, B: np.ndarray, h: Any, c: Any) -> tuple[Any, ...]:
    y = []
    for now in x.swapaxes(0, 1):
        f, i, g, o = np.split(now @ W[0].T + h @ R[0].T + B[0], 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        y.append(h)
    return np.stack(y, 1), h, c


def gru(x: np.ndarray, W: np.ndarray, R: np.ndarray, B: np.ndarray, h: Any) -> tuple[Any, ...]:
    y, n = [], R.shape[2]
    for now in x.swapaxes(0, 1):
        inputs = now @ W[0].T + B[0]
        z, r = np.split(sigmoid(inputs[:, : 2 * n] + h @ R[0, : 2 * n].T), 2, -1)
        g = np.tanh(inputs[:, 2 * n :] + (r * h) @ R[0, 2 * n :].T)
        h = (1 - z) * g + z * h
        y.append(h)
    return np.stack(y, 1), h


def rnn(x: np.ndarray, W: np.ndarray, R: np.ndarray, B: np.ndarray, h: Any) -> tuple[Any, ...]:
    y = []
    for now in x.swapaxes(0, 1):
        h = np.tanh(now @ W[0].T + h @ R[0].T + B[0])
        y.append(h)
    return np.stack(y, 1), h


@pytest.mark.parametrize("definition, gates, count", [(lstm, 4, 2), (gru, 3, 1), (rnn, 1, 1)])
@pytest.mark.parametrize("hidden", [1, 15, 16, 17])
def test_recurrent_layers(definition: Callable[..., Any], gates: int, count: int, hidden: int) -> None:
    function = getattr(kernels, definition.__name__)
    x = noise(6, 5, 4)[::2, ::-1, 1:]
    W, R, B = noise(1, gates * hidden, 3), noise(1, gates * hidden, hidden), noise(1, gates * hidden)
    zeros = [np.zeros((3, hidden))] * count
    y, *after = function(x, W, R, B)
    expected, *last = definition(x, W, R, B, *zeros)
    assert_close(y[:, 0], expected, 50 * hidden)
    states = [noise(3, 1, hidden) for _ in range(count)]
    y, *after = function(x, W, R, B, *states)
    expected, *last = definition(x, W, R, B, *[state[:, 0] for state in states])
    assert_close(y[:, 0], expected, 50 * hidden)
    for found, state in zip(after, last, strict=True):
        assert_close(found[:, 0], state, 50 * hidden)
    both = [np.concatenate([array, array]) for array in (W, R, B)]
    y, *_ = function(x, *both, direction="bidirectional", lengths=np.array([5, 0, 2]))
    assert y.shape == (3, 2, 5, hidden) and not y[1].any() and not y[2, :, 2:].any() and y[2, :, :2].any()


def test_recurrent_layers_refuse_what_does_not_fit() -> None:
    x, W, R, B = noise(2, 3, 4), noise(1, 8, 4), noise(1, 8, 2), noise(1, 8)
    with pytest.raises(ValueError, match=r"expected W of shape \(1, 6, 4\), got \(1, 8, 4\)"):
        kernels.gru(x, W, R, B)
    with pytest.raises(ValueError, match=r"expected R of shape \(1, 16, 4\), got \(1, 8, 4\)"):
        kernels.lstm(x, noise(1, 16, 4), noise(1, 8, 4), noise(1, 16))
    with pytest.raises(ValueError, match=r"expected B of shape \(1, 8\), got \(2, 8\)"):
        kernels.lstm(x, W, R, noise(2, 8))
    with pytest.raises(ValueError, match="expected 'const float' but got 'double'"):
        kernels.lstm(x.astype(float), W, R, B)
    with pytest.raises(ValueError, match="expected forward, reverse or bidirectional"):
        kernels.lstm(x, W, R, B, direction="back")
    with pytest.raises(ValueError, match="a tensor of shape"):
        kernels.lstm(x, W, R, B, noise(2, 1, 3))
    with pytest.raises(ValueError, match="expected R of 8 gates, got"):
        kernels.family("recurrent").LSTM(*views_of_a_wrong_layer(), R=noise(1, 16, 2))


def views_of_a_wrong_layer() -> list[Any]:
    from ovlite.kernels.runtime.step import View

    shapes = [(2, 3, 8), (2, 1, 2), (2, 1, 2), (2, 1, 3, 2), (2, 1, 2), (2, 1, 2)]
    return [View(slot, "f4", shape) for slot, shape in enumerate(shapes)]
