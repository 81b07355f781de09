"""Arithmetic of two tensors, and how operands are broadcast."""

from __future__ import annotations

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.graph import Node, Parameter
from ovlite.ops import factories
from ovlite.ops.elementwise import Divide
from ovlite.types import PartialShape, Type

from ..data import normal
from .support import check

OPS = factories(16)
SHAPES = [((2, 3), (2, 3)), ((2, 3), (3,)), ((3, 1), (2, 1, 4)), ((), (2,)), ((2, 0), (1,)), ((1,), (1, 1))]


def parameter(shape: object, element_type: Type = Type.f32) -> Parameter:
    return Parameter(element_type, PartialShape(shape))


@pytest.mark.parametrize("left, right", SHAPES, ids=str)
def test_numpy_broadcast(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    a, b = normal(*left), normal(*right)
    check("add", a, b, expected=a + b)


REAL = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "mod": np.fmod,
    "floor_mod": np.mod,
    "squared_difference": lambda a, b: (a - b) ** 2,
}


@pytest.mark.parametrize("name", REAL)
def test_real_numbers(name: str) -> None:
    a = np.array([[-7.5, 7.5, -7.0, 6.0, 0.25], [1e-3, 1e5, -1.0, 0.0, 2.0]], np.float32)
    b = np.array([2.0, -2.0, -3.0, 4.0, 0.125], np.float32)
    check(name, a, b, expected=REAL[name](a.astype(np.float64), b))


INTEGER = {
    "add": [-5, 5, -9, 10, 2],
    "subtract": [-9, 9, -5, 2, -2],
    "multiply": [-14, -14, 14, 24, 0],
    "divide": [-4, -4, 3, 1, 0],
    "maximum": [2, 7, -2, 6, 2],
    "minimum": [-7, -2, -7, 4, 0],
    "mod": [-1, 1, -1, 2, 0],
    "floor_mod": [1, -1, -1, 2, 0],
    "squared_difference": [81, 81, 25, 4, 4],
}


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.int8])
@pytest.mark.parametrize("name", INTEGER)
def test_integers(name: str, dtype: type) -> None:
    a, b = np.array([-7, 7, -7, 6, 0], dtype), np.array([2, -2, -2, 4, 2], dtype)
    # The CPU plugin divides integers toward zero whatever m_pythondiv says; its difference of bytes saturates.
    wrong = {"divide": (np.int8, np.int32, np.int64), "squared_difference": (np.int8,)}
    check(name, a, b, expected=np.array(INTEGER[name], dtype), peer="" if dtype in wrong.get(name, ()) else "cpu")


def test_integer_division_is_openvinos_reference() -> None:
    check("divide", np.array([-7, 7, -7, 6], np.int32), np.array([2, -2, -2, 4], np.int32), peer="reference")


def test_integer_division_toward_zero_and_by_zero() -> None:
    a, b = np.array([-7, 7, -6, 5], np.int32), np.array([2, -2, 3, 0], np.int32)
    with np.errstate(divide="ignore"):
        (quotient,) = Divide(m_pythondiv=False).evaluate(a, b)
    np.testing.assert_array_equal(quotient, [-3, -3, -2, 0])


@pytest.mark.parametrize("name, expected", [("add", 44), ("subtract", 156), ("multiply", 32)])
def test_bytes_wrap(name: str, expected: int) -> None:
    left, right = np.array([100], np.uint8), np.array([200], np.uint8)
    check(name, left, right, expected=np.array([expected], np.uint8), peer="")


@pytest.mark.parametrize(
    "a, b, expected",
    [
        (np.array([2, -2, 3, 2, 0, -1], np.int32), np.array([3, 3, -1, 0, 0, -3], np.int32), [8, -8, 0, 1, 1, -1]),
        (np.array([2, 4, 0.5, 0], np.float32), np.array([0.5, -1, 3, 0], np.float32), [2**0.5, 0.25, 0.125, 1]),
        (np.array([-8.0], np.float32), np.array([3.0], np.float32), [-512.0]),
        (np.array([2, 3], np.uint8), np.array([7, 2], np.uint8), [128, 9]),
    ],
)
def test_power(a: np.ndarray, b: np.ndarray, expected: list[float]) -> None:
    check("power", a, b, expected=np.array(expected, a.dtype))


def test_nan_comes_out_of_maximum_and_minimum() -> None:
    a, b = np.array([np.nan, 1, np.inf], np.float32), np.array([1, np.nan, -np.inf], np.float32)
    check("maximum", a, b, expected=np.array([np.nan, np.nan, np.inf]), peer="")
    check("minimum", a, b, expected=np.array([np.nan, np.nan, -np.inf]), peer="")


def test_pdpd_aligns_the_first_axes() -> None:
    a, b = normal(2, 3, 4), normal(2, 3)
    check("add", a, b, auto_broadcast="pdpd", expected=a + b[:, :, None])
    check("multiply", a, b[:, :, None], auto_broadcast="PDPD", expected=a * b[:, :, None])


def test_none_broadcasts_nothing() -> None:
    a = normal(2, 3)
    check("subtract", a, a[::-1].copy(), auto_broadcast="none", expected=a - a[::-1])


@pytest.mark.parametrize(
    "left, right, mode, message",
    [
        ([2, 3], [4], "numpy", r"shapes \[2,3\] and \[4\] can't be broadcast"),
        ([2, 3], [3], "none", r"shapes \[2,3\] and \[3\] differ, and nothing is broadcast"),
        ([2, 3], [3], "pdpd", r"\[3,1\] can't be broadcast to \[2,3\]"),
        ([3], [2, 3], "pdpd", "rank 2 can't be broadcast to rank 1"),
        ([2], [2], "other", "auto_broadcast to be one of none, numpy, pdpd, got 'other'"),
    ],
)
def test_shapes_that_do_not_fit(left: list[int], right: list[int], mode: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        OPS["add"](parameter(left), parameter(right), mode)


def test_types_that_do_not_fit() -> None:
    with pytest.raises(ModelError, match="Add .* of f32.*, i64.*operands to have one element type, got f32, i64"):
        OPS["add"](parameter([2]), 1)
    with pytest.raises(ModelError, match="operands of arithmetic to be numbers, got boolean"):
        OPS["maximum"](parameter([2], Type.boolean), parameter([2], Type.boolean))


def test_bounds_of_dimensions_are_kept() -> None:
    node: Node = OPS["add"](parameter([(1, 5), -1]), parameter([1, 8]))
    assert str(node.output(0).partial_shape) == "[1..5,8]"


def test_known_elements_go_on() -> None:
    node = OPS["multiply"](OPS["add"](np.array([2, 3]), np.array([1, 1])), np.array(2))
    assert node.output(0).argument().value.tolist() == [6, 8]
