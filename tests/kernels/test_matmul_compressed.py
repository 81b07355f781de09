"""Products by weights that stay codes of a few bits, against numpy in f64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ovlite import kernels
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View

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
