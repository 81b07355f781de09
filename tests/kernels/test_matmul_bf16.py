"""Products of f32 by way of bf16: on emulated tiles, and on what the processor has."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ovlite import kernels
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View

from ..data import normal
from .images import Image, assert_near
from .layouts import view_of
from .test_convolution import convolve

EDGES = (1, 15, 16, 17, 32, 33, 65)
HUGE = np.finfo(np.float32).max


def rows(products: str | None = None) -> list[Any]:
    """The rows that multiply in parts; those of `products` alone when it is given."""
    table = kernels.family("matmul").matrix_kernels()
    return [row for row in table if row.products and products in (None, row.products)]


@pytest.fixture(autouse=True, params=[level for level in kernels.available_levels() if level != "avx2"])
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each level that emulates tiles, in use for the test."""
    before = kernels.use_level(request.param)
    yield request.param
    kernels.use_level(before)


def multiply(row: Any, a: np.ndarray, b: np.ndarray, threads: int = 1, constant: bool = True, **epilogue: Any) -> Any:
    """a @ b by a kernel."""
    family = kernels.family("matmul")
    y = np.full((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]), np.nan, np.float32)
    memory = [np.ascontiguousarray(a), y, np.ascontiguousarray(b)]
    given = {"weights": family.pack(b, row)} if constant else {"kernel": row}
    right = None if constant else View(2, "f4", b.shape)
    step = family.MatMul(View(0, "f4", a.shape), right, View(1, "f4", y.shape), **given, **epilogue)
    run_steps([step], memory, threads)
    return y


def bf16(x: np.ndarray) -> np.ndarray:
    """Finite numbers rounded to bf16, half to even, in float64."""
    mantissa, exponent = np.frexp(x.astype(float))
    return np.ldexp(np.rint(mantissa * 256), exponent - 8)


@pytest.mark.parametrize("m", EDGES)
@pytest.mark.parametrize("n", EDGES)
def test_edges_of_tiles(m: int, n: int) -> None:
    for k in (1, 31, 32, 33, 129):
        a, b, bias = normal(m, k), normal(k, n), normal(n)
        sums, magnitudes = a.astype(float) @ b + bias, np.abs(a).astype(float) @ np.abs(b)
        for row in rows():
            y = multiply(row, a, b, bias=bias)
            assert_near(y, sums, k, row.products, magnitudes)
            np.testing.assert_array_equal(y, multiply(row, a, b, 2, False, bias=bias))


@pytest.mark.parametrize("k", [32, 64, 512, 513, 1152, 4608])
def test_three_products_of_parts_are_within_5e_6(k: int) -> None:
    """Of the results' size, at any depth; the largest error of a few thousand, of the largest result, within 1e-5."""
    a, b = normal(64, k), normal(k, 48)
    for left in (a, np.maximum(a, 0), a * 1e12):
        expected = left.astype(float) @ b
        for row in rows("bf16x3"):
            apart = np.abs(multiply(row, left, b) - expected)
            assert np.sqrt((apart**2).mean()) <= 5e-6 * np.sqrt((expected**2).mean()), row.name
            assert apart.max() <= 1e-5 * np.abs(expected).max(), row.name


@pytest.mark.parametrize("k", [32, 33, 512, 513, 4608])
def test_six_products_of_parts_err_no_more_than_f32_does(k: int) -> None:
    """By kernels of f32, which add the terms one by one."""
    family = kernels.family("matmul")
    a, b = normal(64, k), normal(k, 48)
    for left in (a, np.maximum(a, 0), a * 1e12, a * np.float32(10) ** normal(64, k)):
        expected = left.astype(float) @ b
        exact = np.abs(multiply(family.kernel_for("f32", "f32"), left, b) - expected)
        for row in rows("bf16x6"):
            apart = np.abs(multiply(row, left, b) - expected)
            assert np.sqrt((apart**2).mean()) <= 1.1 * np.sqrt((exact**2).mean()), row.name
            assert apart.max() <= 2 * exact.max(), row.name


def test_one_product_is_that_of_the_nearest_bf16() -> None:
    a, b = normal(33, 100), normal(100, 40)
    for row in rows("bf16"):
        np.testing.assert_allclose(multiply(row, a, b), bf16(a) @ bf16(b), rtol=1e-6, atol=1e-5, err_msg=row.name)


def test_what_has_eight_bits_is_multiplied_exactly() -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-256, 257, shape).astype(np.float32) for shape in ((35, 70), (70, 50)))
    for row in rows():
        np.testing.assert_array_equal(multiply(row, a, b), a.astype(np.int64) @ b.astype(np.int64), row.name)


def test_kernels_of_the_same_products_agree() -> None:
    a, b = normal(40, 700), normal(700, 45)
    a[3, 5], a[4, 6], a[5, 7], a[6, 600] = np.inf, np.nan, HUGE, 1e-39
    for products in ("bf16x6", "bf16x3", "bf16"):
        emulated = [multiply(row, a, b) for row in rows(products) if row.emulated]
        for y in emulated[1:]:
            np.testing.assert_array_equal(y, emulated[0])


