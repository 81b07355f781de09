"""Chains of element-wise operations on numpy arrays: pytest bench/test_functions.py --benchmark-group-by=group.

numpy evaluates them step by step, numexpr and ovlite as one pass on all threads, numba (compiled with parallel=True) as
one loop. Each returns a new array.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

import ovlite as ov

Function = Callable[..., Any]
CHAINS: dict[str, tuple[Function, str]] = {
    "polynomial": (lambda x, y, z: x * x + 2 * x * y - z / 3 + 1, "x * x + 2 * x * y - z / 3 + 1"),
    "waves": (lambda x, y, z: np.sqrt(np.abs(x)) * np.exp(-y * y) + np.sin(z), "sqrt(abs(x)) * exp(-y * y) + sin(z)"),
    "choice": (lambda x, y, z: np.where(x > y, x - z, y * z), "where(x > y, x - z, y * z)"),
}


def _numpy(function: Function, text: str) -> Function:
    return function


def _ovlite(function: Function, text: str) -> Function:
    return ov.jit(function)


def _numexpr(function: Function, text: str) -> Function:
    import numexpr

    return lambda x, y, z: numexpr.evaluate(text, {"x": x, "y": y, "z": z})


def _numba(function: Function, text: str) -> Function:
    import numba

    made: Function = numba.njit(parallel=True)(function)
    return made


PACKAGES = {"numpy": _numpy, "ovlite": _ovlite, "numexpr": _numexpr, "numba": _numba}


@pytest.mark.parametrize("package", [name for name in PACKAGES if name in ("numpy", "ovlite") or find_spec(name)])
@pytest.mark.parametrize("count", [100_000, 4_000_000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CHAINS)
def test_chain(benchmark: Any, name: str, dtype: str, count: int, package: str) -> None:
    random = np.random.default_rng(7)
    arrays = [random.standard_normal(count).astype(dtype) for _ in "xyz"]
    run = PACKAGES[package](*CHAINS[name])
    benchmark.group = f"{name}, {count} of {dtype}"
    np.testing.assert_allclose(run(*arrays), CHAINS[name][0](*arrays), rtol=1e-4, atol=1e-5)
    benchmark(run, *arrays)
