"""Every row of the level's table of matrix kernels, beside sums in int64 or float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ovlite import kernels
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View

from .guarded import guarded_copy
from .images import assert_near

pytestmark = pytest.mark.usefixtures("level")

SHAPES = [
    (1, 1, 1),
    (0, 3, 2),
    (3, 5, 0),
    (1, 300, 70),
    (6, 4, 8),
    (7, 13, 15),
    (14, 16, 32),
    (15, 17, 33),
    (29, 66, 65),
    (15, 1024, 130),
    (9, 4096, 130),  # rows of bytes that share a set of the first-level cache
]


def rows(b: str) -> list[Any]:
    """The rows for this type of b, in the table's order."""
    return [row for row in kernels.family("matmul").matrix_kernels() if row.b == b]


def quantized(seed: int, m: int, k: int, n: int) -> tuple[np.ndarray, ...]:
    """Operands of a product of bytes, its shifts and its scales; the bytes take the ends of their ranges."""
    rng = np.random.default_rng(seed)
    a = rng.choice([0, 1, 127, 128, 254, 255], (m, k)).astype(np.uint8)
    weights = rng.choice([-128, -127, -1, 0, 1, 126, 127], (k, n)).astype(np.int8)
    return a, weights, rng.integers(-5000, 5000, n).astype(np.int32), rng.uniform(1e-4, 1e-2, n).astype(np.float32)


def behind(array: np.ndarray) -> np.ndarray:
    """The array's elements with others behind them, which a kernel may read and must not count."""
    return np.concatenate([array.reshape(-1), np.full(64, 255, array.dtype)])


def test_the_table_names_what_it_holds(level: str) -> None:
    table = kernels.family("matmul").matrix_kernels()
    assert len({row.name for row in table}) == len(table)
    assert {(row.a, row.b, row.sum) for row in table} == {
        ("f32", "f32", "f32"),
        ("u8", "i8", "i32"),
        ("i16", "i16", "i32"),
    }
    emulated = {row.products for row in table if row.emulated}
    assert emulated == (set() if level == "avx2" else {None, "bf16x6", "bf16x3", "bf16"})
    assert all(row.products in row.name and row.a == "f32" for row in table if row.products)
    best = kernels.family("matmul").kernel_for("u8", "i8")
    assert best is [row for row in rows("i8") if not row.emulated][-1]
    assert best.k_block == (64 if "amx" in best.name else 2 if best.name == "u8i8" else 4)
    assert {row.name: row.read_block for row in rows("i8")} == {
        row.name: 1 if row.name == "u8i8" else row.k_block for row in rows("i8")
    }  # others read rows where they lie
    assert kernels.family("matmul").kernel_for("i8", "i8") is None


@pytest.mark.parametrize("m, k, n", SHAPES)
@pytest.mark.parametrize("threads", [1, 2])
def test_products_of_f32(m: int, k: int, n: int, threads: int) -> None:
    rng = np.random.default_rng(m + k + n)
    a, weights = (rng.standard_normal(shape).astype(np.float32) for shape in ((m, k), (k, n)))
    expected = a.astype(float) @ weights
    for row in rows("f32"):
        y = np.full((m, n), np.nan, np.float32)
        packed = kernels.family("matmul").pack(weights, row)
        step = kernels.family("matmul").MatMul(View(0, "f4", a.shape), None, View(1, "f4", y.shape), weights=packed)
        run_steps([step], [a, y], threads)
        if row.products:
            assert_near(y, expected, k, row.products, np.abs(a).astype(float) @ np.abs(weights))
        else:
            bound = 2 * np.finfo(np.float32).eps * max(k, 1) * np.abs(expected).max(initial=1)
            np.testing.assert_allclose(y, expected, rtol=0, atol=bound, err_msg=row.name)


@pytest.mark.parametrize("m, k, n", SHAPES)
@pytest.mark.parametrize("threads", [1, 2])
def test_sums_of_bytes_are_exact(m: int, k: int, n: int, threads: int) -> None:
    a, weights, shifts, scales = quantized(1, m, k, n)
    sums = a.astype(np.int64) @ weights.astype(np.int64) + shifts
    for row in rows("i8"):
        y = np.full((m, n), np.nan, np.float32)
        packed = kernels.family("matmul").pack_int8(weights, row)
        views = View(0, "u1", a.shape), View(1, "f4", y.shape)
        step = kernels.family("matmul").QuantizedMatMul(*views, weights=packed, shifts=shifts, scales=scales)
        run_steps([step], [behind(a), y], threads)
        np.testing.assert_array_equal(y, sums.astype(np.float32) * scales, row.name)


