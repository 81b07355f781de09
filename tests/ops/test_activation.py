"""Activation functions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.graph import Parameter
from ovlite.ops import factories
from ovlite.types import PartialShape, Type

from .support import check, fixed

X = np.array([[-100, -3, -1, -1e-4], [0.0, 0.3, 2.5, 90]], np.float32)


def plain_sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


PLAIN = {
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": plain_sigmoid,
    "softplus": lambda x: np.logaddexp(0, x),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "hswish": lambda x: x * np.minimum(np.maximum(x + 3, 0), 6) / 6,
    "hsigmoid": lambda x: np.minimum(np.maximum(x + 3, 0), 6) / 6,
    "swish": lambda x: x * plain_sigmoid(x),
}


@pytest.mark.parametrize("name", PLAIN)
def test_real_numbers(name: str) -> None:
    check(name, X, expected=PLAIN[name](X.astype(np.float64)))
    check(name, X[:, :0], expected=X[:, :0], peer="")
    check(name, X[0, 1].reshape(()), expected=PLAIN[name](X[0, 1]))


@pytest.mark.parametrize("name", PLAIN)
def test_no_overflow(name: str) -> None:
    x = np.array([-3e38, 3e38], np.float32)
    # x / (1 + |x|) and x * f(x) have finite limits or grow with x.
    limits = {"softsign": [-1, 1], "sigmoid": [0, 1], "hsigmoid": [0, 1]}
    with np.errstate(over="raise", invalid="raise"):
        check(name, x, expected=np.array(limits.get(name, [0, 3e38])), peer="")


GELU = {
    "erf": lambda x: x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2,
    "tanh": lambda x: x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
}


@pytest.mark.parametrize("mode", GELU)
def test_gelu(mode: str) -> None:
    x = X.astype(np.float64)
    check("gelu", X, mode, expected=GELU[mode](x), atol=1e-6)
    assert str(GELU[mode](x)[0, 1])[:6] == {"erf": "-0.004", "tanh": "-0.003"}[mode]


def test_gelu_before_opset7_is_exact() -> None:
    check("gelu", X, opset=2, expected=GELU["erf"](X.astype(np.float64)))
    assert "gelu" not in factories(1)
    with pytest.raises(ModelError, match="approximation_mode to be one of erf, tanh, got 'other'"):
        factories(7)["gelu"](X, "other")


def test_elu_and_clamp() -> None:
    check("elu", X, 1.5, expected=np.where(X > 0, X, 1.5 * np.expm1(np.minimum(X, 0))))
    check("clamp", X, -1.0, 2.0, expected=np.minimum(np.maximum(X, -1), 2))
    check("clamp", X, min_value=0, max_value=6, expected=np.minimum(np.maximum(X, 0), 6))


@pytest.mark.parametrize(
    "low, high, expected",
    [(-1.5, 2.5, [-1, -1, 0, 2]), (-1e30, 1e30, [-5, -1, 0, 5]), (1, 1, [1, 1, 1, 1])],
)
def test_bounds_of_integers_are_rounded_inward(low: float, high: float, expected: list[int]) -> None:
    peer = "cpu" if high < 1e30 else ""
    check("clamp", np.array([-5, -1, 0, 5], np.int32), low, high, expected=np.array(expected, np.int32), peer=peer)


def test_clamp_bounds_are_ordered() -> None:
    with pytest.raises(ModelError, match=r"min to be at most max, got 2\.0 and 1\.0"):
        factories(13)["clamp"](X, 2, 1)


def test_swish_beta() -> None:
    check("swish", X, np.array(1.7, np.float32), expected=X * plain_sigmoid(1.7 * X.astype(np.float64)))
    with pytest.raises(ModelError, match=r"beta to have rank 0, got shape \[1\]"):
        factories(13)["swish"](X, np.ones(1, np.float32))


def test_hard_sigmoid_and_selu() -> None:
    # OpenVINO runs these two with constant parameters only.
    alpha, beta = np.float32(0.3), np.float32(0.6)
    check("hard_sigmoid", X, fixed(alpha), fixed(beta), expected=np.clip(0.3 * X + 0.6, 0, 1))
    expected = 1.05 * np.where(X > 0, X, 1.67 * np.expm1(np.minimum(X, 0)))
    check("selu", X, fixed(np.array([1.67], np.float32)), fixed(np.array([1.05], np.float32)), expected=expected)
    check("selu", X, np.array([1.67], np.float32), np.array([1.05], np.float32), expected=expected, peer="")


@pytest.mark.parametrize(
    "shape, slope, axes",
    [
        ((2, 3, 4), (3,), (3, 1)),  # a slope for each channel
        ((2, 3, 3), (3,), (3, 1)),  # also where the last axis has that length
        ((2, 3, 4), (4,), (4,)),  # numpy's rule
        ((2, 3, 4), (1,), (1,)),
        ((2, 3, 4), (3, 1), (3, 1)),
        ((2, 2), (2, 1), (2, 1)),
        ((2, 3), (3,), (3,)),
        ((4,), (4,), (4,)),
        ((0, 3, 2), (3,), (3, 1)),
    ],
    ids=str,
)
def test_prelu_slopes(shape: tuple[int, ...], slope: tuple[int, ...], axes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(3)
    x, slopes = rng.normal(size=shape).astype(np.float32), rng.normal(size=slope).astype(np.float32)
    check("prelu", x, slopes, expected=np.where(x > 0, x, x * slopes.reshape(axes)), peer="cpu" if x.size else "")


def test_prelu_slope_must_fit() -> None:
    with pytest.raises(ModelError, match=r"slope \[5\] can't be broadcast to \[2,3,4\]"):
        factories(13)["prelu"](np.ones((2, 3, 4), np.float32), np.ones(5, np.float32))


@pytest.mark.parametrize("name", ["relu", "elu", "sigmoid", "gelu", "softplus", "hsigmoid"])
def test_nan_stays(name: str) -> None:
    arguments = {"elu": (1.0,), "gelu": ("erf",)}.get(name, ())
    check(name, np.array([np.nan], np.float32), *arguments, expected=np.array([np.nan]), peer="")


@pytest.mark.parametrize("name", ["swish", "hard_sigmoid"])
def test_real_numbers_are_required(name: str) -> None:
    scalars = [Parameter(Type.i32, PartialShape([]))] * (2 if name == "hard_sigmoid" else 1)
    with pytest.raises(ModelError, match="data to have real elements, got i32"):
        factories(13)[name](Parameter(Type.i32, PartialShape([2])), *scalars)
