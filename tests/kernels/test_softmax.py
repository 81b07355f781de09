"""Softmax and LogSoftmax against their definitions in f64."""

import numpy as np
import pytest

from ovlite.kernels import family
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View

from .layouts import view_of

pytestmark = pytest.mark.usefixtures("level")


def softmax(x, axis, threads=1, name="Softmax", y=None):
    y = np.empty_like(x) if y is None else y
    run_steps([getattr(family("softmax"), name)(view_of(0, x), view_of(1, y), axis)], [x, y], threads)
    return y


def exact(x, axis):
    e = np.exp(x.astype(np.float64) - np.max(x, axis, keepdims=True, initial=-np.inf))
    return e / e.sum(axis, keepdims=True)


CASES = [
    ((1,), 0),
    ((7,), 0),
    ((16,), 0),
    ((17,), 0),
    ((5000,), 0),
    ((3, 4), 0),
    ((3, 4), 1),
    ((3, 1), 1),
    ((33, 257), 1),
    ((257, 33), 0),
    ((2, 80, 300), 1),
    ((2, 3, 4, 5), 1),
    ((2, 3, 4, 5), -2),
    ((90, 2, 70), 0),
    ((0, 3), 1),
    ((3, 0), 1),
    ((2, 4, 64, 64), 3),
]


@pytest.mark.parametrize("shape, axis", CASES, ids=str)
def test_softmax_and_its_logarithm(shape, axis):
    x = (np.random.default_rng(0).standard_normal(shape) * 5).astype(np.float32)
    expected = exact(x, axis)
    one = softmax(x, axis)
    # The difference to the maximum, up to 40, is rounded before exp.
    np.testing.assert_allclose(one, expected, rtol=4e-6, atol=1e-30)
    np.testing.assert_array_equal(softmax(x, axis, 2), one)
    logarithm = softmax(x, axis, name="LogSoftmax")
    np.testing.assert_allclose(logarithm, np.log(expected), rtol=3e-7, atol=3e-6)
    np.testing.assert_array_equal(softmax(x, axis, 2, "LogSoftmax"), logarithm)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
def test_layout_is_only_strides(axis, name):
    values = np.random.default_rng(1).standard_normal((12, 40, 9)).astype(np.float32)
    expected = softmax(values, axis, name=name)
    sources = [
        values,
        np.ascontiguousarray(values.transpose(2, 0, 1)).transpose(1, 2, 0),
        np.pad(values, ((0, 1), (0, 3), (0, 5)), constant_values=np.nan)[:12, :40, :9],
        np.repeat(values, 2, axis=2)[:, :, ::2],
    ]
    for x in sources:
        for target in sources:
            y = np.full(target.base.shape if target.base is not None else target.shape, 9, np.float32)
            y = np.lib.stride_tricks.as_strided(y, target.shape, target.strides)
            np.testing.assert_allclose(softmax(x, axis, 2, name, y), expected, rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
def test_in_place(axis, name):
    x = np.random.default_rng(2).standard_normal((50, 60)).astype(np.float32)
    expected = softmax(x, axis, name=name)
    view = view_of(0, x)
    run_steps([getattr(family("softmax"), name)(view, view, axis)], [x])
    np.testing.assert_array_equal(x, expected)


@pytest.mark.parametrize("axis", [0, 1])
def test_special_values(axis):
    rows = np.array([[1000, 1000], [-np.inf, 0], [-np.inf, -np.inf], [np.nan, 1], [np.inf, 0]], np.float32)
    expected = np.array([[0.5, 0.5], [0, 1], [np.nan] * 2, [np.nan] * 2, [np.nan] * 2])
    x = rows if axis == 1 else np.ascontiguousarray(rows.T)
    got = softmax(x, axis)
    np.testing.assert_array_equal(got if axis == 1 else got.T, expected)


def test_a_long_axis_keeps_its_precision():
    x = np.random.default_rng(3).uniform(-1, 1, (2, 200_000)).astype(np.float32)
    np.testing.assert_allclose(softmax(x, 1), exact(x, 1), rtol=1e-6)
    tall = np.ascontiguousarray(x.T[:20_000])
    np.testing.assert_allclose(softmax(tall, 0), exact(tall, 0), rtol=1e-6)


@pytest.mark.parametrize("rows", [1, 15, 16, 63, 64, 65, 700])
@pytest.mark.parametrize("length", [2, 3, 24, 25])
@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
def test_short_rows_alone_and_together(name, length, rows):
    x = np.random.default_rng(length).standard_normal((rows, length)).astype(np.float32) * 9
    found = softmax(x, 1, name=name)
    expected = exact(x, 1)
    # exp() is within two roundings, its sum of 24 terms within a few more.
    np.testing.assert_allclose(found, expected if name == "Softmax" else np.log(expected), rtol=3e-6, atol=2e-6)
    np.testing.assert_array_equal(softmax(x, 1, 2, name), found)
    alone = [softmax(x[i : i + 1].copy(), 1, name=name) for i in range(min(rows, 70))]
    np.testing.assert_array_equal(np.concatenate(alone), found[:70])
    memory = np.full((rows, length + 2, 3), np.nan, np.float32)
    apart = memory[:, 1:-1, 1]
    apart[...] = x
    views = view_of(0, apart, memory), view_of(1, apart, memory)
    run_steps([getattr(family("softmax"), name)(*views, 1)], [memory, memory])
    np.testing.assert_array_equal(apart, found)
    assert np.isnan(memory[:, [0, -1]]).all() and np.isnan(memory[:, :, [0, 2]]).all()


@pytest.mark.parametrize(
    "x, y, axis, message",
    [
        (View(0, "f8", (3,)), View(1, "f4", (3,)), 0, "Softmax of float64 to float32"),
        (View(0, "f4", (3,)), View(1, "f4", (4,)), 0, r"shape \(3,\) to shape \(4,\)"),
        (View(0, "f4", (3,)), View(1, "f4", (3,)), 1, r"axis 1 of shape \(3,\)"),
    ],
)
def test_what_cannot_run_is_refused(x, y, axis, message):
    with pytest.raises(ValueError, match=message):
        family("softmax").Softmax(x, y, axis)
