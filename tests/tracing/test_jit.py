"""Compiled numpy functions give what numpy gives: dtype, shape and elements."""

import math
import sys

import numpy as np
import pytest

import ovlite as ov
from bench import programs
from ovlite.errors import TraceError

from .support import check

F32 = np.random.default_rng(7).standard_normal((3, 4), np.float32)
F64 = np.random.default_rng(8).standard_normal((3, 4))
I32 = np.random.default_rng(9).integers(-9, 9, (3, 4), np.int32)
U8 = np.random.default_rng(10).integers(0, 255, (3, 4), np.uint8)
BOOL = F32 > 0


EXACT = {
    "promotion": lambda a, b: (a + b, a - b, a * b, a / b),
    "python numbers": lambda a, b: (a + 1, 2 * a, a / 2, 1.5 + b, a**2),
    "comparisons": lambda a, b: (a < b, a <= b, a > b, a >= b, a == b, a != b, np.logical_and(a, b), np.logical_not(a)),
    "extremes": lambda a, b: (np.maximum(a, b), np.minimum(a, b), abs(a), np.sign(a), np.clip(a, 1, 5), -a),
    "choice": lambda a, b: np.where(a > b, a, b),
    "whole": lambda a, b: (np.floor(a), np.ceil(a), np.trunc(a), np.rint(a), np.isnan(a), np.isfinite(b)),
    "division": lambda a, b: (a // b, a % b, np.fmod(a, b)),
    "reductions": lambda a, b: (a.max(0), b.min(), a.any(1), (b > 0).all(0, keepdims=True), np.max(a, axis=(0, 1))),
    "positions": lambda a, b: (a.argmax(), b.argmin(1), np.argmax(a, axis=0)),
    "shapes": lambda a, b: (a.T, a.reshape(2, -1), b.ravel(), a[None], np.expand_dims(b, 1), np.swapaxes(a, 0, 1)),
    "joined": lambda a, b: (np.concatenate([a, b]), np.stack([a, b], 1), np.vstack((a, b)), np.hstack((a, b))),
    "parts": lambda a, b: [
        *np.split(a, 2, axis=1), b[0], b[-1, 1:], b[::-1, ::2], b[..., 2], a[[2, 0, 2]], a[:, -1:0:-2],
    ],
    "constants": lambda a, b: (np.zeros_like(a) + np.linspace(0, 1, 4), b + np.arange(4)),
    "broadcast": lambda a, b: np.broadcast_to(a[0], (2, 4)),
    "types": lambda a, b: (a.astype(np.float64), b.astype(bool), a.astype("i8")),
}  # fmt: skip
FLOATS = (
    "exp", "log", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arctanh",
    "sqrt", "log1p", "expm1", "log2", "log10", "exp2",
)  # fmt: skip
OPERANDS = {"f32": (F32, F32[::-1]), "f64": (F64, F64[::-1]), "f32 f64": (F32, F64), "i32": (I32, I32[::-1]),
            "u8 i32": (U8, I32), "u8": (U8, U8[::-1]), "i32 f32": (I32, F32)}  # fmt: skip


@pytest.mark.parametrize("operands", OPERANDS)
@pytest.mark.parametrize("name", EXACT)
def test_what_rounds_once_is_exact(name, operands):
    check(EXACT[name], *OPERANDS[operands])


@pytest.mark.parametrize("x", [F32, F64], ids=["f32", "f64"])
@pytest.mark.parametrize("name", [*FLOATS])
def test_functions_of_one_number(name, x):
    inside = np.clip(abs(x), 0.01, 0.99)
    check(getattr(np, name), inside, ulps=8)
    check(getattr(np, name), inside * x.dtype.type(1e-6), ulps=8)


@pytest.mark.parametrize("x", [F32, F64, I32], ids=["f32", "f64", "i32"])
def test_sums(x):
    check(lambda a: (a.sum(), a.mean(1), a.var(0), np.std(a, ddof=1), np.cumsum(a, axis=1), a.prod(0)), x, ulps=64)
    check(lambda a: (a @ a.T, np.dot(a, a[0]), np.einsum("ij,kj->ik", a, a), np.linalg.norm(a, axis=1)), x, ulps=64)


def test_bools():
    check(lambda a, b: (a & b, a | b, a ^ b, ~a, a + b, a * b, a.sum(0), a < b, np.maximum(a, b)), BOOL, BOOL[::-1])


def test_special_numbers():
    x = np.array([0.0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 1e-310, 5.5])
    check(lambda a: (np.isnan(a), np.isinf(a), a * 2, np.maximum(a, 0), np.floor(a), a.argmax(), a.argmin()), x)
    check(lambda a: (a // 2, a % 2, 2 // a, -a // 3, np.sign(a), abs(a)), x)


def test_denormal_numbers_are_kept():
    check(lambda a: a * np.float32(0.5), np.array([1e-40, 1e-38], np.float32))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_programs(dtype):
    def normal(*shape):
        return np.random.default_rng(7).standard_normal(shape).astype(dtype)

    check(programs.softmax, normal(3, 10), ulps=16)
    check(programs.layer_norm, normal(3, 16), normal(16), normal(16), eps=1e-3, ulps=64)
    check(programs.distances, normal(5, 3), normal(4, 3), ulps=16)
    check(programs.k_means_step, normal(20, 3), normal(4, 3), ulps=64)
    check(programs.black_scholes, abs(normal(50)) + 1, abs(normal(50)) + 1, abs(normal(50)) + 1, ulps=64)
    check(programs.n_body, normal(6, 3), normal(6, 3), abs(normal(6)), ulps=256)
    check(programs.normalized_image, np.random.default_rng(7).integers(0, 255, (9, 8, 3), np.uint8), ulps=4)
    check(programs.image_of, normal(1, 3, 6, 5).astype(np.float32))


def test_dtypes_and_shapes_specialise():
    calls = []

    @ov.jit
    def double(x, times=2):
        calls.append(x.dtype)
        return x * times

    for x in (F32, F64, F32[:2], F32, F64):
        np.testing.assert_array_equal(double(x), x * 2)
    np.testing.assert_array_equal(double(F32, times=3), F32 * 3)
    assert len(calls) == 4 and double.__name__ == "double"


@pytest.mark.parametrize("call", [lambda double, x: double(x), lambda double, x: double(x=x)], ids=["plain", "named"])
def test_the_specialisations_that_were_used_last_are_kept(call, monkeypatch):
    monkeypatch.setattr(sys.modules["ovlite.tracing.jit"], "MOST", 3)
    lengths = []

    @ov.jit
    def double(x):
        lengths.append(len(x))
        return x * 2

    for length in (1, 2, 3, 1, 1, 4, 1, 5, 1, 2):
        np.testing.assert_array_equal(call(double, np.ones(length)), np.full(length, 2.0))
    assert lengths == [1, 2, 3, 4, 5, 2] and len(double._known) == 3


def test_calls_within_calls_and_async():
    inner = ov.jit(programs.softmax)
    outer = ov.jit(lambda x: inner(x) * 2)
    np.testing.assert_allclose(outer(F64), programs.softmax(F64) * 2, rtol=1e-14)
    np.testing.assert_allclose(outer.start_async(F64).wait(), programs.softmax(F64) * 2, rtol=1e-14)
    out = np.empty_like(F64)
    assert outer(F64, out=out) is not None
    np.testing.assert_allclose(out, programs.softmax(F64) * 2, rtol=1e-14)


def test_a_compiled_function_under_vectorize():
    half = ov.jit(lambda x: x / 2)
    np.testing.assert_array_equal(np.vectorize(half, signature="(n)->(n)")(F64), F64 / 2)


def branch(x):
    return x if x.sum() > 0 else -x


def written(x):
    x[0] = 1
    return x


def added(x):
    x += 1
    return x


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (branch, "the branch depends on elements"),
        (written, "a write in place to an argument"),
        (added, "a write in place to an argument"),
        (lambda x: x[x > 0], "by a mask"),
        (lambda x: np.linalg.svd(x), "svd can't be traced"),
        (lambda x: math.exp(x[0, 0]), "a Python number"),
        (lambda x: np.where(x > 0), "depends on elements"),
        (lambda x: x * 1j, "complex128 can't be traced"),
    ],
)
def test_what_cant_be_traced_is_named_with_its_line(function, text):
    with pytest.raises(TraceError, match=text) as caught:
        ov.compile_function(function, F64)
    line = function.__code__.co_firstlineno
    place, number = str(caught.value).split(": ")[0].rsplit(":", 1)
    assert place == __file__ and line <= int(number) <= line + 2


def test_objects_are_refused():
    with pytest.raises(TraceError, match="arrays of object can't be traced"):
        ov.jit(programs.softmax)(np.array([1, "a"], object))
