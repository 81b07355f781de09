"""Comparisons, logical and bitwise operators, Select, and tests for special numbers."""

from __future__ import annotations

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.graph import Parameter
from ovlite.ops import factories
from ovlite.types import PartialShape, Type

from .support import check

COMPARISONS = ["equal", "not_equal", "greater", "greater_equal", "less", "less_equal"]


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int64, np.uint8, np.bool_])
@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons(name: str, dtype: type) -> None:
    a, b = np.array([[0, 1, 1], [2, 0, 3]]).astype(dtype), np.array([1, 1, 0]).astype(dtype)
    check(name, a, b, expected=getattr(np, name)(a, b))


@pytest.mark.parametrize("name", COMPARISONS)
def test_nan_is_equal_to_nothing(name: str) -> None:
    a, b = np.array([np.nan, 1, np.nan], np.float32), np.array([1, np.nan, np.nan], np.float32)
    check(name, a, b, expected=np.full(3, name == "not_equal"), peer="reference")


@pytest.mark.parametrize("name", ["logical_and", "logical_or", "logical_xor"])
def test_logical(name: str) -> None:
    a, b = np.array([[False], [True]]), np.array([False, True])
    check(name, a, b, expected=getattr(np, name)(a, b))
    with pytest.raises(ModelError, match="operands to be boolean, got f32; compare with 0 first"):
        factories(13)[name](np.ones(2, np.float32), np.ones(2, np.float32))


@pytest.mark.parametrize("dtype", [np.bool_, np.int32, np.float32])
def test_logical_not(dtype: type) -> None:
    x = np.array([0, 1, 2]).astype(dtype)
    check("logical_not", x, expected=np.array([1, 0, 0]).astype(dtype))


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.int64, np.bool_])
@pytest.mark.parametrize("name", ["bitwise_and", "bitwise_or", "bitwise_xor"])
def test_bitwise(name: str, dtype: type) -> None:
    a, b = np.array([[12], [0]]).astype(dtype), np.array([10, 0, 127]).astype(dtype)
    check(name, a, b, expected=getattr(np, name)(a, b))


def test_bitwise_not_and_shifts() -> None:
    check("bitwise_not", np.array([0, 1, -5], np.int32), expected=np.array([-1, -2, 4]))
    check("bitwise_not", np.array([0, 1, 255], np.uint8), expected=np.array([255, 254, 0]))
    check("bitwise_not", np.array([True, False]), expected=np.array([False, True]))
    a, b = np.array([1, -3, 1 << 20], np.int32), np.array([3, 1, 4], np.int32)
    check("bitwise_left_shift", a, b, expected=np.array([8, -6, 1 << 24]))
    check("bitwise_right_shift", np.array([-8, 9, 1 << 20], np.int32), b, expected=np.array([-1, 4, 1 << 16]))


@pytest.mark.parametrize("name", ["bitwise_and", "bitwise_not", "bitwise_left_shift"])
def test_bits_are_those_of_integers(name: str) -> None:
    x = Parameter(Type.f32, PartialShape([2]))
    with pytest.raises(ModelError, match="to be integers.*, got f32"):
        factories(16)[name](*[x] * (1 if name == "bitwise_not" else 2))


@pytest.mark.parametrize(
    "cond, then, otherwise",
    [((2, 3), (2, 3), (2, 3)), ((2, 1), (3,), ()), ((), (2,), (3, 1)), ((2,), (1,), (2,)), ((0, 2), (2,), ())],
    ids=str,
)
@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.bool_])
def test_select(cond: tuple[int, ...], then: tuple[int, ...], otherwise: tuple[int, ...], dtype: type) -> None:
    rng = np.random.default_rng(5)
    c, a, b = (np.asarray(rng.integers(0, 2, shape)) for shape in (cond, then, otherwise))
    c, a, b = c.astype(bool), a.astype(dtype), b.astype(dtype)
    check("select", c, a, b, expected=np.where(c, a, b), peer="cpu" if 0 not in cond else "")


def test_select_with_the_shape_of_then_node() -> None:
    cond, then = np.array([True, False]), np.array([[1, 2], [3, 4]], np.float32)
    expected = np.array([[1, 2], [6, 6]])
    check("select", cond, then, np.array([5, 6], np.float32), "pdpd", expected=expected, peer="reference")
    with pytest.raises(ModelError, match="can't be broadcast"):
        factories(13)["select"](np.ones((2, 1), bool), np.ones(2, np.float32), np.ones(2, np.float32), "pdpd")


def test_select_checks_types() -> None:
    x = np.ones(2, np.float32)
    with pytest.raises(ModelError, match="cond to be boolean, got f32"):
        factories(13)["select"](x, x, x)
    with pytest.raises(ModelError, match="then_node and else_node to have one element type, got f32, i64"):
        factories(13)["select"](np.ones(2, bool), x, np.ones(2, np.int64))


SPECIAL = np.array([[np.nan, np.inf, -np.inf], [0, 1, -3e38]], np.float32)


def test_special_numbers() -> None:
    check("is_nan", SPECIAL, expected=np.isnan(SPECIAL))
    check("is_finite", SPECIAL, expected=np.isfinite(SPECIAL))
    check("is_inf", SPECIAL, expected=np.isinf(SPECIAL))
    check("is_inf", SPECIAL, {"detect_negative": False}, expected=np.isposinf(SPECIAL))
    check("is_inf", SPECIAL, {"detect_positive": False}, expected=np.isneginf(SPECIAL))
    check("is_inf", SPECIAL, {"detect_positive": False, "detect_negative": False}, expected=np.zeros((2, 3), bool))


@pytest.mark.parametrize("name", ["is_nan", "is_finite", "is_inf"])
def test_integers_are_never_special(name: str) -> None:
    with pytest.raises(ModelError, match="elements to be real numbers, got i32"):
        factories(13)[name](np.ones(2, np.int32))