@pytest.mark.parametrize("constant", [True, False])
def test_a_row_alone_is_what_it_is_among_others(constant: bool) -> None:
    a, b = normal(47, 90), normal(90, 33)
    for row in rows():
        whole = multiply(row, a, b, constant=constant)
        for i in (0, 15, 16, 46):
            np.testing.assert_array_equal(multiply(row, a[i : i + 1], b, constant=constant)[0], whole[i], row.name)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, HUGE, -HUGE, 3.39e38, 1e-37, 1e-39, np.uint32(2**32 - 1)])
@pytest.mark.parametrize("other", [1.0, -1.0, 0.0, 0.5, 1.1, -1e30, np.inf, np.nan, 1e-38])
@pytest.mark.parametrize("constant", [True, False])
def test_ends_of_the_range_are_those_of_f32(value: Any, other: float, constant: bool) -> None:
    special = value.view(np.float32) if isinstance(value, np.uint32) else np.float32(value)
    a, b = normal(20, 40), normal(40, 35)
    a[3, 7], b[7, 5], b[0, 6], a[9, 0] = special, other, special, other
    a[12], a[13] = special, 0
    family = kernels.family("matmul")
    expected = multiply(family.kernel_for("f32", "f32"), a, b, constant=constant)
    smallest = float(np.finfo(np.float32).smallest_normal)  # a part below it counts as zero, beside the largest factor
    flushed = 4 * smallest * (np.abs(a).max(1)[:, None].astype(float) + np.abs(b).max(0) + 1)
    for row in rows():
        y = multiply(row, a, b, constant=constant)
        with np.errstate(over="ignore", invalid="ignore"):
            scale = np.abs(a).astype(float) @ np.abs(b)
        finite = np.isfinite(expected) & np.isfinite(y) & np.isfinite(scale)
        apart = np.abs(y[finite].astype(float) - expected[finite])
        bound = scale * {"bf16": 2.0**-6, "bf16x3": 2.0**-14, "bf16x6": 2.0**-21}[row.products] + flushed
        assert (apart <= bound[finite]).all(), row.name
        rounded = np.isfinite(scale) & (scale > 0.98 * HUGE)  # to infinity or not
        np.testing.assert_array_equal(y[~finite & ~rounded], expected[~finite & ~rounded], row.name)


def test_overflow_on_the_way_is_that_of_f32() -> None:
    """An infinite partial sum that f32's order of terms doesn't have is no result."""
    a = np.array([[HUGE, -HUGE, HUGE, 0.0], [HUGE, HUGE, -HUGE, -HUGE], [1.0, 0.0, HUGE, HUGE]], np.float32)
    b = np.ones((4, 3), np.float32)
    for row in rows():
        y = multiply(row, a, b)
        np.testing.assert_allclose(y[0], HUGE, rtol=2.0**-7)
        np.testing.assert_array_equal(y[2], np.inf)


def test_products_of_the_smallest_numbers() -> None:
    a, b = normal(17, 30) * np.float32(1e-30), normal(30, 20) * np.float32(1e-7)
    expected = a.astype(float) @ b
    for row in rows("bf16x3") + rows("bf16x6"):
        y = multiply(row, a, b)
        np.testing.assert_allclose(y, expected, rtol=0, atol=2e-5 * np.abs(expected).max(), err_msg=row.name)


def test_a_signal_s_handler_may_multiply_too() -> None:
    """It runs in the midst of the product, and leaves the thread's tiles as it likes."""
    family = kernels.family("matmul")
    row = rows("bf16x3")[-1]
    a, b = normal(1200, 96), normal(96, 600)
    expected, few = multiply(row, a, b), multiply(row, a[:40], b[:, :32])
    y, handled = np.zeros_like(expected), []
    step = family.MatMul(View(0, "f4", a.shape), None, View(1, "f4", y.shape), weights=family.pack(b, row))

    def multiply_too(*_: Any) -> None:
        handled.append(multiply(row, a[:40], b[:, :32]))
        signal.setitimer(signal.ITIMER_REAL, 0.002)  # not before: on a slow machine handlers would pile up

    before = signal.signal(signal.SIGALRM, multiply_too)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.002)
        for _ in range(1000):
            y[...] = 0
            run_steps([step], [a, y])
            np.testing.assert_array_equal(y, expected)
            if handled:
                break
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)  # first: a handler that still runs sets the timer again
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert handled
    for result in handled:
        np.testing.assert_array_equal(result, few)


@pytest.mark.parametrize("activation", [None, ("clamp", 0.0, np.inf), ("gelu_erf", 0.0, 0.0)])
def test_residual_and_activation_come_last(activation: Any) -> None:
    family = kernels.family("matmul")
    a, b, bias, residual = normal(37, 65), normal(65, 41), normal(41), normal(37, 41)
    for row in rows():
        y = np.zeros((37, 41), np.float32)
        step = family.MatMul(
            View(0, "f4", a.shape), None, View(1, "f4", y.shape), weights=family.pack(b, row), bias=bias,
            residual=View(2, "f4", residual.shape), activation=activation,
        )  # fmt: skip
        run_steps([step], [a, y, residual])
        expected = multiply(row, a, b, bias=bias) + residual
        expected = expected if activation is None else kernels.activation(expected, *activation)
        np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-6, err_msg=row.name)


