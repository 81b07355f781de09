"""Products by weights that stay codes of a few bits, against numpy in f64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ovlite import kernels
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View
from ovlite.ops.compressed import Decompress, packed_rows

pytestmark = pytest.mark.usefixtures("level")


def weights_of(
    bits: int, depth: int, columns: int, group: int, *, symmetric: bool = False, seed: int = 0
) -> tuple[Any, np.ndarray]:
    """Random weights, packed, and the real numbers (K, N) that they are, in f64."""
    rng = np.random.default_rng(seed)
    groups = -(-depth // group)
    codes = rng.integers(0, 1 << bits, (columns, depth), np.uint8)
    scales = rng.uniform(0.5, 1.5, (columns, groups)).astype(np.float32)
    zeros = rng.uniform(0, 1 << bits, (columns, groups)).astype(np.float32)
    zeros = np.full((), 1 << (bits - 1), np.float32) if symmetric else zeros
    digits = np.unpackbits(codes[..., None], axis=2, count=bits, bitorder="little")
    rows = np.packbits(digits.reshape(columns, depth * bits), axis=1, bitorder="little")
    packed = kernels.family("matmul_weights").CompressedWeights(rows, scales, zeros, depth, group, bits)
    place = np.arange(depth) // group
    spread = zeros.astype(float) if symmetric else zeros.astype(float)[:, place]
    return packed, ((codes - spread) * scales.astype(float)[:, place]).T


def product(a: np.ndarray, packed: Any, threads: int = 1, **epilogue: Any) -> np.ndarray:
    y = np.full((*a.shape[:-1], packed.columns), np.nan, np.float32)
    arrays = [a, y]
    if "residual" in epilogue:
        arrays.append(epilogue["residual"])
        epilogue["residual"] = View(2, "f4", arrays[2].shape)
    view = View(0, "f4", a.shape)
    run_steps(
        [kernels.family("matmul").MatMul(view, None, View(1, "f4", y.shape), weights=packed, **epilogue)],
        arrays,
        threads,
    )
    return y


def assert_product(y: np.ndarray, a: np.ndarray, real: np.ndarray) -> None:
    """Each product is rounded once with its weight, and once a sum, of which there are at most one a term."""
    bound = (a.shape[-1] + 4) * np.finfo(np.float32).eps * (np.abs(a.astype(float)) @ np.abs(real))
    np.testing.assert_array_less(np.abs(y - a.astype(float) @ real), bound + 1e-30)


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 8, 9, 33])
@pytest.mark.parametrize("depth, columns, group", [(64, 32, 16), (45, 33, 16), (7, 1, 7), (1, 5, 1), (130, 49, 5)])
def test_products(bits: int, symmetric: bool, rows: int, depth: int, columns: int, group: int) -> None:
    packed, real = weights_of(bits, depth, columns, group, symmetric=symmetric)
    a = np.random.default_rng(rows).standard_normal((rows, depth), np.float32)
    y = product(a, packed)
    assert_product(y, a, real)
    np.testing.assert_array_equal(product(a, packed, 3), y)


@pytest.mark.parametrize("rows", [1, 3, 8, 20])
@pytest.mark.parametrize("columns", [5, 40])
def test_rows_that_share_a_set_of_the_cache(rows: int, columns: int) -> None:
    packed, real = weights_of(4, 1024, columns, 32)
    a = np.random.default_rng(rows).standard_normal((rows, 1024), np.float32)
    assert_product(product(a, packed), a, real)


@pytest.mark.parametrize("rows", [1, 3, 40])
@pytest.mark.parametrize("columns", [7, 32, 45])
def test_bias_residual_and_activation(rows: int, columns: int) -> None:
    packed, real = weights_of(4, 33, columns, 16, seed=rows)
    rng = np.random.default_rng(rows)
    a, residual = rng.standard_normal((rows, 33), np.float32), rng.standard_normal((rows, columns), np.float32) * 50
    bias = rng.standard_normal(columns, np.float32) * 50
    y = product(a, packed, bias=bias, residual=residual, activation=("clamp", -20.0, 100.0))
    expected = np.clip(a.astype(float) @ real + bias + residual, -20, 100)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-4 * np.abs(real).max())


@pytest.mark.parametrize("outer", [(2, 3), (3, 1, 5), (0, 4)])
def test_rows_of_several_dimensions_and_of_any_strides(outer: tuple[int, ...]) -> None:
    packed, real = weights_of(8, 20, 35, 8)
    memory = np.random.default_rng(0).standard_normal((*outer, 20, 2), np.float32)
    a, y = memory[..., 0], np.full((*outer, 35), np.nan, np.float32)
    strides = tuple(step // 4 for step in a.strides)
    step = kernels.family("matmul").MatMul(
        View(0, "f4", a.shape, strides), None, View(1, "f4", y.shape), weights=packed
    )
    run_steps([step], [memory, y], 2)
    assert_product(y, np.ascontiguousarray(a), real)


def test_infinite_and_missing_numbers_are_those_of_real_weights() -> None:
    packed, _ = weights_of(4, 40, 33, 8, symmetric=True)
    a = np.zeros((3, 40), np.float32)
    a[0, 3], a[1, 5] = np.nan, np.inf
    y = product(a, packed)
    assert np.isnan(y[0]).all() and not np.isfinite(y[1]).any() and (y[2] == 0).all()


@pytest.mark.parametrize(
    "change, message",
    [
        ({"bits": 3}, "2, 4 or 8 bits in groups, got 3 bits"),
        ({"group": 0}, "a group of 0"),
        ({"codes": np.zeros((5, 9), np.uint8)}, r"expected codes of uint8 \(5, 8\), got uint8 \(5, 9\)"),
        ({"codes": np.zeros((5, 8), np.int8)}, "got int8"),
        ({"codes": np.zeros(8, np.uint8)}, r"rows of 16 codes, got codes \(8,\)"),
        ({"depth": -16}, "rows of -16 codes"),
        ({"depth": 2**62 + 16, "group": 2**61 + 8}, rf"rows of {2**62 + 16} codes, got codes \(5, 8\)"),  # as many bits
        ({"group": 2**63 - 1}, r"expected scales and zeros of float32 \(5, 1\)"),
        ({"scales": np.zeros((5, 1), np.float32)}, r"expected scales and zeros of float32 \(5, 2\), got .*\(5, 1\)"),
        ({"zeros": np.zeros(2, np.float32)}, r"got .* float32 \(2,\)"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "codes": np.zeros((5, 8), np.uint8), "scales": np.zeros((5, 2), np.float32),
        "zeros": np.zeros((), np.float32), "depth": 16, "group": 8, "bits": 4,
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        kernels.family("matmul_weights").CompressedWeights(**{**arguments, **change})


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("depth, group", [(1, 1), (9, 4), (64, 64)])
@pytest.mark.parametrize("one_zero", [False, True])
def test_rows_are_decompressed(bits: int, depth: int, group: int, one_zero: bool) -> None:
    """By the operator's own definition, which numpy carries out."""
    rng = np.random.default_rng(bits)
    codes = packed_rows(rng.integers(0, 1 << bits, (3, 2, depth), np.uint8), bits)
    scales = rng.standard_normal((3, 2, -(-depth // group)), np.float32)
    zeros = np.full((1, 1), 3, np.float32) if one_zero else rng.standard_normal(scales.shape, np.float32)
    (expected,) = Decompress(bits, depth, group).evaluate(codes, scales, zeros)
    arrays = [codes, scales, zeros, np.full_like(expected, np.nan)]
    views = [View(i, array.dtype, array.shape) for i, array in enumerate(arrays)]
    run_steps([kernels.family("gather").Decompress(*views, bits, group)], arrays, 2)
    np.testing.assert_array_equal(arrays[3], expected)