@pytest.mark.parametrize("great", ["none", "some", "all"])
@pytest.mark.parametrize("m, k, n", [(1, 1, 1), (7, 13, 15), (8, 64, 40), (15, 130, 17), (3, 5, 130)])
def test_weights_that_16_bits_do_not_hold_the_products_of(great: str, m: int, k: int, n: int) -> None:
    """Products of two neighbours add up to more than 2**15 where both weights are great."""
    rng = np.random.default_rng(k)
    weights = rng.integers(-64, 65, (k, n)).astype(np.int8)
    if great == "some":
        places = rng.integers(0, k, n)
        weights[places, np.arange(n)] = weights[places ^ 1 if k > 1 and k % 2 == 0 else places, np.arange(n)] = -128
    elif great == "all":
        weights[:] = rng.choice([-128, 127], n)
    a, ones = np.full((m, k), 255, np.uint8), np.ones(n, np.float32)
    a[m // 2] = rng.integers(0, 256, k)
    sums = a.astype(np.int64) @ weights
    for row in rows("i8"):
        y = np.full((m, n), np.nan, np.float32)
        packed = kernels.family("matmul").pack_int8(weights, row)
        assert bool(packed.more) == (row.splits_pairs and k > 1 and great != "none")
        views = View(0, "u1", a.shape), View(1, "f4", y.shape)
        again = kernels.family("matmul_weights").PackedWeights(
            row, np.broadcast_to(np.float32(0), (1, 1, k, n)), packed=packed.packed
        )
        for weight in (packed, again):
            step = kernels.family("matmul").QuantizedMatMul(*views, weights=weight, shifts=0 * sums[0], scales=ones)
            run_steps([step], [behind(a), y], 2)
            np.testing.assert_array_equal(y, sums.astype(np.float32), row.name)


def test_packed_weights_tell_of_no_rows_beyond_their_own() -> None:
    for row in rows("i8"):
        packed = kernels.family("matmul").pack_int8(np.full((8, 40), 127, np.int8), row)
        if not row.splits_pairs:
            continue
        shape = np.broadcast_to(np.float32(0), (1, 1, 8, 40))
        for wrong in (np.int32(8), np.int32(-4), np.int32(5), np.int32(1 << 30)):
            data = np.array(packed.packed)
            places = data.view(np.int32)
            places[places == 4] = wrong
            with pytest.raises(ValueError, match="rows beyond"):
                kernels.family("matmul_weights").PackedWeights(row, shape, packed=data)
        data = np.array(packed.packed)
        counts = data.view(np.int32)
        counts[counts == packed.more] += 1
        with pytest.raises(ValueError, match="rows beyond"):
            kernels.family("matmul_weights").PackedWeights(row, shape, packed=data)


@pytest.mark.parametrize("dtype", ["u1", "i1"])
@pytest.mark.parametrize("zero", [-128, -3, 0, 7, 127, 255])
def test_results_far_beyond_bytes_are_the_nearest_byte(dtype: str, zero: int) -> None:
    """Those that no integer of 32 bits holds, and a NaN as the least one."""
    limits = np.iinfo(dtype)
    if not limits.min <= zero <= limits.max:
        return
    m, n = 5, 40
    a, weights = np.full((m, 4), 3, np.uint8), np.ones((4, n), np.int8)
    scales = np.resize(np.float32([1e-2, 1, 1e3, 1e9, 1e30, -1e-2, -1, -1e3, -1e9, -1e30, np.nan]), n)
    values = np.nan_to_num(np.float64(12) * scales, nan=-np.inf)
    expected = np.clip(np.rint(values) + zero, limits.min, limits.max).astype(dtype)
    for row in rows("i8"):
        y = np.zeros((m, n), dtype)
        views = View(0, "u1", a.shape), View(1, dtype, y.shape)
        packed = kernels.family("matmul").pack_int8(weights, row)
        shifts = np.zeros(n, np.int32)
        step = kernels.family("matmul").QuantizedMatMul(*views, weights=packed, shifts=shifts, scales=scales, zero=zero)
        run_steps([step], [behind(a), y], 1)
        np.testing.assert_array_equal(y, np.broadcast_to(expected, y.shape), row.name)


@pytest.mark.parametrize("m, k, n", [*SHAPES, (3, 35, 16), (2, 64, 9)])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("a_turned, b_turned", [(False, False), (False, True), (True, False)])
def test_products_of_two_operands_known_at_run_time(
    m: int, k: int, n: int, threads: int, a_turned: bool, b_turned: bool
) -> None:
    """Differences of bytes, of either layout; b may serve all matrices of a batch."""
    rng = np.random.default_rng(m + k + n)
    a, b = (rng.choice([-255, -1, 0, 1, 254, 255], shape).astype(np.int16) for shape in ((2, m, k), (k, n)))
    scales = rng.uniform(1e-4, 1e-2, n).astype(np.float32)
    expected = (a.astype(np.int64) @ b).astype(np.float32) * scales
    stored = [np.ascontiguousarray(array.swapaxes(-1, -2)) if turned else array
              for array, turned in ((a, a_turned), (b, b_turned))]  # fmt: skip
    views = [
        View(0, "i2", (2, m, k), (m * k, 1, m) if a_turned else (m * k, k, 1)),
        View(1, "i2", (k, n), (1, k) if b_turned else (n, 1)),
    ]
    y = np.full((2, m, n), np.nan, np.float32)
    step = kernels.family("matmul").QuantizedMatMul(
        views[0], View(2, "f4", y.shape), weights=views[1], shifts=np.zeros(n, np.int32), scales=scales
    )
    run_steps([step], [behind(stored[0]), guarded_copy(stored[1]), y], threads)
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("m", [1, 15, 16, 17, 31, 32, 33])
@pytest.mark.parametrize("n", [1, 15, 16, 17, 31, 32, 33])
def test_edges_of_tiles_of_bytes(m: int, n: int) -> None:
    """Rows of a lie at the end of what may be read, but for the last block of k; y has no column too many."""
    for k in (1, 3, 4, 63, 64, 65, 129):
        a, weights, shifts, scales = quantized(m + n + k, m, k, n)
        a[-1], weights[:, -1], weights[:, 0] = 255, -128, 127
        sums = a.astype(np.int64) @ weights.astype(np.int64) + shifts
        for row in rows("i8"):
            y = np.full((m, n + 3), -1.0, np.float32)
            packed = kernels.family("matmul").pack_int8(weights, row)
            views = View(0, "u1", a.shape), View(1, "f4", (m, n), (n + 3, 1))
            step = kernels.family("matmul").QuantizedMatMul(*views, weights=packed, shifts=shifts, scales=scales)
            memory = guarded_copy(np.concatenate([a.reshape(-1), np.full(-k % row.read_block, 255, np.uint8)]))
            run_steps([step], [memory, y], 2)
            np.testing.assert_array_equal(y[:, :n], sums.astype(np.float32) * scales, row.name)
            np.testing.assert_array_equal(y[:, n:], -1)


def test_the_kernels_of_bytes_agree() -> None:
    """Sums are exact, and results are made of them in one way."""
    a, weights, shifts, scales = quantized(7, 75, 130, 70)
    residual = np.random.default_rng(0).integers(0, 256, (75, 70), dtype=np.uint8)
    stages = [("round", 4.0, 100, 0, 255), ("add", 0.5, 3), ("gelu_erf", 0.0, 0.0)]
    results = []
    for row in rows("i8"):
        y = np.zeros((75, 70), np.int8)
        step = kernels.family("matmul").QuantizedMatMul(
            View(0, "u1", a.shape), View(1, "i1", y.shape), weights=kernels.family("matmul").pack_int8(weights, row),
            shifts=shifts, scales=scales, residual=View(2, "u1", residual.shape), stages=stages, multiplier=0.7,
        )  # fmt: skip
        run_steps([step], [behind(a), y, residual], 2)
        results.append(y)
    for result in results:
        np.testing.assert_array_equal(result, results[0])
    assert len(np.unique(results[0])) > 100


@pytest.mark.parametrize("dtype, zero", [("u1", 0), ("u1", 100), ("u1", 255), ("i1", -128), ("i1", 3)])
@pytest.mark.parametrize("activation", [None, ("clamp", 0.0, np.inf), ("tanh", 0.0, 0.0)])
def test_results_are_rounded_half_to_even_and_cut(dtype: str, zero: int, activation: Any) -> None:
    a, weights, shifts, _ = quantized(2, 9, 21, 37)
    shifts = shifts // 2 * 2
    scales = np.full(37, 0.25 if activation is None else 1e-5, np.float32)  # a quarter: half of the values are ties
    values = ((a.astype(np.int64) @ weights.astype(np.int64) + shifts).astype(np.float32) * scales).astype(float)
    if activation is not None:
        values = np.maximum(values, 0) if activation[0] == "clamp" else np.tanh(values)
    multiplier = 1 / 64 if activation is None else 50.0
    limits = np.iinfo(dtype)
    expected = np.clip(np.rint(values * multiplier) + zero, limits.min, limits.max)
    for row in rows("i8"):
        y = np.zeros((9, 37), dtype)
        step = kernels.family("matmul").QuantizedMatMul(
            View(0, "u1", a.shape), View(1, dtype, y.shape), weights=kernels.family("matmul").pack_int8(weights, row),
            shifts=shifts, scales=scales, stages=[activation] if activation else [], multiplier=multiplier, zero=zero,
        )  # fmt: skip
        run_steps([step], [behind(a), y])
        apart = np.abs(y.astype(int) - expected)
        assert apart.max() <= (activation is not None), row.name  # tanh may fall on the other side of a tie
        assert (apart > 0).mean() < 0.01


@pytest.mark.parametrize("zero", [0, 1, 255])
@pytest.mark.parametrize("most", [254, 255])
def test_a_zero_point_and_weights_of_several_bytes(zero: int, most: int) -> None:
    a, _, shifts, scales = quantized(5, 15, 21, 33)
    weights = np.random.default_rng(0).integers(-256, most, (21, 33), endpoint=True).astype(np.int16)
    weights[:2] = [[-256], [most]]
    sums = (a.astype(np.int64) - zero) @ weights.astype(np.int64) + shifts
    for row in rows("i8"):
        y = np.zeros((15, 33), np.float32)
        step = kernels.family("matmul").QuantizedMatMul(
            View(0, "u1", a.shape), View(1, "f4", y.shape), weights=kernels.family("matmul").pack_int8(weights, row),
            shifts=shifts, scales=scales, zero_point=View(2, "u1", ()), column_sums=weights.sum(0, dtype=np.int32),
        )  # fmt: skip
        run_steps([step], [behind(a), y, np.array(zero, np.uint8)], 2)
        np.testing.assert_array_equal(y, sums.astype(np.float32) * scales, row.name)


def test_bias_and_residual_come_behind_the_scale() -> None:
    a, weights, shifts, scales = quantized(3, 5, 8, 11)
    rng = np.random.default_rng(4)
    bias, residual = rng.standard_normal(11).astype(np.float32), rng.standard_normal((5, 11)).astype(np.float32)
    y = np.zeros((5, 11), np.float32)
    step = kernels.family("matmul").QuantizedMatMul(
        View(0, "u1", a.shape), View(1, "f4", y.shape), weights=weights, shifts=shifts, scales=scales, bias=bias,
        residual=View(2, "f4", residual.shape), stages=[("add", 1.0, 0)],
    )  # fmt: skip
    run_steps([step], [behind(a), y, residual])
    expected = (a.astype(int) @ weights.astype(int) + shifts) * scales.astype(float) + bias + residual
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-5)


