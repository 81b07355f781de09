"""Ufuncs and reductions at the ends of each type, for zeros, infinities and NaN."""

import numpy as np
import pytest

import ovlite as ov
from ovlite.errors import TraceError

from .support import check

INTEGERS = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]
REALS = [np.float32, np.float64]
TYPES = [*INTEGERS, *REALS, np.bool_]
BINARY = (
    "add", "subtract", "multiply", "floor_divide", "remainder", "fmod", "maximum", "minimum", "fmax", "fmin", "greater",
    "less", "equal", "not_equal", "greater_equal", "less_equal", "bitwise_and", "bitwise_or", "bitwise_xor",
    "logical_and", "logical_or", "logical_xor", "left_shift", "right_shift", "copysign",
)  # fmt: skip
UNARY = (
    "negative", "absolute", "sign", "floor", "ceil", "trunc", "rint", "square", "positive", "isnan", "isinf",
    "isfinite", "invert", "logical_not", "fabs", "signbit",
)  # fmt: skip
REDUCTIONS = ("sum", "prod", "max", "min", "any", "all", "ptp", "argmax", "argmin", "cumsum")


def ends(dtype):
    if dtype is np.bool_:
        return np.array([True, False])
    if np.dtype(dtype).kind == "f":
        plain = [0.0, -0.0, 1, -1, 2, 0.5, -1.5, 2.5, 3, -7, 5.5, 1e-30, 1e30, 1e-40]
        return np.array([*plain, np.inf, -np.inf, np.nan], dtype)
    limits = np.iinfo(dtype)
    numbers = [limits.min, limits.min + 1, limits.max, limits.max - 1, 0, 1, 2, 3, 7, 100, -1, -2, -7]
    return np.array([number for number in numbers if number >= limits.min], dtype)


def defined(ufunc, dtype):
    try:
        ufunc(*(np.ones(1, dtype) for _ in range(ufunc.nin)))
    except TypeError:
        return False
    return True


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", BINARY)
def test_two_operands(name, dtype):
    ufunc, x = getattr(np, name), ends(dtype)
    left, right = np.broadcast_arrays(x[:, None], x)
    if defined(ufunc, dtype):
        check(lambda a, b: ufunc(a, b), left.copy(), right.copy())
    else:
        with pytest.raises(TypeError):
            ov.compile_function(lambda a, b: ufunc(a, b), left, right)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", UNARY)
def test_one_operand(name, dtype):
    ufunc = getattr(np, name)
    if defined(ufunc, dtype):
        check(lambda a: ufunc(a), ends(dtype))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name, dtype):
    if name == "ptp" and dtype is np.bool_:
        return
    function, x = getattr(np, name), ends(dtype)
    ulps = 4 if np.dtype(dtype).kind == "f" and name in ("sum", "prod", "cumsum") else 0
    check(
        lambda a: function(a, axis=0),
        np.stack([x, x[::-1]])[:, : -3 if np.dtype(dtype).kind == "f" else None],
        ulps=ulps,
    )
    check(lambda a: function(a, axis=-1), np.stack([x[:5], x[-5:]]), ulps=ulps)


@pytest.mark.parametrize("dtype", [*INTEGERS, *REALS])
def test_order(dtype):
    x = np.concatenate([ends(dtype), ends(dtype)[::-1]]).reshape(2, -1)
    check(lambda a: (np.sort(a), np.sort(a, 0), np.argsort(a, -1, stable=True)), x)
    check(lambda a: (np.argsort(a.ravel(), kind="stable"), np.take_along_axis(a, np.argsort(a, kind="stable"), 1)), x)
    check(lambda a: (np.median(a), np.median(a, 0), np.median(a[:, 1:], axis=1, keepdims=True)), x[:, :8])


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, *REALS])
def test_quantiles(dtype):
    x = np.random.default_rng(3).integers(0, 90, (3, 4, 5)).astype(dtype)
    x = x if x.dtype.kind != "f" else x / dtype(7)
    ulps = 4 if x.dtype.kind == "f" else 0  # versions of numpy round the share differently
    check(lambda a: (np.percentile(a, 30), np.percentile(a, 12.5, 1), np.quantile(a, 0.7, (0, 2))), x, ulps=ulps)
    check(lambda a: (np.percentile(a, [0, 12.5, 50, 99, 100], 1), np.quantile(a, [0, 1])), x, ulps=ulps)
    check(
        lambda a: (np.quantile(a, [[0.1], [0.9]], axis=-1, keepdims=True), np.percentile(a[:1, 0, 0], 40)), x, ulps=ulps
    )
    check(lambda a: (np.median(a, (0, 1)), np.median(a, axis=(2, 0), keepdims=True), np.median(a)), x, ulps=ulps)
    if x.dtype.kind == "f":
        x[0, 0, 0] = np.nan
        check(lambda a: (np.percentile(a, [10, 50], 2), np.median(a, 0)), x, ulps=ulps)
    for q, method, text in ((101, "linear", "range"), (5, "lower", "method linear")):
        with pytest.raises((ValueError, TraceError), match=text):
            ov.compile_function(lambda a, q=q, method=method: np.percentile(a, q, method=method), x)


