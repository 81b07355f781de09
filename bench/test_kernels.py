"""Matrix products on each row of the level's table of kernels, on one thread, beside numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ovlite import kernels
from ovlite.kernels.runtime.executor import Frame, Program, Team
from ovlite.kernels.runtime.step import Step, View

SHAPES = [(784, 512, 128), (196, 1024, 256), (49, 2048, 512), (1, 4096, 1024)]


def product(row: Any, a: View, y: View, weights: np.ndarray[Any, Any]) -> Step:
    """The step that multiplies by constant weights on a row of the table."""
    family = kernels.family("matmul")
    if row.b == "f32":
        return family.MatMul(a, None, y, weights=family.pack(weights, row))
    columns = weights.shape[1]
    return family.QuantizedMatMul(
        a, y, weights=family.pack_int8(weights, row), shifts=np.zeros(columns, np.int32),
        scales=np.ones(columns, np.float32),
    )  # fmt: skip


@pytest.mark.parametrize("m, k, n", SHAPES)
@pytest.mark.parametrize("row", kernels.family("matmul").matrix_kernels(), ids=lambda row: row.name)
def test_matrix_kernel(benchmark: Any, row: Any, m: int, k: int, n: int) -> None:
    dtypes = {"f32": np.float32, "u8": np.uint8, "i8": np.int8}
    random = np.random.default_rng(0)
    a, weights = (
        (random.standard_normal(shape) * 50).astype(dtypes[kind]) for shape, kind in (((m, k), row.a), ((k, n), row.b))
    )
    y = np.zeros((m, n), np.float32)
    frame = Frame(Program([product(row, View(0, a.dtype, a.shape), View(1, y.dtype, y.shape), weights)], 2))
    frame.bind(0, a)
    frame.bind(1, y)
    benchmark.group = f"matmul {m} x {k} x {n}"
    benchmark.extra_info["flops"] = 2 * m * k * n
    benchmark(frame.execute, Team(1))


@pytest.mark.parametrize("m, k, n", SHAPES)
def test_numpy(benchmark: Any, m: int, k: int, n: int) -> None:
    random = np.random.default_rng(0)
    a, b = (random.standard_normal(shape).astype(np.float32) for shape in ((m, k), (k, n)))
    benchmark.group = f"matmul {m} x {k} x {n}"
    benchmark(np.matmul, a, b)