def staged(values: np.ndarray, stages: list[tuple[Any, ...]], residual: np.ndarray) -> np.ndarray:
    """What the stages make of real numbers, in float64."""
    for kind, *rest in stages:
        if kind == "round":
            scale, zero, low, high = rest
            values = (np.clip(np.rint(values / scale) + zero, low, high) - zero) * scale
        elif kind == "add":
            values = values + (residual.astype(float) - rest[1]) * rest[0]
        elif kind == "scale":
            values = values * rest[0] + rest[1]
        else:
            values = np.clip(values, *rest) if kind == "clamp" else np.tanh(values)
    return values


@pytest.mark.parametrize("dtype", ["f4", "u1", "i1"])
@pytest.mark.parametrize("residual_dtype", ["f4", "u1", "i1"])
@pytest.mark.parametrize("m, n", [(1, 1), (15, 33), (29, 64), (3, 16)])
@pytest.mark.parametrize("spread", [False, True])
def test_stages_follow_each_other(dtype: str, residual_dtype: str, m: int, n: int, spread: bool) -> None:
    """Of the bytes one in hundreds may fall on the other side of a tie; a residual may be one value a row."""
    rng = np.random.default_rng(m)
    a, weights, shifts, scales = quantized(6, m, 20, n)
    residual = (rng.standard_normal((m, 1 if spread else n)) * 40).clip(-128, 127)
    residual = (residual + 128 if residual_dtype == "u1" else residual).astype(residual_dtype)
    stages = [
        ("round", 4.0, 100, 0, 255),
        ("scale", rng.uniform(0.5, 2, n).astype("f4"), rng.standard_normal(n).astype("f4")),
        ("clamp", -300.0, 400.0), ("add", 0.5, 0 if residual_dtype == "f4" else 3), ("round", 2.0, -3, -128, 127),
        ("tanh", 0.0, 0.0), ("scale", np.full(n, 90, "f4"), np.zeros(n, "f4")), ("clamp", -60.0, np.inf),
    ]  # fmt: skip
    sums = a.astype(np.int64) @ weights.astype(np.int64) + shifts
    expected = staged(sums * scales.astype(float), stages, residual)
    zero = 0 if dtype == "f4" else 10
    if dtype != "f4":
        limits = np.iinfo(dtype)
        expected = np.clip(np.rint(expected * 0.7) + zero, limits.min, limits.max)
    for row in rows("i8"):
        y = np.zeros((m, n), dtype)
        step = kernels.family("matmul").QuantizedMatMul(
            View(0, "u1", a.shape), View(1, dtype, y.shape), weights=kernels.family("matmul").pack_int8(weights, row),
            shifts=shifts, scales=scales, residual=View(2, residual_dtype, residual.shape), stages=stages, zero=zero,
            multiplier=0.7,
        )  # fmt: skip
        run_steps([step], [behind(a), y, residual], 2)
        near = np.abs(y - expected) <= (1e-3 if dtype == "f4" else 0)
        assert near.mean() > 0.98, row.name