@pytest.mark.parametrize("right", INTEGERS + REALS)
@pytest.mark.parametrize("left", INTEGERS + REALS)
def test_promotion(left, right):
    a, b = ends(left)[4:9], ends(right)[4:9]
    check(lambda a, b: (a + b, a * b, np.maximum(a, b), np.where(a > 1, a, b), np.concatenate([a, b])), a, b)
    if {left, right} & {np.uint64} and np.issubdtype(np.promote_types(left, right), np.floating) and {left, right} & {
        np.int8, np.int16, np.int32, np.int64
    }:  # fmt: skip
        with pytest.raises(TraceError, match="convert one of them"):
            ov.compile_function(lambda a, b: a < b, a, b)
    else:
        check(lambda a, b: (a < b, a == b), a, b)


def test_python_numbers():
    small = np.arange(12, dtype=np.uint8)
    check(lambda a: (a < 300, a > -1, a == 300, a != -1, a.clip(-5, 300), a.clip(2, None), a.clip(0.5, 3)), small)
    check(lambda a: (a + 1.5, a * True, a**2, a**2.0, a // 5, 100 % (a + 1), 2.0**a, a << 1, 1 << (a % 8)), small)
    with pytest.raises(OverflowError):
        ov.compile_function(lambda a: a + 300, small)
    with pytest.raises(ValueError, match="negative integer powers"):
        ov.compile_function(lambda a: a**-1, small.astype(int))


def test_sums_are_not_contracted_or_reordered():
    x = np.random.default_rng(3).standard_normal((64, 33))
    for a in (x, x.astype(np.float32)):
        check(lambda a: (a * a[::-1] + a, (a + 1e10) - 1e10, (a * 1.1) * 1.3, a / 3 * 3, a * 0 + (a - a)), a)
        check(lambda a: (np.sqrt(a * a), a**-1, (a - a[:, :1]) ** 2, -(a.dtype.type(-1) * a), a / a), a)


def test_formulas_far_from_one():
    x = np.array([0.0, -0.0, 3, -4, 1e-200, 1e200, np.inf, -np.inf, np.nan, 1e-310])
    left, right = (part.ravel() for part in np.meshgrid(x, x))
    for function in (np.hypot, np.arctan2, np.logaddexp, np.fmax, np.copysign):
        with np.errstate(all="ignore"):
            expected = function(left, right)
        found = ov.jit(function)(left, right)
        np.testing.assert_allclose(found, expected, rtol=4e-16, atol=0)
        zeros = expected == 0
        np.testing.assert_array_equal(np.signbit(found[zeros]), np.signbit(expected[zeros]))
    powers = 2.0 ** np.arange(-1000, 1000)
    np.testing.assert_array_equal(ov.jit(np.log2)(powers), np.arange(-1000.0, 1000))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize(
    "name", ["log1p", "expm1", "log", "log2", "log10", "exp", "exp2", "sin", "cos", "tanh", "sqrt"]
)
def test_functions_at_the_ends_of_their_domain(name, dtype):
    x = np.array([-np.inf, -2, -1, -0.0, 0.0, np.inf, np.nan], dtype)
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x)
    found = ov.jit(getattr(np, name))(x)
    np.testing.assert_allclose(found, expected, rtol=4 * np.finfo(dtype).eps, atol=0)
    zeros = expected == 0
    np.testing.assert_array_equal(np.signbit(found[zeros]), np.signbit(expected[zeros]))


def test_rounding_and_nan():
    x = np.array([0.125, 2.675, -1.5, np.nan, np.inf, -np.inf, 1234.5678])
    check(lambda a: (np.round(a), np.round(a, 2), a.round(-2), np.nan_to_num(a), np.nan_to_num(a, nan=7.0)), x)


def test_half_precision_is_within_a_rounding():
    x = np.random.default_rng(3).standard_normal((5, 7)).astype(np.float16)
    check(lambda a: (a * a + a, a.sum(0), a.mean(), a @ a.T, np.exp(a), a.astype(np.float32)), x, ulps=4)


@pytest.mark.parametrize("function", [np.mean, np.var, np.std], ids=lambda function: function.__name__)
def test_means_of_more_halves_than_float16_counts(function):
    check(function, (np.arange(70_000) % 2).astype(np.float16), ulps=2)


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint8, np.int32, np.float16, np.float32])
@pytest.mark.parametrize("of_weights", [np.int8, np.uint8, np.float16, np.float32])
def test_weighted_means_do_not_overflow(dtype, of_weights):
    x, weights = np.array([100, 120, 1, 90]).astype(dtype), np.array([3, 120, 100, 7]).astype(of_weights)
    check(lambda x, weights: np.average(x, weights=weights), x, weights, ulps=2)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_sine_of_zero_has_its_sign(dtype):
    found = ov.jit(np.sin)(np.array([-0.0, 0.0, -0.0], dtype))
    assert not found.any() and np.signbit(found).tolist() == [True, False, True]


def test_float64_is_rounded_once_to_float16():
    """Numbers beside the middle between two neighbours, by less than float32 tells."""
    middle = np.array([1 + 2.0**-11, 3 - 2.0**-10, 2.0**-14 + 2.0**-25, 2.0**-25])
    for numbers in (middle * (1 + 2.0**-40), middle * (1 - 2.0**-40), -middle * (1 + 2.0**-40)):
        check(lambda x: x.astype(np.float16), numbers)
