"""Reduce against numpy in f64: any axes, any layout, the same bits for any number of threads."""

import numpy as np
import pytest

from ovlite.kernels import family
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View

from ..tolerances import random_roundings
from .layouts import view_of

pytestmark = pytest.mark.usefixtures("level")


def reduce(kind, x, axes, threads=1, keep_dims=False, y=None):
    """Runs the steps of `reduction` with a workspace where it asks for one."""
    module = family("reduction")
    if y is None:
        y = np.empty(np.sum(x, axis=tuple(axes), keepdims=keep_dims).shape, x.dtype)
    source, target = view_of(0, x), view_of(1, y)
    workspace = np.full(module.workspace_size(source, axes), 77, x.dtype)
    spare = view_of(2, workspace) if workspace.size else None
    run_steps(module.reduction(kind, source, target, axes, spare), [x, y, workspace], threads)
    return y


def exact(kind, x, axes):
    x = x.astype(np.float64)
    axes = tuple(axes)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "sum": lambda: x.sum(axes),
            "mean": lambda: x.mean(axes),
            "max": lambda: x.max(axes),
            "min": lambda: x.min(axes),
            "prod": lambda: x.prod(axes),
            "l1": lambda: np.abs(x).sum(axes),
            "l2": lambda: np.sqrt((x * x).sum(axes)),
            "sum_square": lambda: (x * x).sum(axes),
            "log_sum": lambda: np.log(x.sum(axes)),
            "log_sum_exp": lambda: np.log(np.exp(x).sum(axes)),
        }[kind]()