def test_strides_and_batches() -> None:
    family = kernels.family("matmul")
    a, b = normal(2, 3, 18, 50), normal(3, 50, 34)
    expected, magnitudes = a.astype(float) @ b, np.abs(a).astype(float) @ np.abs(b)
    upright, turned = np.ascontiguousarray(a.swapaxes(2, 3)), np.ascontiguousarray(b.swapaxes(1, 2))
    wide, sparse = normal(2, 3, 18, 60), normal(3, 50, 68)
    wide[..., 5:55], sparse[..., ::2] = a, b
    lefts = [(a, a), (upright.swapaxes(2, 3), upright), (wide[..., 5:55], wide)]
    rights = [(b, b), (turned.swapaxes(1, 2), turned), (sparse[..., ::2], sparse)]
    for row in rows():
        for left, left_memory in lefts:
            for right, right_memory in rights:
                for threads in (1, 2):
                    y = np.full(expected.shape, np.nan, np.float32)
                    views = view_of(0, left, left_memory), view_of(2, right, right_memory), view_of(1, y)
                    run_steps([family.MatMul(*views, kernel=row)], [left_memory, y, right_memory], threads)
                    assert_near(y, expected, 50, row.products, magnitudes)


@pytest.mark.parametrize("channels", [3, 32, 40, 64])
@pytest.mark.parametrize("gap", [0, 16])
@pytest.mark.parametrize(
    ("spatial", "kernel", "strides", "dilations", "pads", "groups"),
    [
        ((5, 20), (3, 3), (1, 1), (1, 1), (1, 1), 1),
        ((40, 30), (3, 3), (1, 1), (1, 1), (1, 1), 1),
        ((7, 7), (3, 3), (1, 1), (1, 1), (1, 1), 1),
        ((15, 14), (3, 3), (1, 1), (1, 1), (1, 1), 1),
        ((21, 37), (3, 3), (2, 2), (1, 1), (1, 1), 1),
        ((21, 37), (1, 1), (2, 2), (1, 1), (0, 0), 1),
        ((12, 40), (5, 2), (1, 1), (2, 3), (4, 0), 1),
        ((9, 33), (3, 3), (1, 1), (1, 1), (0, 0), 2),
        ((45,), (3,), (1,), (1,), (1,), 1),
        ((4, 5, 18), (3, 1, 3), (1, 1, 1), (1, 1, 1), (1, 0, 1), 1),
    ],
)
def test_convolutions(
    channels: int, gap: int, spatial: Any, kernel: Any, strides: Any, dilations: Any, pads: Any, groups: int
) -> None:
    family = kernels.family("convolution")
    depth = channels if groups == 1 else 32
    size = [
        (n + 2 * b - (k - 1) * d - 1) // s + 1
        for n, b, k, d, s in zip(spatial, pads, kernel, dilations, strides, strict=True)
    ]
    border = family.convolution_border(spatial, size, kernel, strides, dilations, pads)
    x = Image(normal(2, depth * groups, *spatial), border, gap)
    weights, bias = normal(20 * groups, depth, *kernel), normal(20 * groups)
    geometry = strides, dilations, pads, size, groups
    expected = convolve(x.values, weights, *geometry) + bias.reshape(-1, *[1] * len(kernel))
    magnitudes = convolve(np.abs(x.values), np.abs(weights), *geometry)
    for row in rows():
        packed = family.pack(weights, groups, 0, row)
        results = []
        for threads in (1, 3):
            y = Image(np.full((2, 20 * groups, *size), np.nan, np.float32), gap=gap)
            step = family.convolution_step(
                x.view(0), y.view(1), weights=packed, strides=strides, dilations=dilations, pads_begin=pads,
                groups=groups, bias=bias,
            )  # fmt: skip
            run_steps([step], [x.memory, y.memory], threads)
            results.append(y.values.copy())
        assert_near(results[0], expected, weights[0].size, row.products, magnitudes)
        np.testing.assert_array_equal(*results)


def test_the_choice_depends_on_the_size() -> None:
    family = kernels.family("matmul_weights")
    exact = family.kernel_for("f32", "f32")
    assert exact.products is None
    for products in ("bf16x6", "bf16x3", "bf16"):
        chosen = family.product_kernel(64, 64, 64, products, True)
        assert chosen.products == products and chosen.emulated
        assert family.product_kernel(64, 2, 9, products, True) is exact
        assert family.product_kernel(1, 64, 64, products, True) is exact
        assert not family.product_kernel(64, 64, 64, products).emulated  # emulation is for tests
    assert family.product_kernel(64, 64, 64) is exact
    assert family.product_kernel(1, 4096, 4096, "bf16x3", True) is exact
    assert family.product_kernel(32, 4096, 4096, "bf16x6", True) is exact
    assert family.product_kernel(128, 4096, 4096, "bf16x6", True).products == "bf16x6"
    assert family.product_kernel(1, 4096, 4096, "bf16", True).products == "bf16"
