"""Latency of single operators: pytest bench/test_operators.py --benchmark-group-by=group."""

from __future__ import annotations

from typing import Any

import pytest

from . import operators
from .libraries import load


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", operators.CASES)
def test_operator(benchmark: Any, name: str, threads: int, library: str) -> None:
    run, inputs = load(library, operators.model(name), threads), operators.inputs(name)
    benchmark.group = f"{name}, {threads} threads"
    benchmark(run, inputs)
