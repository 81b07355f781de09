"""Functions of numpy arrays: pytest bench/test_functions.py --benchmark-group-by=group.

Chains of element-wise operations: numpy evaluates them step by step, numexpr and ovlite as one pass on all threads,
numba (compiled with parallel=True) as one loop. Programs are those of bench/programs.py: numba runs their loops of
bench/loops.py, and Black-Scholes as it is, in float64 by its rules of promotion; numexpr runs those that are
expressions. Each returns new arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

import ovlite as ov

from . import loops, programs

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


def _normal(*shape: int) -> Any:
    return np.random.default_rng(7).standard_normal(shape, np.float32)


def _image() -> Any:
    return np.random.default_rng(7).integers(0, 255, (1080, 1920, 3), np.uint8)


# By the function of bench.programs: what makes its arguments.
ARGUMENTS: dict[str, Callable[[], tuple[Any, ...]]] = {
    "normalized_image": lambda: (_image(),),
    "image_of": lambda: (_normal(1, 3, 540, 960),),
    "softmax": lambda: (_normal(1000, 1000),),
    "layer_norm": lambda: (_normal(1000, 768), _normal(768), _normal(768)),
    "distances": lambda: (_normal(1000, 16), _normal(500, 16)),
    "k_means_step": lambda: (_normal(20_000, 16), _normal(32, 16)),
    "black_scholes": lambda: tuple(abs(_normal(3, 1_000_000)) + np.float32(1)),
    "n_body": lambda: (_normal(500, 3), _normal(500, 3), abs(_normal(500))),
}


def _evaluated_softmax(x: Any) -> Any:
    import numexpr

    e = numexpr.evaluate("exp(x - most)", {"x": x, "most": x.max(-1, keepdims=True)})
    return numexpr.evaluate("e / total", {"e": e, "total": e.sum(-1, keepdims=True)})


def _evaluated_black_scholes(spot: Any, strike: Any, years: Any) -> Any:
    import numexpr

    names: dict[str, Any] = {"spot": spot, "strike": strike, "years": years}
    names.update({name: np.float32(value) for name, value in {
        "rate": 0.02, "drift": 0.02 + 0.3**2 / 2, "volatility": 0.3, "half": 0.5, "one": 1, "cubic": 0.044715,
        "scale": math.sqrt(2 / math.pi),
    }.items()})  # fmt: skip
    for name, text in {
        "spread": "volatility * sqrt(years)",
        "d1": "(log(spot / strike) + drift * years) / spread",
        "d2": "d1 - spread",
        "discounted": "strike * exp(-rate * years)",
        "call": "spot * (half * (one + tanh(scale * (d1 + cubic * d1 * d1 * d1))))"
        " - discounted * (half * (one + tanh(scale * (d2 + cubic * d2 * d2 * d2))))",
        "put": "call - spot + discounted",
    }.items():
        names[name] = numexpr.evaluate(text, names)
    return names["call"], names["put"]


EVALUATED: dict[str, Function] = {"softmax": _evaluated_softmax, "black_scholes": _evaluated_black_scholes}


def _program(name: str, package: str) -> Function:
    """A function of bench.programs as a package runs it."""
    function: Function = getattr(programs, name)
    if package == "numexpr":
        return EVALUATED[name]
    if package == "numba":
        return _numba(getattr(loops, name, function), "")
    return PACKAGES[package](function, "")


def _arrays(results: Any) -> list[Any]:
    """The arrays of a result, a dict's in its order."""
    if isinstance(results, np.ndarray):
        return [results]
    return list(results.values() if hasattr(results, "values") else results)


@pytest.mark.parametrize("package", [name for name in PACKAGES if name in ("numpy", "ovlite") or find_spec(name)])
@pytest.mark.parametrize("name", ARGUMENTS)
def test_program(benchmark: Any, name: str, package: str) -> None:
    if package == "numexpr" and name not in EVALUATED:
        pytest.skip("not a chain of expressions")
    arguments, run = ARGUMENTS[name](), _program(name, package)
    benchmark.group = name
    expected = getattr(programs, name)(*arguments)
    for found, wanted in zip(_arrays(run(*arguments)), _arrays(expected), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)
    benchmark(run, *arguments)