def test_stages_refuse_what_does_not_fit() -> None:
    family = kernels.family("matmul")
    a, y = View(0, "u1", (2, 4)), View(1, "f4", (2, 3))
    given = {"weights": np.ones((4, 3), np.int8), "shifts": np.zeros(3, np.int32), "scales": np.ones(3, np.float32)}
    with pytest.raises(ValueError, match="expected one residual for a stage that adds it"):
        family.QuantizedMatMul(a, y, **given, stages=[("add", 1.0, 0)])
    with pytest.raises(ValueError, match="expected one residual for a stage that adds it"):
        family.QuantizedMatMul(a, y, **given, residual=View(2, "f4", (2, 3)))
    with pytest.raises(TypeError, match="expected a residual of float32, uint8 or int8, got int32"):
        family.QuantizedMatMul(a, y, **given, residual=View(2, "i4", (2, 3)), stages=[("add", 1.0, 0)])
    with pytest.raises(ValueError, match="expected at most 8 stages, got 9"):
        family.QuantizedMatMul(a, y, **given, stages=[("tanh", 0.0, 0.0)] * 9)
    with pytest.raises(ValueError, match="expected an activation of clamp"):
        family.QuantizedMatMul(a, y, **given, stages=[("cosine", 0.0, 0.0)])
    with pytest.raises(ValueError, match=r"expected one value for each of 3 columns, got \(2,\)"):
        family.QuantizedMatMul(a, y, **given, stages=[("scale", np.ones(2, "f4"), np.ones(3, "f4"))])