KINDS = ["sum", "mean", "max", "min", "prod", "l1", "l2", "sum_square", "log_sum", "log_sum_exp"]
CASES = [
    ((5,), [0]),
    ((3, 4), [0]),
    ((3, 4), [1]),
    ((3, 4), [0, 1]),
    ((2, 3, 4, 5), [1]),
    ((2, 3, 4, 5), [0, 2]),
    ((2, 3, 4, 5), [-1, -2]),
    ((17, 64), [0]),
    ((65, 63), [1]),
    ((4, 1, 130), [1]),
    ((3, 515), [0]),
    ((3, 515), [1]),
    ((1, 16), [0]),
    ((16, 1), [1]),
    ((7, 5), []),
    ((200, 300), [0]),
    ((200, 300), [1]),
    ((200, 300), [0, 1]),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape, axes", CASES, ids=str)
def test_reductions_give_the_exact_value_to_f32_precision(kind, shape, axes):
    x = np.random.default_rng(0).uniform(0.9, 1.1, shape).astype(np.float32)
    expected = exact(kind, x, axes)
    one = reduce(kind, x, axes)
    np.testing.assert_allclose(one, expected, rtol=2e-6 if kind == "prod" else 5e-7, atol=1e-7)
    np.testing.assert_array_equal(reduce(kind, x, axes, 2), one)
    np.testing.assert_array_equal(reduce(kind, x, axes, keep_dims=True).reshape(one.shape), one)


@pytest.mark.parametrize("axes", [[0], [1], [2], [0, 2], [1, 2], [0, 1, 2]], ids=str)
@pytest.mark.parametrize("order", ["permuted", "gaps", "every other", "reversed"])
def test_layout_is_only_strides(axes, order):
    values = np.random.default_rng(1).standard_normal((12, 70, 9)).astype(np.float32)
    x = {
        "permuted": lambda: np.ascontiguousarray(values.transpose(2, 0, 1)).transpose(1, 2, 0),
        "gaps": lambda: np.pad(values, ((0, 1), (0, 3), (0, 5)), constant_values=np.nan)[:12, :70, :9],
        "every other": lambda: np.repeat(values, 2, axis=2)[:, :, ::2],
        "reversed": lambda: np.ascontiguousarray(values[::-1, :, ::-1])[::-1, :, ::-1],
    }[order]()
    np.testing.assert_array_equal(x, values)
    for kind in ("sum", "max", "log_sum_exp"):
        expected = exact(kind, values, axes)
        np.testing.assert_allclose(reduce(kind, x, axes), expected, rtol=1e-6, atol=1e-5)
        strided = np.full((*expected.shape, 3), np.nan, np.float32)[..., 1]
        np.testing.assert_allclose(reduce(kind, x, axes, 2, y=strided), expected, rtol=1e-6, atol=1e-5)


def test_a_channels_last_mean_over_the_image():
    pixels = np.random.default_rng(2).standard_normal((2, 14, 14, 208)).astype(np.float32)[..., :192]
    x = pixels.transpose(0, 3, 1, 2)
    one = reduce("mean", x, [2, 3], keep_dims=True)
    np.testing.assert_allclose(one[:, :, 0, 0], exact("mean", x, [2, 3]), atol=1e-7)
    np.testing.assert_array_equal(reduce("mean", x, [2, 3], 2, keep_dims=True), one)


@pytest.mark.parametrize(
    "shape, axes", [((1 << 20,), [0]), ((1 << 19, 2), [0]), ((1000, 1024), [0]), ((4, 250_000), [1])], ids=str
)
def test_a_million_terms_keep_the_precision_of_f32(shape, axes):
    for x in (np.full(shape, 0.1, np.float32), np.random.default_rng(3).uniform(0, 1, shape).astype(np.float32)):
        one = reduce("sum", x, axes)
        np.testing.assert_allclose(one, x.astype(np.float64).sum(tuple(axes)), rtol=1e-6)
        np.testing.assert_array_equal(reduce("sum", x, axes, 2), one)


@pytest.mark.parametrize("kind", KINDS)
def test_two_steps_over_a_workspace_give_the_same_kind(kind):
    x = np.random.default_rng(4).uniform(0.999, 1.001, (3, 40_000)).astype(np.float32)
    assert family("reduction").workspace_size(view_of(0, x), [1]) == 48
    for axes in ([1], [0, 1]):
        tolerance = random_roundings(x.size) if kind == "prod" else 1e-6
        np.testing.assert_allclose(reduce(kind, x, axes, 2), exact(kind, x, axes), rtol=tolerance, atol=1e-6)


@pytest.mark.parametrize("axes", [[0], [1]], ids=str)
def test_nan_and_infinity(axes):
    x = np.ones((3, 3), np.float32)
    x[0, 0], x[1, 1], x[2, 2] = np.nan, np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(reduce("sum", x, axes), [np.nan, np.inf, -np.inf])
    np.testing.assert_array_equal(reduce("max", x, axes), [np.nan, np.inf, 1])
    np.testing.assert_array_equal(reduce("min", x, axes), [np.nan, 1, -np.inf])
    np.testing.assert_array_equal(reduce("log_sum_exp", x, axes)[:2], [np.nan, np.inf])
    assert reduce("log_sum_exp", np.full(5, -np.inf, np.float32), [0]) == -np.inf


@pytest.mark.parametrize("kind", ["sum", "mean", "max", "min", "l2"])
@pytest.mark.parametrize("rows", [1, 15, 16, 17, 33, 511, 513, 6000])
@pytest.mark.parametrize("length", [2, 3, 31, 32, 33])
def test_short_rows(kind, rows, length):
    x = np.random.default_rng(length).standard_normal((rows, length)).astype(np.float32)
    one = reduce(kind, x, [1])
    # 32 roundings after one another at most, of sums below ten.
    np.testing.assert_allclose(one, exact(kind, x, [1]), rtol=2e-6, atol=5e-6)
    np.testing.assert_array_equal(reduce(kind, x, [1], 2), one)
    np.testing.assert_array_equal(
        np.concatenate([reduce(kind, x[i : i + 1], [1]) for i in range(min(rows, 40))]), one[:40]
    )
    memory = np.full((rows, length + 3), np.nan, np.float32)
    apart, y = memory[:, 1 : length + 1], np.empty(rows, np.float32)
    apart[...] = x
    run_steps([family("reduction").Reduce(kind, view_of(0, apart, memory), view_of(1, y), [1])], [memory, y])
    np.testing.assert_array_equal(y, one)


@pytest.mark.parametrize("rows", [7, 16, 40])
def test_nan_and_infinity_in_short_rows(rows):
    x = np.ones((rows, 3), np.float32)
    x[0, 0], x[1, 1], x[2, 2] = np.nan, np.inf, -np.inf
    for kind, expected in (("sum", 3), ("max", 1), ("min", 1)):
        found = reduce(kind, x, [1])
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(found[:3], getattr(x[:3], kind)(1))
        assert (found[3:] == expected).all()


def test_log_sum_exp_does_not_overflow():
    x = np.array([1000.0, 1000.0], np.float32)
    np.testing.assert_allclose(reduce("log_sum_exp", x, [0]), 1000 + np.log(2), rtol=1e-7)


@pytest.mark.parametrize("kind, value", [("sum", 0), ("prod", 1), ("max", -np.inf), ("min", np.inf)])
def test_nothing_reduced_gives_the_start(kind, value):
    y = np.empty(4, np.float32)
    np.testing.assert_array_equal(reduce(kind, np.empty((4, 0), np.float32), [1], y=y), np.full(4, value))
    np.testing.assert_array_equal(reduce(kind, np.empty((0, 4), np.float32), [0], y=y), np.full(4, value))


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("kind", ["sum", "prod", "max", "min"])
@pytest.mark.parametrize("axes", [[0], [1], [0, 1]], ids=str)
def test_integers(dtype, kind, axes):
    x = np.random.default_rng(5).integers(-1000, 1000, (9, 70)).astype(dtype)
    expected = getattr(np, kind)(x, axis=tuple(axes), **({"dtype": dtype} if kind in ("sum", "prod") else {}))
    np.testing.assert_array_equal(reduce(kind, x, axes), expected)
    np.testing.assert_array_equal(reduce(kind, np.asfortranarray(x), axes), expected)


@pytest.mark.parametrize("axes", [[0], [1], [0, 1]], ids=str)
def test_logic(axes):
    x = np.random.default_rng(6).integers(0, 9, (6, 5)) > 0
    x[2] = True
    for kind, function in (("logical_and", np.all), ("logical_or", np.any)):
        for values in (x, ~x):
            y = np.empty(function(values, axis=tuple(axes)).shape, np.bool_)
            np.testing.assert_array_equal(reduce(kind, values, axes, y=y), function(values, axis=tuple(axes)))


@pytest.mark.parametrize(
    "kind, source, target, shape, message",
    [
        ("mean", "i4", "i4", (3,), "no mean of int32"),
        ("sum", "f8", "f8", (3,), "no sum of float64"),
        ("median", "f4", "f4", (3,), "no median of float32"),
        ("sum", "f4", "i4", (3,), "float32 to int32"),
        ("sum", "f4", "f4", (4,), r"has shape \(3,\), not \(4,\)"),
    ],
)
def test_what_cannot_run_is_refused(kind, source, target, shape, message):
    with pytest.raises(ValueError, match=message):
        family("reduction").Reduce(kind, View(0, source, (3, 4)), View(1, target, shape), [1])
