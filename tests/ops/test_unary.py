"""Element-wise functions of one tensor."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.graph import Parameter
from ovlite.ops import factories
from ovlite.ops.unary import erf
from ovlite.types import PartialShape, Type

from .support import check

UNIT = np.array([[-1, -0.75, -1e-3, 0.0], [1e-6, 0.5, 0.999, 1]], np.float32)
REAL = np.array([[-50, -2.5, -1e-3, -0.0], [0.5, 1, 3.7, 20]], np.float32)
POSITIVE = np.array([1e-30, 0.25, 1, 7, 1e30], np.float32)

FUNCTIONS = {
    "absolute": (np.abs, REAL),
    "negative": (np.negative, REAL),
    "sign": (np.sign, REAL),
    "ceiling": (np.ceil, REAL),
    "floor": (np.floor, REAL),
    "round": (np.rint, REAL),
    "sqrt": (np.sqrt, POSITIVE),
    "log": (np.log, POSITIVE),
    "exp": (np.exp, REAL),
    "erf": (np.vectorize(math.erf, otypes=[float]), REAL),
    "sin": (np.sin, REAL),
    "cos": (np.cos, REAL),
    "tan": (np.tan, UNIT),
    "asin": (np.arcsin, UNIT),
    "acos": (np.arccos, UNIT),
    "atan": (np.arctan, REAL),
    "sinh": (np.sinh, UNIT),
    "cosh": (np.cosh, UNIT),
    "tanh": (np.tanh, REAL),
    "asinh": (np.arcsinh, REAL),
    "acosh": (np.arccosh, 1 + np.abs(REAL)),
    "atanh": (np.arctanh, UNIT * np.float32(0.9)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_real_numbers(name: str) -> None:
    function, x = FUNCTIONS[name]
    check(name, x, expected=function(x.astype(np.float64)), rtol=2e-6 if name != "erf" else 1e-5)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("shape", [(), (0, 3), (1,)], ids=str)
def test_shapes(name: str, shape: tuple[int, ...]) -> None:
    x = np.full(shape, 1.0 if name == "acosh" else 0.5)
    check(name, x.astype(np.float32), expected=FUNCTIONS[name][0](x), peer="")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_double_precision_is_kept(name: str) -> None:
    x = np.array([0.3, 0.7] if name != "acosh" else [1.3, 1.7])
    (found,) = check(name, x, expected=FUNCTIONS[name][0](x), rtol=1e-14, atol=0, peer="")
    assert found.dtype == np.float64


def test_half_precision_is_computed_as_single() -> None:
    check("exp", np.array([0.5, -3], np.float16), expected=np.exp(np.array([0.5, -3])), peer="")


@pytest.mark.parametrize(
    "name, expected",
    [
        ("absolute", [3, 0, 2]),
        ("negative", [3, 0, -2]),
        ("sign", [-1, 0, 1]),
        ("floor", [-3, 0, 2]),
        ("ceiling", [-3, 0, 2]),
        ("round", [-3, 0, 2]),
        ("exp", [0, 1, 7]),
        ("erf", [-1, 0, 1]),
        ("tanh", [-1, 0, 1]),
    ],
)
def test_integers(name: str, expected: list[int]) -> None:
    check(name, np.array([-3, 0, 2], np.int32), expected=np.array(expected, np.int32))


def test_square_roots_of_integers_are_rounded() -> None:
    check("sqrt", np.array([0, 2, 3, 8, 15, 16], np.int32), expected=np.array([0, 1, 2, 3, 4, 4], np.int32))


HALVES = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999997, 8388609, np.inf], np.float32)


@pytest.mark.parametrize(
    "mode, expected",
    [
        ("half_to_even", [-2, -2, 0, 0, 2, 2, 0, 8388609, np.inf]),
        ("HALF_AWAY_FROM_ZERO", [-3, -2, -1, 1, 2, 3, 0, 8388609, np.inf]),
    ],
)
def test_round(mode: str, expected: list[float]) -> None:
    # The CPU plugin rounds 0.49999997 away from zero to 1.
    check("round", HALVES, mode, expected=np.array(expected, np.float32), peer="cpu" if mode.islower() else "")
    check("round", HALVES[:6], mode, expected=np.array(expected[:6], np.float32))


def test_round_mode_is_checked() -> None:
    with pytest.raises(ModelError, match="mode to be one of half_to_even, half_away_from_zero, got 'up'"):
        factories(16)["round"](Parameter(Type.f32, PartialShape([2])), "up")


@pytest.mark.parametrize("name", ["exp", "sqrt", "log", "tanh", "floor", "absolute", "sign"])
def test_special_numbers(name: str) -> None:
    x = np.array([np.nan, np.inf, -np.inf, 0.0], np.float32)
    with np.errstate(all="ignore"):
        expected = FUNCTIONS[name][0](x)
    check(name, x, expected=expected, peer="")


def test_aliases() -> None:
    made = factories(16)
    assert made["abs"](np.float32(-1)).get_type_name() == made["absolute"](np.float32(-1)).get_type_name() == "Abs"
    assert made["ceil"](np.float32(1.5)).get_type_name() == "Ceiling"


def test_newer_functions_are_not_in_older_opsets() -> None:
    assert {"asinh", "acosh", "atanh"}.isdisjoint(factories(3)) and "asinh" in factories(4)
    assert "round" not in factories(4) and "round" in factories(5)


def test_erf_keeps_the_shape_of_scalars_and_empty_arrays() -> None:
    assert erf(np.float32(0.5)[None][0:0]).shape == (0,)
    assert erf(np.array(0.5, np.float32)).shape == ()