@pytest.mark.parametrize(
    "channels, columns, groups, kernel",
    [(3, 20, 1, 3), (8, 33, 1, 1), (4, 8, 2, 3), (5, 7, 1, 2), (64, 40, 1, 3), (96, 17, 1, 3)],
)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("zero", [None, 0, 255])
def test_convolutions_of_bytes(
    channels: int, columns: int, groups: int, kernel: int, stride: int, zero: int | None
) -> None:
    """zero: the zero point, where a run gives it."""
    rng = np.random.default_rng(channels)
    image = rng.integers(0, 256, (2, 9, 10, channels), dtype=np.uint8)  # with what would be its border
    weights = rng.integers(-128, 128, (columns, channels // groups, kernel, kernel)).astype(np.int8)
    shifts, scales = rng.integers(-99, 99, columns).astype(np.int32), np.ones(columns, np.float32)
    height, width = (9 - kernel) // stride + 1, (10 - kernel) // stride + 1
    sums = np.zeros((2, height, width, columns), np.int64) + shifts
    given = {} if zero is None else {
        "zero_point": View(2, "u1", ()), "column_sums": weights.sum((1, 2, 3), dtype=np.int32),
    }  # fmt: skip
    for ky in range(kernel):
        for kx in range(kernel):
            part = image[:, ky:, kx:][:, : height * stride : stride, : width * stride : stride].astype(np.int64)
            part = part.reshape(2, height, width, groups, -1) - (zero or 0)
            factor = weights[:, :, ky, kx].reshape(groups, columns // groups, -1).astype(np.int64)
            sums += np.einsum("nhwgd,gcd->nhwgc", part, factor).reshape(sums.shape)
    for row in rows("i8"):
        y = np.zeros((2, height, width, columns), np.float32)
        x_view = View(0, "u1", (2, channels, 9, 10), (90 * channels, 1, 10 * channels, channels))
        area = height * width * columns
        y_view = View(1, "f4", (2, columns, height, width), (area, 1, width * columns, columns))
        family = kernels.family("convolution")
        for joined in {1, family.joined_taps(x_view, (kernel, kernel), (1, 1), groups, row)}:
            y[...] = np.nan
            step = family.QuantizedConvolution(
                x_view, y_view, weights=family.pack_int8(weights, groups, row, joined), shifts=shifts, scales=scales,
                strides=(stride, stride), dilations=(1, 1), pads_begin=(0, 0), groups=groups, **given,
            )  # fmt: skip
            memory = guarded_copy(image.reshape(-1)) if row.read_block == 1 else behind(image)
            run_steps([step], [memory, y, np.array(zero or 0, np.uint8)], 2)
            np.testing.assert_array_equal(y, sums.astype(np.float32), row.name)


def test_taps_are_joined_where_pixels_lie_side_by_side() -> None:
    family = kernels.family("convolution")
    image, wide = View(0, "u1", (1, 3, 9, 9), (243, 1, 27, 3)), View(0, "u1", (1, 3, 9, 9), (324, 1, 36, 4))
    y = View(1, "f4", (1, 2, 7, 5), (70, 1, 10, 2))
    given = {"shifts": np.zeros(2, np.int32), "scales": np.ones(2, np.float32), "strides": (1, 1)}
    for row in rows("i8"):
        assert family.joined_taps(image, (3, 5), (1, 1), 1, row) == (5 if row.read_block > 1 else 1)
        assert family.joined_taps(image, (3, 5), (1, 2), 1, row) == 1
        assert family.joined_taps(image, (3, 5), (1, 1), 3, row) == 1
        assert family.joined_taps(wide, (3, 5), (1, 1), 1, row) == 1
        packed = family.pack_int8(np.ones((2, 3, 3, 5), np.int8), 1, row, 5)
        with pytest.raises(ValueError, match="expected pixels of 3 channels side by side for taps that are joined"):
            family.QuantizedConvolution(wide, y, weights=packed, dilations=(1, 1), pads_begin=(0, 0), **given)
        with pytest.raises(ValueError, match="15 taps can't be joined by 2"):
            family.pack_int8(np.ones((2, 3, 3, 5), np.int8), 1, row, 2)


def test_quantized_products_refuse_what_does_not_fit() -> None:
    family = kernels.family("matmul")
    a, y = View(0, "u1", (2, 4)), View(1, "f4", (2, 3))
    given = {"weights": np.ones((4, 3), np.int8), "shifts": np.zeros(3, np.int32), "scales": np.ones(3, np.float32)}
    with pytest.raises(TypeError, match="expected uint8 operands, got int8"):
        family.QuantizedMatMul(View(0, "i1", (2, 4)), y, **given)
    with pytest.raises(TypeError, match="expected a result of float32, uint8 or int8, got int32"):
        family.QuantizedMatMul(a, View(1, "i4", (2, 3)), **given)
    with pytest.raises(ValueError, match=r"expected weights of int8, or of int16 from -256 to 255, got float64"):
        family.QuantizedMatMul(a, y, **{**given, "weights": np.ones((4, 3))})
    with pytest.raises(ValueError, match=r"expected one value for each of 3 columns, got \(4,\)"):
        family.QuantizedMatMul(a, y, **{**given, "shifts": np.zeros(4, np.int32)})
    with pytest.raises(ValueError, match="shapes do not fit"):
        family.QuantizedMatMul(View(0, "u1", (2, 5)), y, **given)
